/**
 * The links of a letter. Those that give reason to ask have no address on the page: by no menu,
 * drag or key can they be followed past the question.
 */
import type { Cleaned } from '../clean/clean';
import { cleanLink, doubtsOf, shownSite } from '../links';
import type { DoubtfulLink, FromMessage } from '../protocol';
import type { App } from './app';

let doubtful = new Map<Element, DoubtfulLink>();

/** Forgets the links of the letter that was shown. */
export function forgetLinks(): void {
  doubtful = new Map();
}

function linkText(anchor: Element, words: string): string {
  const text = words.replace(/\s+/g, ' ').trim();
  return text || (anchor.querySelector('img')?.alt ?? anchor.getAttribute('alt') ?? '');
}

function askAbout(anchor: Element, link: DoubtfulLink): void {
  doubtful.set(anchor, link);
  for (const name of ['href', 'target', 'rel']) anchor.removeAttribute(name);
  anchor.setAttribute('role', 'link');
  anchor.setAttribute('tabindex', '0');
  anchor.classList.add('zegel-ask');
}

/** Gives a link of the letter its address, cleaned, or keeps it to be asked about. */
export function setLink(anchor: Element, raw: string, { counts }: Cleaned): void {
  const text = linkText(anchor, anchor.textContent ?? '');
  const link = cleanLink(raw, text);
  if (!link) return;
  counts.stripped += link.stripped;
  counts.unwrapped += link.unwrapped;
  anchor.setAttribute('title', shownSite(link.href));
  anchor.setAttribute('href', link.href);
  anchor.setAttribute('target', '_blank');
  anchor.setAttribute('rel', 'noopener noreferrer');
  const doubts = doubtsOf(link.href, text);
  if (doubts.length) askAbout(anchor, { href: link.href, text, doubts });
}

/** Looks at links again as they are drawn: words that are not shown may hide what a link names. */
export function lookAgain(page: HTMLElement): void {
  for (const anchor of page.querySelectorAll<HTMLAnchorElement>('a[href^=http]')) {
    if (!anchor.firstElementChild) continue;
    const text = linkText(anchor, anchor.innerText);
    const doubts = doubtsOf(anchor.href, text);
    if (doubts.length) askAbout(anchor, { href: anchor.href, text, doubts });
  }
}

function follow(event: MouseEvent, app: App<FromMessage>): void {
  const anchor = (event.target as Element | null)?.closest?.('a, area');
  if (!anchor || event.button === 2) return;
  const asked = doubtful.get(anchor);
  const href = anchor.getAttribute('href') ?? '';
  if (asked) {
    event.preventDefault();
    app.send({ kind: 'ask', link: asked });
  } else if (href.startsWith('#')) {
    // The app's page scrolls, not the frame: the place is told to it.
    event.preventDefault();
    const name = href.slice(1);
    const target = document.getElementById(name) ?? document.getElementsByName(name)[0];
    if (target) app.send({ kind: 'scroll', top: target.getBoundingClientRect().top + scrollY });
  } else if (/^mailto:/i.test(href)) {
    event.preventDefault();
    app.send({ kind: 'mailto', href });
  } else if (!href) {
    event.preventDefault();
  }
}

/** Follows links: what is certain opens by itself, all else is the app's to say. */
export function watchLinks(app: App<FromMessage>): void {
  for (const type of ['click', 'auxclick'] as const) {
    addEventListener(type, (event) => follow(event as MouseEvent, app), true);
  }
  addEventListener('keydown', (event) => {
    const asked = event.target instanceof Element ? doubtful.get(event.target) : undefined;
    if (asked && event.key === 'Enter') app.send({ kind: 'ask', link: asked });
  });
}
