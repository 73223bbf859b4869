/** What stays of what is pasted: words, links, lists and tables; no colours, faces or sizes. */

const KEPT: Record<string, readonly string[]> = {
  A: ['href'],
  IMG: ['src', 'alt', 'width', 'height', 'data-zegel-src'],
  TD: ['colspan', 'rowspan'],
  TH: ['colspan', 'rowspan', 'scope'],
  OL: ['start', 'type'],
  BLOCKQUOTE: ['type', 'style'],
  LI: ['value'],
};
const EMPTY_MEANING = /^(?:SPAN|FONT|CENTER|BIG|SMALL|NOBR|SECTION|ARTICLE|MAIN|HEADER|FOOTER|NAV|ASIDE)$/;

function isMerely(element: HTMLElement): boolean {
  if (EMPTY_MEANING.test(element.nodeName)) return true;
  // Some programs wrap all in bold that is none.
  const weight = element.style.fontWeight;
  return element.nodeName === 'B' && (weight === 'normal' || weight === '400');
}

/** Takes looks out of elements that were pasted, in place. */
export function withoutLooks(pasted: DocumentFragment): void {
  for (const element of [...pasted.querySelectorAll<HTMLElement>('*')]) {
    if (isMerely(element)) {
      element.replaceWith(...element.childNodes);
      continue;
    }
    const kept = KEPT[element.nodeName] ?? [];
    for (const { name } of [...element.attributes]) {
      if (!kept.includes(name) && name !== 'dir') element.removeAttribute(name);
    }
  }
  pasted.normalize();
}

/** Returns the picture in a `data:` address as a file; null where there is none. */
export function fileOf(address: string, name: string): File | null {
  const found = /^data:(image\/[\w.+-]+);base64,([\w+/=\s]+)$/i.exec(address);
  if (!found) return null;
  try {
    const octets = Uint8Array.from(atob(found[2]!), (each) => each.charCodeAt(0));
    return new File([octets], `${name}.${found[1]!.split('/')[1]!.replace('jpeg', 'jpg')}`, {
      type: found[1]!.toLowerCase(),
    });
  } catch {
    return null;
  }
}
