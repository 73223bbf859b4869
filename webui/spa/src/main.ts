/** Where the app begins: language and session are asked for at once, then the page is drawn. */
import './ui/tokens.css';
import './ui/base.css';
import { mount } from 'svelte';
import { session } from '@/account/session.svelte';
import { loadTexts, setLanguage } from '@/i18n';
import App from '@/app/App.svelte';
import { preferences } from '@/app/preferences.svelte';
import { router } from '@/router';
import { forgetDevice } from '@/state/keeper';

preferences.show();
const asked = session.check().catch((error: unknown) => error);
void asked.then((isIn) => {
  if (isIn === false) forgetDevice(); // the session ended while nobody looked
});
await setLanguage(preferences.firstLanguage);
await loadTexts('app');
router.start();
mount(App, { target: document.getElementById('app')!, props: { asked } });
