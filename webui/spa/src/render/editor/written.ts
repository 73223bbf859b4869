/** What an editor holds, as it is sent. */
import type { Written } from '../protocol';
import { isUnwritten } from './parts';
import { restore } from './pictures';
import { plainText } from './plain';

/** Returns the letter's HTML and text. `css` is that of the letters it quotes. */
export function written(root: HTMLElement, css: string): Written {
  // In a document that is not shown nothing is fetched.
  const copy = document.implementation.createHTMLDocument('').importNode(root, true);
  for (const leftover of copy.querySelectorAll('input, [data-squire]')) leftover.remove();
  const inline = restore(copy);
  const used = css && copy.querySelector("[class^='m-quote-']");
  const body = copy.innerHTML.replace(/\u200b/g, '');
  return {
    html: used ? `<style>${css.trim()}</style>${body}` : body,
    text: plainText(copy),
    inline,
    empty: isUnwritten(root),
  };
}
