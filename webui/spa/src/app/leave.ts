/** Signing out. */
import { account } from '@/account/client';
import { session } from '@/account/session.svelte';
import { t } from '@/i18n';
import { sayProblem } from '@/problem';
import { toasts } from '@/ui/toasts.svelte';
import { preferences } from './preferences.svelte';

/** Wipes this device, ends the session and begins anew; says so where that did not work. */
export async function signOut(): Promise<void> {
  try {
    await account.signOut();
  } catch (error) {
    toasts.error(`${t('app.sign_out_failed')}. ${sayProblem(error)}`);
    return;
  }
  await session.wipe();
  preferences.keep(); // signing out emptied what the browser kept
  location.replace('/'); // with a page of its own nothing stays in memory
}
