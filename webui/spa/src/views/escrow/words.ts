/** Words for how far the organisation's recovery is. */
import type { EscrowState } from '@/account/types';
import { t, type TextKey } from '@/i18n';

const SAID: Partial<Record<EscrowState, TextKey>> = {
  on: 'escrow.state_on',
  due: 'escrow.state_due',
  notice: 'escrow.state_notice',
  waiting: 'escrow.state_waiting',
  renewal: 'escrow.state_renewal',
};

/** Says whether custodians can open the mailbox now. */
export function standing(state: EscrowState): string {
  const key = SAID[state];
  return key ? t(key) : '';
}
