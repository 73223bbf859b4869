/** Pictures that are there to tell that a letter was opened. Source: PRIVACY §9. */

/** A picture this small shows nothing. */
const PIXELS = 2;

/** Where well-known services keep the pictures that count openings. */
const KNOWN =
  /\/(?:wf\/open|track\/open|trackopen|email_opened|e[23]?t\/o|ss\/o|emimp|__ptq\.gif|__utm\.gif|email_open_log_pic)\b|\/(?:o|open|pixel|beacon|tracking|imp(?:ression)?)\.(?:gif|png|jpg|php|aspx)\b|\b(?:list-manage\d*\.com\/track|google-analytics\.com|doubleclick\.net\/(?:ad|activity|pixel)|(?:sendgrid\.net|sparkpostmail\.com|mailgun\.org|mjt\.lu)\/(?:q|oo?)\b|facebook\.com\/tr\b|mailtrack\.io|bananatag\.com|yesware\.com\/t\b|mixmax\.com\/api\/track)/i;

/** Says whether an address is one of those that only count who opened. */
export function isTrackingUrl(url: string): boolean {
  return KNOWN.test(url);
}

function pixels(value: string | null): number | null {
  const found = /^\s*(\d+(?:\.\d+)?)(?:px)?\s*$/i.exec(value ?? '');
  return found ? Number(found[1]) : null;
}

function isHiding(style: CSSStyleDeclaration): boolean {
  if (style.display === 'none' || style.visibility === 'hidden') return true;
  return style.opacity !== '' && Number(style.opacity) < 0.02;
}

function size(image: HTMLElement, side: 'width' | 'height'): number | null {
  const sizes = [image.style[side], image.style.getPropertyValue(`max-${side}`), image.getAttribute(side)];
  const known = sizes.map(pixels).filter((each) => each !== null);
  return known.length ? Math.min(...known) : null;
}

/** Says whether a picture is too small to be seen, or hidden by itself or by what it lies in. */
export function isUnseen(image: HTMLElement): boolean {
  const [width, height] = [size(image, 'width'), size(image, 'height')];
  if (width === 0 || height === 0) return true;
  // A line of one pixel that is long enough draws something.
  if ((width ?? height ?? PIXELS + 1) <= PIXELS && (height ?? width!) <= PIXELS) return true;
  for (let at: HTMLElement | null = image; at; at = at.parentElement) {
    if (isHiding(at.style) || at.hasAttribute('hidden')) return true;
  }
  return false;
}
