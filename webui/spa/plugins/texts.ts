/**
 * `virtual:texts/<group>/<language>`: the texts of a group of areas in one language, as one module;
 * `virtual:texts`: what loads each of them.
 *
 * A language is fetched when it is wanted, in one piece for each group; keys are `area.name`.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Plugin } from 'vite';
import { GROUPS, LANGUAGES, type Group } from '../src/i18n/areas.ts';

const ALL = 'virtual:texts';
const PREFIX = `${ALL}/`;
const FOLDER = new URL('../src/i18n/', import.meta.url).pathname;

/** Returns the file of an area's texts in a language. */
export const textFile = (area: string, language: string) => join(FOLDER, area, `${language}.json`);

/** Returns all texts of a group in a language, by their whole keys. */
export function merged(group: Group, language: string): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  for (const area of GROUPS[group]) {
    const file = textFile(area, language);
    if (!existsSync(file)) continue;
    const texts = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
    for (const [name, text] of Object.entries(texts)) found[`${area}.${name}`] = text;
  }
  return found;
}

function loaders(): string {
  const lines = Object.keys(GROUPS).flatMap((group) =>
    LANGUAGES.map((language) => {
      const name = `${group}/${language}`;
      return `  '${name}': () => import('${PREFIX}${name}'),`;
    }),
  );
  return `export default {\n${lines.join('\n')}\n};`;
}

export function texts(): Plugin {
  return {
    name: 'zegel-texts',
    resolveId: (id) => (id === ALL || id.startsWith(PREFIX) ? `\0${id}` : undefined),
    load(id) {
      if (id === `\0${ALL}`) return { code: loaders(), moduleType: 'js' };
      if (!id.startsWith(`\0${PREFIX}`)) return undefined;
      const [group, language] = id.slice(PREFIX.length + 1).split('/') as [Group, string];
      if (!(group in GROUPS) || !(LANGUAGES as readonly string[]).includes(language)) {
        throw new Error(`there are no texts ${group}/${language}`);
      }
      for (const area of GROUPS[group]) this.addWatchFile(textFile(area, language));
      // JSON.parse of a string is read faster than an object of the same size.
      const text = JSON.stringify(JSON.stringify(merged(group, language)));
      return { code: `export default JSON.parse(${text});`, moduleType: 'js' };
    },
  };
}
