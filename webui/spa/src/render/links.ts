/**
 * Where links really go: without what follows the reader, and with what gives reason to ask first.
 *
 * Pure: the frames use it on letters, and the text view on what it finds in plain text.
 */
import { isDisguised, isSameSite, shownHost } from './hosts';

export interface CleanLink {
  /** Where it goes. */
  href: string;
  /** How many parameters that follow the reader were taken out. */
  stripped: number;
  /** How many redirecting services were skipped. */
  unwrapped: number;
}

/**
 * Why a link is asked about before it opens: its text names another site; its host is written in
 * letters that pass for others; a name stands before the host to be taken for it; the host is a
 * bare number.
 */
export type Doubt = 'elsewhere' | 'disguised' | 'userinfo' | 'number';

/** A link that is asked about before it opens. */
export interface DoubtfulLink {
  href: string;
  text: string;
  doubts: Doubt[];
}

const SCHEMES = new Set(['http:', 'https:', 'mailto:', 'tel:']);
const LEVELS = 5;
const LINK_CHARACTERS = 8192;
/** Of a text that may name a host; longer ones are sentences. */
const NAME_CHARACTERS = 512;

/** Names of parameters that only say who followed a link and from which letter. */
const TRACKING =
  /^(?:utm_\w+|[a-z]{0,3}cl(?:id|src)|[gw]braid|igsh(?:id)?|li_fat_id|epik|mc_[ce]id|_hs\w+|__hs\w+|hsctatracking|mkt_tok|vero_\w+|oly_\w+_id|_openstat|ml_subscriber\w*|ck_subscriber_id|rb_clickid|wickedid|s_cid|icid|trk_\w+|(?:pk|mtm|matomo|piwik)_\w+|elq\w*|_k[ex]|sc_\w+|spm\w+id|__s|dm_i|et_rid|emc(?:id)?|inf_contact_key|ref_src|trackingid|at_(?:campaign|medium|recipient_id|send_date|link_id)\w*|xtor)$/i;
/** Links to leave a list: what they carry may be how it knows whom to take off. */
const LEAVING =
  /unsub|opt-?out|afmeld|uitschrijv|abmeld|abbestell|d[eé]sabon|d[eé]sinscri|preferences|voorkeur/i;

/** Services that lead on to the address in one of their parameters. */
const REDIRECTORS: readonly (readonly [host: RegExp, path: RegExp, parameters: readonly string[]])[] = [
  [/(?:^|\.)google\.[a-z.]{2,6}$/, /^\/url$/, ['q', 'url']],
  [/(?:^|\.)safelinks\.protection\.(?:outlook|office365)\.\w+$/, /^\/(?:ap\/[\w-]+\/)?$/, ['url']],
  [/^urldefense(?:\.proofpoint)?\.com$/, /^\/v1\//, ['u']],
  [/^lm?\.(?:facebook|instagram)\.com$/, /^\/l?(?:\.php)?$/, ['u']],
  [/(?:^|\.)youtube\.com$/, /^\/(?:redirect|attribution_link)$/, ['q', 'u']],
  [/(?:^|\.)linkedin\.com$/, /^\/(?:redir\/redirect|safety\/go)\/?$/, ['url']],
  [/^slack-redir\.net$/, /^\/link$/, ['url']],
  [/^(?:www\.)?bing\.com$/, /^\/(?:aclick|alink\/link)$/, ['url']],
  [/^duckduckgo\.com$/, /^\/l\/?$/, ['uddg']],
  [/^t\.umblr\.com$/, /^\/redirect$/, ['z']],
];

/** Reads an address as a browser would that is not on any page; null where it is none for us. */
function parsed(raw: string): URL | null {
  let text = raw.trim();
  if (text.length > LINK_CHARACTERS) return null;
  if (text.startsWith('//')) text = `https:${text}`;
  else if (/^www\./i.test(text)) text = `http://${text}`;
  try {
    const url = new URL(text);
    return SCHEMES.has(url.protocol) ? url : null;
  } catch {
    return null;
  }
}

function webUrl(text: string | null | undefined): URL | null {
  const url = text ? parsed(text) : null;
  return url && url.protocol.startsWith('http') ? url : null;
}

/** Reads `urldefense.com/v3/__url__;…`: characters that were `*` follow in base64 of UTF-8. */
function undefended(url: URL): URL | null {
  const found = /^\/v3\/__(.+?)__;([\w-]*)/.exec(url.pathname + url.search);
  if (!/^urldefense\.(?:com|us)$/.test(url.hostname) || !found) return null;
  let left = '';
  try {
    const octets = atob(found[2]!.replaceAll('-', '+').replaceAll('_', '/'));
    left = new TextDecoder().decode(Uint8Array.from(octets, (each) => each.charCodeAt(0)));
  } catch {
    return null;
  }
  const letters = [...left];
  // It folds `://` to `:/` in the path.
  const target = found[1]!.replace(/^(https?):\/(?!\/)/, '$1://');
  return webUrl(target.replace(/\*(?!\*)/g, () => letters.shift() ?? '*'));
}

/** Reads `urldefense.proofpoint.com/v2/url?u=`: `-` stands for `%` and `_` for `/`. */
function proofpoint(url: URL): URL | null {
  if (url.hostname !== 'urldefense.proofpoint.com' || url.pathname !== '/v2/url') return null;
  const packed = url.searchParams.get('u') ?? '';
  try {
    return webUrl(decodeURIComponent(packed.replaceAll('-', '%').replaceAll('_', '/')));
  } catch {
    return null;
  }
}

/** Reads `mandrillapp.com/track/click/…?p=`: JSON in JSON in base64. */
function mandrill(url: URL): URL | null {
  if (!/(?:^|\.)mandrillapp\.com$/.test(url.hostname)) return null;
  try {
    const outer = JSON.parse(atob(url.searchParams.get('p') ?? '')) as { p?: unknown };
    const inner = JSON.parse(String(outer.p)) as { url?: unknown };
    return webUrl(String(inner.url));
  } catch {
    return null;
  }
}

function next(url: URL): URL | null {
  for (const [host, path, parameters] of REDIRECTORS) {
    if (!host.test(url.hostname) || !path.test(url.pathname)) continue;
    for (const name of parameters) {
      const target = webUrl(url.searchParams.get(name));
      if (target) return target;
    }
  }
  return undefended(url) ?? proofpoint(url) ?? mandrill(url);
}

function withoutTracking(url: URL): number {
  const fields = url.search.slice(1).split('&');
  const kept = fields.filter((field) => !TRACKING.test(field.split('=', 1)[0]!));
  // Written back as they were: URLSearchParams would encode all of it anew.
  if (kept.length < fields.length) url.search = kept.join('&');
  return fields.length - kept.length;
}

/**
 * Returns where a link goes once it follows nobody; null where it is no link that we open.
 *
 * Only http, https, mailto and tel are. Addresses of services that lead on are opened up without
 * asking them.
 */
export function cleanLink(raw: string, text = ''): CleanLink | null {
  let url = parsed(raw);
  if (!url) return null;
  if (!url.protocol.startsWith('http')) return { href: url.href, stripped: 0, unwrapped: 0 };
  let unwrapped = 0;
  for (let target = next(url); target && unwrapped < LEVELS; target = next(url)) {
    url = target;
    unwrapped += 1;
  }
  const isLeaving = LEAVING.test(url.href) || LEAVING.test(text);
  return { stripped: isLeaving ? 0 : withoutTracking(url), href: url.href, unwrapped };
}

/** Endings that are files more often than countries. */
const FILES = new Set('ai cc exe js md mp pdf pl ps py rs sh so ts zip'.split(' '));

const NAMED =
  /^(?:(?<scheme>[a-z][a-z\d+.-]*):\/\/)?(?:[^\s/@]+@)?(?<host>(?:[\p{L}\p{N}_-]+\.)+(?<top>\p{L}{2,}|xn--[a-z\d-]+))\.?(?::\d+)?(?<rest>[/?#]\S*)?$/iu;
/** Says within a sentence where it goes. */
const PLAINLY = /(?:https?:\/\/|www\.)[^\s<>"']+/i;
/** Letters that are not drawn, and marks that turn the direction of what is. */
const UNDRAWN = /[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g;

/** Returns the host that a link's text names; empty where it names none. */
export function namedHost(text: string): string {
  const plain = text.slice(0, NAME_CHARACTERS).trim().replace(UNDRAWN, '');
  const found = (NAMED.exec(plain) ?? NAMED.exec(PLAINLY.exec(plain)?.[0] ?? ''))?.groups;
  if (!found) return '';
  const isPlainly = found.scheme || found.rest || /^www\./i.test(found.host!) || plain.includes('@');
  return isPlainly || !FILES.has(found.top!.toLowerCase()) ? found.host!.toLowerCase() : '';
}

/** Returns why to ask before a link with this text opens; none where it is what it seems. */
export function doubtsOf(href: string, text: string): Doubt[] {
  let url: URL;
  try {
    url = new URL(href);
  } catch {
    return ['elsewhere'];
  }
  const found: Doubt[] = [];
  const named = namedHost(text);
  if (url.protocol === 'mailto:') {
    const domain = url.pathname.replace(/%40/gi, '@').split('@').pop() ?? '';
    return named && !isSameSite(named, domain) ? ['elsewhere'] : [];
  }
  if (!url.protocol.startsWith('http')) return found;
  if (named && !isSameSite(named, url.hostname)) found.push('elsewhere');
  if (isDisguised(url.hostname) || /[\u202d\u202e]/.test(text)) found.push('disguised');
  if (url.username || url.password) found.push('userinfo');
  if (/^(?:\[|\d+(?:\.\d+){3}$)/.test(url.hostname)) found.push('number');
  return found;
}

/** Returns the site of a link as it is shown to people: its own script, then its A-labels. */
export function shownSite(href: string): string {
  try {
    const url = new URL(href);
    if (!url.protocol.startsWith('http')) return url.pathname;
    const shown = shownHost(url.host);
    return shown === url.host ? shown : `${shown} (${url.host})`;
  } catch {
    return href;
  }
}
