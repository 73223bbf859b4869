/** Words for what the server names: activities, grounds, rights and states. */
import type { Purpose, Right, StoredKind } from '@/account/types';
import { t, type TextKey } from '@/i18n';

export const STORED: readonly StoredKind[] = [
  'letters', 'mailboxes', 'contacts', 'filters', 'forwards', 'app_passwords', 'sessions', 'sign_ins',
  'woken_apps',
]; // prettier-ignore

const COUNTED: Record<StoredKind, TextKey> = {
  letters: 'privacy.letters',
  mailboxes: 'privacy.mailboxes',
  contacts: 'privacy.contacts',
  filters: 'privacy.filters',
  forwards: 'privacy.forwards',
  app_passwords: 'privacy.app_passwords',
  sessions: 'privacy.sessions',
  sign_ins: 'privacy.sign_ins',
  woken_apps: 'privacy.woken_apps',
};

/** Says how many there are of something. */
export const counted = (kind: StoredKind, count: number): string => t(COUNTED[kind], { count });

const ACTIVITIES: Partial<Record<string, TextKey>> = {
  mailboxes: 'privacy.act_mailboxes',
  receiving: 'privacy.act_receiving',
  sending: 'privacy.act_sending',
  lists: 'privacy.act_lists',
  scanning: 'privacy.act_scanning',
  learning: 'privacy.act_learning',
  'signing-in': 'privacy.act_signing_in',
  'identity-provider': 'privacy.act_identity_provider',
  webmail: 'privacy.act_webmail',
  push: 'privacy.act_push',
  reports: 'privacy.act_reports',
  accountability: 'privacy.act_accountability',
  escrow: 'privacy.act_escrow',
  consents: 'privacy.act_consents',
};

/** Says what an activity is for; one that a newer server has, by its name. */
export function activity(name: string): string {
  const key = ACTIVITIES[name];
  return key ? t(key) : name;
}

/** Says on what ground, by the points of GDPR Art. 6(1) that the register names. */
export function grounds(basis: string): string {
  const named: TextKey[] = [];
  if (basis.includes('6(1)(a)')) named.push('privacy.basis_consent');
  if (basis.includes('6(1)(b)')) named.push('privacy.basis_contract');
  if (basis.includes('6(1)(c)')) named.push('privacy.basis_duty');
  if (basis.includes('6(1)(f)')) named.push('privacy.basis_interest');
  return named.length > 0 ? named.map((key) => t(key)).join('; ') : basis;
}

const YEAR = 365;
const LEAP_DAYS = 2; // of five years

/** Says for how long. */
export function period({ with_account, longest_days }: Purpose): string {
  const count = longest_days;
  if (with_account) return count > 0 ? t('privacy.kept_both', { count }) : t('privacy.kept_yours');
  if (count >= YEAR) return t('privacy.kept_years', { count: Math.ceil((count - LEAP_DAYS) / YEAR) });
  return count > 0 ? t('privacy.kept_days', { count }) : t('privacy.kept_not');
}

/** What somebody answers; the others are buttons of their own. */
export const RIGHTS: readonly Right[] = [
  'access', 'rectification', 'objection', 'human-review', 'complaint',
]; // prettier-ignore

const ASKED: Record<Right, TextKey> = {
  access: 'privacy.right_access',
  portability: 'privacy.right_portability',
  rectification: 'privacy.right_rectification',
  erasure: 'privacy.right_erasure',
  restriction: 'privacy.right_restriction',
  objection: 'privacy.right_objection',
  'human-review': 'privacy.right_human_review',
  complaint: 'privacy.right_complaint',
};

/** Says what is asked for. */
export const right = (name: Right): string => t(ASKED[name]);

const STATES: Partial<Record<string, TextKey>> = {
  received: 'privacy.state_received',
  identity: 'privacy.state_identity',
  'in-progress': 'privacy.state_in_progress',
  extended: 'privacy.state_extended',
  done: 'privacy.state_done',
  refused: 'privacy.state_refused',
  forwarded: 'privacy.state_forwarded',
  withdrawn: 'privacy.state_withdrawn',
};

/** Says how far a request is; `day` is when it is answered by. */
export function progress(name: string, day: string): string {
  const key = STATES[name];
  return key ? t(key, { day }) : name;
}
