/**
 * The page that shows a letter. It runs in a frame of opaque origin, under a policy of its own
 * (WEBUI §4), knows nothing but what the app sends it, and asks nothing of any network.
 */
import { clean, type Cleaned } from '../clean/clean';
import type { FromMessage, Look, Report, ToMessage } from '../protocol';
import { PICTURE_TYPES } from '../protocol';
import { adaptColours } from './adapt';
import { connect, isAppCombination, told } from './app';
import { watchHeight } from './height';
import { forgetLinks, lookAgain, setLink, watchLinks } from './follow';

/** The class of a part's page, before its number. */
const SCOPE = 'zegel-letter-';

const sheet = document.getElementById('sheet')!;
const letterStyle = document.getElementById('letter')!;
const urls: string[] = [];
let shown: Cleaned[] = [];
let look: Look = { dark: false, adapt: false, language: '' };

const pictures = () => shown.flatMap((part) => part.pictures);

function sources(kind: 'inline' | 'remote'): string[] {
  const found = pictures().filter((picture) => picture.kind === kind);
  return [...new Set(found.map((picture) => picture.source))];
}

function report(): Report {
  const total = (name: 'trackers' | 'stripped' | 'unwrapped') =>
    shown.reduce((sum, { counts }) => sum + counts[name], 0);
  return {
    trackers: total('trackers'),
    stripped: total('stripped'),
    unwrapped: total('unwrapped'),
    forms: shown.some(({ counts }) => counts.forms),
    cut: shown.some(({ counts }) => counts.cut),
    inline: sources('inline'),
    remote: sources('remote'),
  };
}

/** Draws the letter; what the app is to know of it is sent once it stands. */
function show(number: number, html: readonly string[]): void {
  while (urls.length) URL.revokeObjectURL(urls.pop()!);
  forgetLinks();
  // Each part is a page of its own: neither its markup nor its styles reach another's.
  shown = html.map((part, at) => clean(part, { scope: SCOPE + at, own: false, link: setLink }));
  letterStyle.textContent = shown.map((part) => part.css).join('');
  sheet.replaceChildren(...shown.map((part) => part.page));
  lookAgain(sheet);
  scrollTo(0, 0);
  adaptColours(sheet, look.dark && look.adapt);
  app.send({ kind: 'shown', number, report: report() });
}

/** Puts a picture where the letter wants it; null takes its place away. */
function place(source: string, blob: Blob | null): void {
  const wanting = pictures().filter((picture) => picture.source === source);
  const isPicture = blob !== null && PICTURE_TYPES.test(blob.type);
  const url = isPicture && wanting.length ? URL.createObjectURL(blob) : null;
  if (url) urls.push(url);
  for (const { element } of wanting) {
    if (url) element.src = url;
    else element.removeAttribute('src');
  }
}

function setLook(next: Look): void {
  look = next;
  adaptColours(sheet, look.dark && look.adapt);
}

function receive(message: ToMessage): void {
  switch (message.kind) {
    case 'show':
      look = message.look;
      show(message.number, message.html);
      break;
    case 'look':
      setLook(message.look);
      break;
    case 'picture':
      place(message.source, message.blob);
      break;
  }
}

const app = connect<ToMessage, FromMessage>(receive);

/** What scrolls the page, and what walks through links, is the frame's own. */
const OWN_KEYS = /^(?:Tab|Arrow\w+|Page\w+|Home|End)$/;

addEventListener('keydown', (event) => {
  const isCombined = event.ctrlKey || event.metaKey || event.altKey;
  if (isCombined && !isAppCombination(event)) return;
  if (OWN_KEYS.test(event.key)) return;
  if (event.target !== document.body && /^(?:Enter| )$/.test(event.key)) return;
  if (isCombined || event.key === '/' || event.key === "'" || event.key === ' ') event.preventDefault();
  app.send({ kind: 'key', key: told(event) });
});

watchLinks(app);
watchHeight(sheet, (height) => app.send({ kind: 'height', height }));
app.send({ kind: 'ready' });
