/** Whether the app is dark now: frames cannot see which theme was chosen. */

const prefers = typeof matchMedia === 'function' ? matchMedia('(prefers-color-scheme: dark)') : undefined;

let isDark = $state(false);
let isWatched = false;

function look(): void {
  const theme = document.documentElement.dataset.theme;
  isDark = theme === 'dark' || (theme !== 'light' && (prefers?.matches ?? false));
}

/** Says whether the app is dark; a rune. */
export function dark(): boolean {
  if (!isWatched) {
    isWatched = true;
    prefers?.addEventListener('change', look);
    new MutationObserver(look).observe(document.documentElement, { attributeFilter: ['data-theme'] });
    queueMicrotask(look);
  }
  return isDark;
}
