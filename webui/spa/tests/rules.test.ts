/** The rules of the sources that no compiler keeps (WEBUI §5): each is a test with what breaks it. */
import { globSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parse, type AST } from 'svelte/compiler';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '..');
const FILES = globSync('src/**/*.{ts,svelte}', { cwd: ROOT }).map((path) => ({
  path,
  text: readFileSync(join(ROOT, path), 'utf8'),
}));
const COMPONENTS = FILES.filter(({ path }) => path.endsWith('.svelte'));
const PAGES = globSync('*.html', { cwd: ROOT }).map((path) => ({
  path,
  text: readFileSync(join(ROOT, path), 'utf8'),
}));

function found(files: typeof FILES, pattern: RegExp): string[] {
  return files.flatMap(({ path, text }) =>
    [...text.matchAll(pattern)].map((match) => {
      const line = text.slice(0, match.index).split('\n').length;
      return `${path}:${line}: ${match[0].trim()}`;
    }),
  );
}

test('HTML becomes a page in the frames alone', () => {
  const others = FILES.filter(({ path }) => !path.startsWith('src/render/'));
  const sinks =
    /\{@html\b|\b(innerHTML|outerHTML|insertAdjacentHTML|parseHTMLUnsafe|setHTMLUnsafe|srcdoc|createContextualFragment)\b|document\.write/g;
  expect(found(others, sinks)).toEqual([]);
});

test('no text becomes code', () => {
  expect(found(FILES, /\beval\(|new Function\(|javascript:/g)).toEqual([]);
});

test('nothing is styled or wired inline', () => {
  expect(found(COMPONENTS, /\sstyle=["'{]/g)).toEqual([]);
  expect(found([...COMPONENTS, ...PAGES], /\son\w+=["']/g)).toEqual([]);
  expect(found(PAGES, /\sstyle=|<style/g)).toEqual([]);
});

test('workers begin by the one policy', () => {
  const others = FILES.filter(({ path }) => path !== 'src/trusted-url.ts');
  expect(found(others, /createPolicy|trustedTypes/g).filter((line) => !line.startsWith('src/render/'))).toEqual([]);
});

test('nothing is asked of another origin', () => {
  const addresses = found(FILES, /https?:\/\/(?!www\.w3\.org\/)[\w.-]+/g);
  expect(addresses.filter((line) => !/src\/render\/|https?:\/\/(localhost|zegel\.invalid|[\w.-]*example)/.test(line))).toEqual([]);
  expect(found(PAGES, /https?:\/\//g)).toEqual([]);
});

test('colours are tokens', () => {
  const others = COMPONENTS.filter(({ path }) => !path.startsWith('src/render/'));
  const styles = others.map(({ path, text }) => ({ path, text: /<style>[\s\S]*<\/style>/.exec(text)?.[0] ?? '' }));
  expect(found(styles, /#[0-9a-f]{3,8}\b|\brgba?\(|\bhsla?\(/gi)).toEqual([]);
});

const SPOKEN = ['label', 'title', 'aria-label', 'placeholder', 'alt', 'hint', 'text', 'aria-description', 'error', 'kept'];
/** Words that are the same in every language. */
const NAMES = ['Zegel', 'kB', 'MB', 'GB', 'OpenPGP', 'Sieve', 'IMAP', 'SMTP', 'JMAP', 'DAV', 'vCard', 'CSV', 'JSON', 'PDF', 'QR', 'TOTP', 'URL', 'DNS', 'UTC', 'Esc', 'Cc', 'Bcc'];
const isSpoken = (text: string) =>
  /\p{L}{2}/u.test(NAMES.reduce((rest, name) => rest.replaceAll(name, ''), text));

function spokenIn(path: string, text: string): string[] {
  const words: string[] = [];
  const walk = (node: unknown): void => {
    if (Array.isArray(node)) return node.forEach(walk);
    if (typeof node !== 'object' || node === null || !('type' in node)) return;
    const at = node as AST.SvelteNode & { start: number };
    if (at.type === 'Text' && isSpoken(at.data)) words.push(at.data.trim());
    if (at.type === 'StyleDirective') return;
    if (at.type === 'Attribute') {
      const parts = Array.isArray(at.value) ? at.value : [];
      const says = parts.some((part) => part.type === 'Text' && isSpoken(part.data));
      if (SPOKEN.includes(at.name) && says) words.push(text.slice(at.start, at.end));
      return;
    }
    for (const [name, value] of Object.entries(at)) {
      if (!['css', 'instance', 'module', 'expression', 'metadata', 'comments'].includes(name)) walk(value);
    }
  };
  walk(parse(text, { modern: true, filename: path }).fragment);
  return words.map((word) => `${path}: ${word}`);
}

test('no words for people stand in a component', () => {
  expect(spokenIn('a.svelte', '<p>Hello</p><B label="To {x}" kind="primary" />{#if x}Yes{/if}')).toHaveLength(3);
  expect(spokenIn('a.svelte', '<p>{t("a.b")} · Zegel 12</p><style>p { color: red }</style>')).toEqual([]);
  expect(COMPONENTS.flatMap(({ path, text }) => spokenIn(path, text))).toEqual([]);
});

/** What each folder may import of the others; views and app may import everything. */
const LAYERS: Record<string, string[]> = {
  i18n: [],
  router: [],
  jmap: [],
  list: [],
  account: ['i18n', 'problem', 'online', 'jmap'],
  ui: ['i18n', 'problem'],
  keys: ['i18n', 'ui'],
  secrets: ['account', 'i18n', 'problem', 'ui'],
  state: ['jmap', 'list', 'i18n', 'problem', 'online', 'first', 'account', 'router', 'pgp', 'state', 'trusted-url', 'render'],
  render: ['i18n', 'keys', 'problem', 'trusted-url', 'ui'],
  pgp: ['trusted-url', 'jmap'],
};

test('imports go down', () => {
  const wrong: string[] = [];
  for (const { path, text } of FILES) {
    const folder = path.split('/')[1]!;
    const allowed = LAYERS[folder];
    if (!allowed) continue;
    for (const [, wanted] of text.matchAll(/(?:from|import\()\s*'@\/([\w-]+)/g)) {
      if (wanted !== folder && !allowed.includes(wanted!)) wrong.push(`${path}: ${wanted}`);
    }
    for (const [, steps] of text.matchAll(/from '((?:\.\.\/)+[\w./-]+)'/g)) {
      const to = relative(join(ROOT, 'src'), join(ROOT, path, '..', steps!)).split('/')[0]!;
      if (to !== folder && !allowed.includes(to)) wrong.push(`${path}: ${steps}`);
    }
  }
  expect(wrong).toEqual([]);
});
