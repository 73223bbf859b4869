/** Where the app begins: language and session are asked for at once, then the page is drawn. */
import './ui/tokens.css';
import './ui/base.css';
import { mount } from 'svelte';
import { session } from '@/account/session.svelte';
import { Offline } from '@/problem';
import { loadTexts, setLanguage } from '@/i18n';
import App from '@/app/App.svelte';
import { preferences } from '@/app/preferences.svelte';
import { router } from '@/router';
import { forgetDevice } from '@/state/keeper';

preferences.show();
const asked = session.check().catch(async (error: unknown) => {
  if (!(error instanceof Offline) || !(await remember())) return error;
  return true;
});
void asked.then((isIn) => {
  if (isIn === false) forgetDevice(); // the session ended while nobody looked
});
/** One's own device shows what it kept, while the server is not reached; says whether it has any. */
async function remember(): Promise<boolean> {
  const { offline } = await import('@/state/offline/offline.svelte');
  const info = await offline.remembered();
  if (info) session.resume(info);
  return info !== undefined;
}

// The page names the mail's files for a browser that brings a session: they run while it is asked.
if (document.querySelector('link[data-soon]')) void import('@/app/Shell.svelte').catch(() => undefined);

await setLanguage(preferences.firstLanguage);
await loadTexts('app');
router.start();
mount(App, { target: document.getElementById('app')!, props: { asked } });
