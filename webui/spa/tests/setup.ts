/** What every unit test begins with: English texts, and what jsdom lacks of a browser. */
import { afterEach } from 'vitest';
import { loadTexts, setLanguage } from '@/i18n';

await setLanguage('en');
for (const group of ['app', 'signin', 'settings', 'contacts', 'admin', 'secure'] as const) {
  await loadTexts(group);
}

// jsdom draws nothing: modal dialogs and popovers only need to be open or not.
HTMLDialogElement.prototype.showModal ??= function (this: HTMLDialogElement) {
  this.setAttribute('open', '');
};
HTMLDialogElement.prototype.close ??= function (this: HTMLDialogElement) {
  this.removeAttribute('open');
  this.dispatchEvent(new Event('close'));
};
HTMLElement.prototype.showPopover ??= () => {};
HTMLElement.prototype.hidePopover ??= () => {};

afterEach(async () => {
  await setLanguage('en');
});
