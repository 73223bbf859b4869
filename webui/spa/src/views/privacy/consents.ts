/** Words for consents, and what can be done with each. */
import type { Consent } from '@/account/types';
import { formatDate, t } from '@/i18n';

/** Says how a consent stands, with its day and the version of its text. */
export function stand(one: Consent): string {
  const day = one.since ? formatDate(one.since, 'date') : '';
  switch (one.stand) {
    case 'given':
      return t('privacy.consent_given', { day, version: one.agreed?.version ?? '' });
    case 'waits':
      return t('privacy.consent_waits', { day });
    case 'withdrawn':
      return t('privacy.consent_withdrawn', { day });
    case 'nothing':
      return t(one.as_customer ? 'privacy.consent_customer' : 'privacy.consent_nothing');
  }
}

/** Says whether there is a question that was not answered with yes. */
export const canAgree = (one: Consent): boolean =>
  one.question !== null && (one.stand !== 'given' || isNewer(one));

/** Says whether another version is asked now than was agreed to. */
export const isNewer = (one: Consent): boolean =>
  one.stand === 'given' && one.question !== null && one.question.version !== one.agreed?.version;

/** Says whether there is something to say no to. */
export const canRefuse = (one: Consent): boolean => one.stand === 'given' || one.stand === 'waits' || one.as_customer;
