/**
 * Pictures of a draft. On the page each has the address of a Blob, if there is one, and keeps where
 * it comes from in an attribute of ours; what is sent has that again.
 */
import type { Picture } from '../clean/clean';
import { PICTURE_TYPES } from '../protocol';

const SOURCE = 'data-zegel-src';

const urls = new Map<string, string>();

/** Returns what a picture's origin is called on the page. */
function named({ kind, source }: Pick<Picture, 'kind' | 'source'>): string {
  return kind === 'inline' ? `cid:${source}` : source;
}

/** Marks a picture with where it comes from, and shows it if it is there. */
export function mark(picture: Picture): void {
  const name = named(picture);
  picture.element.setAttribute(SOURCE, name);
  const url = urls.get(name);
  if (url) picture.element.setAttribute('src', url);
}

export function isKnown(picture: Picture): boolean {
  return urls.has(named(picture));
}

/** Keeps a picture of the letter; returns its address, null where it is none that we show. */
export function keep(name: string, blob: Blob | null): string | null {
  if (!blob || !PICTURE_TYPES.test(blob.type)) return null;
  const before = urls.get(name);
  if (before) URL.revokeObjectURL(before);
  const url = URL.createObjectURL(blob);
  urls.set(name, url);
  return url;
}

/** Returns the attributes of a new picture. */
export function attributes(id: string, alt: string): Record<string, string> {
  return { [SOURCE]: `cid:${id}`, alt };
}

/** Shows a picture wherever the draft has it. */
export function show(root: HTMLElement, name: string, url: string): void {
  for (const image of root.querySelectorAll('img')) {
    if (image.getAttribute(SOURCE) === name) image.src = url;
  }
}

/**
 * Gives the pictures of a copy their origins back; returns the Content-IDs among them. The copy
 * belongs to no page that is shown: there, an address of elsewhere would be fetched.
 */
export function restore(copy: HTMLElement): string[] {
  const inline = new Set<string>();
  for (const image of copy.querySelectorAll('img')) {
    const name = image.getAttribute(SOURCE);
    image.removeAttribute(SOURCE);
    if (name) image.setAttribute('src', name);
    else if (!image.getAttribute('src')?.startsWith('data:')) image.remove();
    if (name?.startsWith('cid:')) inline.add(name.slice(4));
  }
  return [...inline];
}

/** Gives HTML for the clipboard its origins back. */
export function restoredText(html: string): string {
  return html.replace(/<img\b[^>]*>/gi, (image) =>
    image.includes(`${SOURCE}="`)
      ? image.replace(/\ssrc="[^"]*"/i, '').replace(`${SOURCE}="`, 'src="')
      : image,
  );
}
