/**
 * The pages that run in sandboxed frames: an own classic script each (WEBUI §4).
 *
 * A frame has an opaque origin, where module scripts do not load, so each is bundled by itself as
 * an immediately invoked function. `%SCRIPT%` in its page becomes the script's path; the server
 * names that path in the frame's policy.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build, type Plugin, type ResolvedConfig } from 'vite';

export interface Frame {
  /** What its page and script are called in the bundle. */
  name: string;
  entry: string;
  page: string;
}

export const FRAMES: Frame[] = [
  { name: 'frame', entry: 'src/render/frame/main.ts', page: 'src/render/frame/page.html' },
  { name: 'editor', entry: 'src/render/editor/main.ts', page: 'src/render/editor/page.html' },
];

const ROOT = new URL('..', import.meta.url).pathname;

async function script(entry: string): Promise<string> {
  const made = await build({
    configFile: false,
    root: ROOT,
    logLevel: 'warn',
    resolve: { alias: { '@': join(ROOT, 'src') } },
    publicDir: false,
    build: {
      write: false,
      target: 'es2023',
      cssCodeSplit: false,
      modulePreload: false,
      lib: { entry: join(ROOT, entry), formats: ['iife'], name: 'zegelFrame' },
    },
  });
  const outputs = (Array.isArray(made) ? made : [made]).flatMap((each) =>
    'output' in each ? each.output : [],
  );
  const chunks = outputs.filter((each) => each.type === 'chunk');
  if (chunks.length !== 1) throw new Error(`${entry} became ${chunks.length} scripts`);
  return chunks[0]!.code;
}

async function write(frame: Frame, directory: string): Promise<void> {
  const code = await script(frame.entry);
  const hash = createHash('sha256').update(code).digest('base64url').slice(0, 8);
  const path = `assets/${frame.name}-${hash}.js`;
  mkdirSync(join(directory, 'assets'), { recursive: true });
  writeFileSync(join(directory, path), code);
  const page = readFileSync(join(ROOT, frame.page), 'utf8');
  if (!page.includes('%SCRIPT%')) throw new Error(`${frame.page} does not name %SCRIPT%`);
  writeFileSync(join(directory, `${frame.name}.html`), page.replaceAll('%SCRIPT%', `/${path}`));
}

export function frames(): Plugin {
  let config: ResolvedConfig;
  return {
    name: 'zegel-frames',
    apply: 'build',
    configResolved(resolved) {
      config = resolved;
    },
    async writeBundle() {
      for (const frame of FRAMES) {
        if (existsSync(join(ROOT, frame.entry))) await write(frame, config.build.outDir);
      }
    },
  };
}
