/**
 * The page that shows a letter. It runs in a frame of opaque origin, under a policy of its own
 * (WEBUI §4), knows nothing but what the app sends it, and asks nothing of any network.
 */
import { clean, type Cleaned } from '../clean/clean';
import type { FromMessage, Look, ToMessage } from '../protocol';
import { PICTURE_TYPES } from '../protocol';
import { adaptColours } from './adapt';
import { connect, isAppCombination, told } from './app';
import { watchHeight } from './height';
import { forgetLinks, lookAgain, setLink, watchLinks } from './follow';

const SCOPE = 'zegel-letter';

const sheet = document.getElementById('sheet')!;
const letterStyle = document.getElementById('letter')!;
const urls: string[] = [];
let shown: Cleaned | undefined;
let look: Look = { dark: false, adapt: false, language: '' };

function sources(kind: 'inline' | 'remote'): string[] {
  const found = shown!.pictures.filter((picture) => picture.kind === kind);
  return [...new Set(found.map((picture) => picture.source))];
}

/** Draws the letter; what the app is to know of it is sent once it stands. */
function show(number: number, html: string): void {
  while (urls.length) URL.revokeObjectURL(urls.pop()!);
  forgetLinks();
  shown = clean(html, { scope: SCOPE, own: false, link: setLink });
  letterStyle.textContent = shown.css;
  sheet.replaceChildren(shown.page);
  lookAgain(shown.page);
  scrollTo(0, 0);
  adaptColours(sheet, look.dark && look.adapt);
  app.send({
    kind: 'shown',
    number,
    report: { ...shown.counts, inline: sources('inline'), remote: sources('remote') },
  });
}

/** Puts a picture where the letter wants it; null takes its place away. */
function place(source: string, blob: Blob | null): void {
  const wanting = shown?.pictures.filter((picture) => picture.source === source) ?? [];
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
  if (shown) adaptColours(sheet, look.dark && look.adapt);
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
