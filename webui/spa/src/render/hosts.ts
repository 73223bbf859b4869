/**
 * Host names as people read them: in their own script, and by what they look like.
 *
 * A short list of what is confused in practice, not all of UTS 39, as the server's screening has it.
 */

const LOOKS_LIKE = new Map<string, string>(
  [
    ['01357', 'oiest'],
    ['аеорсухіјѕԁһӏкмнтвгԛԝ', 'aeopcyxijsdhikmhtbrqw'],
    ['αινορτυχκηωε', 'aivoptuxknwe'],
    ['ıłøđħɡ', 'iiodhg'],
    ['l|', 'ii'],
  ].flatMap(([from, to]) => [...from!].map((letter, at) => [letter, to![at]!] as const)),
);
const PAIRS: readonly (readonly [string, string])[] = [
  ['rn', 'm'],
  ['vv', 'w'],
  ['cl', 'd'],
  ['cj', 'g'],
];
/** Shorter names are one letter off each other by chance. */
const LEAST_LETTERS = 5;
const HOST_CHARACTERS = 255;

const SCRIPTS = ['Latin', 'Cyrillic', 'Greek', 'Armenian', 'Hebrew', 'Arabic', 'Cherokee'] as const;
const SCRIPT = SCRIPTS.map((name) => new RegExp(`\\p{Script=${name}}`, 'u'));

const BASE = 36;
const LEAST = 1;
const MOST = 26;

function adapted(delta: number, points: number, isFirst: boolean): number {
  let left = isFirst ? Math.floor(delta / 700) : delta >> 1;
  left += Math.floor(left / points);
  let steps = 0;
  for (; left > ((BASE - LEAST) * MOST) >> 1; steps += BASE) {
    left = Math.floor(left / (BASE - LEAST));
  }
  return steps + Math.floor(((BASE - LEAST + 1) * left) / (left + 38));
}

/** Decodes the part of an A-label after `xn--`; null or empty where it is none. Source: RFC 3492 §6.2. */
function decoded(text: string): string | null {
  const dash = text.lastIndexOf('-');
  const output = dash > 0 ? [...text.slice(0, dash)].map((each) => each.codePointAt(0)!) : [];
  let point = 128;
  let index = 0;
  let bias = 72;
  for (let at = dash > 0 ? dash + 1 : 0; at < text.length; ) {
    const before = index;
    for (let weight = 1, step = BASE; ; step += BASE) {
      const digit = parseInt(text[at++] ?? '', BASE);
      if (Number.isNaN(digit)) return null;
      // Letters stand for 0 to 25 and digits for 26 to 35: parseInt has it the other way round.
      const value = digit < 10 ? digit + 26 : digit - 10;
      index += value * weight;
      const threshold = Math.min(MOST, Math.max(LEAST, step - bias));
      if (value < threshold) break;
      weight *= BASE - threshold;
      if (weight > 0x7fffffff || index > 0x7fffffff) return null;
    }
    bias = adapted(index - before, output.length + 1, before === 0);
    point += Math.floor(index / (output.length + 1));
    if (point > 0x10ffff) return null;
    index %= output.length + 1;
    output.splice(index++, 0, point);
  }
  return String.fromCodePoint(...output);
}

/** Returns a host with its A-labels in their own script. Source: RFC 5890 §2.3.2.1. */
export function shownHost(host: string): string {
  if (!host.includes('xn--')) return host;
  return host
    .split('.')
    .map((label) => (label.startsWith('xn--') ? (decoded(label.slice(4)) || label) : label))
    .join('.');
}

/** Returns a host in small letters and A-labels; the text itself where it is no host. */
export function asciiHost(host: string): string {
  const plain = host.trim().toLowerCase().replace(/\.$/, '');
  try {
    return new URL(`https://${plain}`).hostname;
  } catch {
    return plain;
  }
}

/**
 * Says whether a host hides what it is: a label of several scripts, or one of another script whose
 * every letter passes for a Latin one, under a Latin top-level domain.
 */
export function isDisguised(host: string): boolean {
  const labels = shownHost(host).split('.');
  const top = labels.at(-1) ?? '';
  return labels.some((label) => {
    const scripts = SCRIPT.filter((script) => script.test(label));
    if (scripts.length > 1) return true;
    const isForeign = /[^\x00-\x7f]/.test(label) && !SCRIPT[0]!.test(label);
    return isForeign && /^[a-z0-9-]+$/.test(skeleton(label)) && /^[a-z0-9-]+$/i.test(top);
  });
}

/** Returns what is left of a name for a hasty eye. */
export function skeleton(name: string): string {
  let plain = shownHost(name.slice(0, HOST_CHARACTERS).toLowerCase());
  plain = plain.normalize('NFKD').replace(/\p{M}/gu, '');
  for (const [pair, one] of PAIRS) plain = plain.replaceAll(pair, one);
  return [...plain].map((letter) => LOOKS_LIKE.get(letter) ?? letter).join('').replaceAll('-', '');
}

/** Says whether one letter more, less, exchanged or swapped makes one text the other. */
export function isOneOff(one: string, other: string): boolean {
  if (one === other || Math.abs(one.length - other.length) > 1) return false;
  let at = 0;
  while (one[at] === other[at]) at += 1;
  const [left, right] = [one.slice(at + 1), other.slice(at + 1)];
  if (left === right || one.slice(at) === right || left === other.slice(at)) return true;
  return (
    one[at] === other[at + 1] && one[at + 1] === other[at] && left.slice(1) === right.slice(1)
  );
}

const SECOND_LEVEL = new Set('ac co com edu go gob gov ltd mil ne net nom or org plc sch'.split(' '));

/** Returns the domain that somebody registered, as far as that can be told without a list. */
export function siteOf(host: string): string {
  const labels = asciiHost(host).split('.');
  const isDeep = labels.length > 2 && labels.at(-1)!.length === 2 && SECOND_LEVEL.has(labels.at(-2)!);
  return labels.slice(isDeep ? -3 : -2).join('.');
}

export function isSameSite(one: string, other: string): boolean {
  return siteOf(one) === siteOf(other);
}

/** Says whether `host` wants to be taken for `known` and is none of it. */
export function imitates(host: string, known: string): boolean {
  const [theirs, ours] = [asciiHost(host), asciiHost(known)];
  if (!theirs || !ours || theirs === ours) return false;
  if (theirs.endsWith(`.${ours}`) || ours.endsWith(`.${theirs}`)) return false;
  // `bank.nl.example.com` and `bank-nl.example.com` begin as what they are not.
  if (`.${theirs}`.includes(`.${ours}.`)) return true;
  if (theirs.startsWith(`${ours.replaceAll('.', '-')}.`)) return true;
  const [one, other] = [skeleton(siteOf(theirs)), skeleton(siteOf(ours))];
  if (isSameSite(theirs, ours)) return false;
  if (one === other) return true;
  const name = other.slice(0, other.lastIndexOf('.'));
  return name.length >= LEAST_LETTERS && isOneOff(one, other);
}
