/** What each entry of the sign-in history says (`mailserver.accounts.history.What`). */
import type { TextKey } from '@/i18n';

export const SAID: Partial<Record<string, TextKey>> = {
  'signed-in': 'settings.event_signed_in',
  'password-failed': 'settings.event_password_failed',
  'factor-failed': 'settings.event_factor_failed',
  'code-failed': 'settings.event_code_failed',
  'rescue-failed': 'settings.event_rescue_failed',
  'vault-failed': 'settings.event_vault_failed',
};
