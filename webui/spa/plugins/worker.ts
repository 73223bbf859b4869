/**
 * The service worker, at the root of the bundle: a browser lets it rule what lies below it.
 *
 * It is bundled by itself as a classic script and told which files the app consists of.
 */
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build, type Plugin, type ResolvedConfig } from 'vite';

const ROOT = new URL('..', import.meta.url).pathname;
const NAME = 'sw.js';
/** Fetched when they are wanted: large, and of no use without the network. */
const NOT_KEPT = /\.worker-|\/openpgp/;

async function script(files: string[]): Promise<string> {
  const version = createHash('sha256').update(files.join('\n')).digest('base64url').slice(0, 8);
  const made = await build({
    configFile: false,
    root: ROOT,
    logLevel: 'warn',
    publicDir: false,
    define: { __FILES__: JSON.stringify(files), __VERSION__: JSON.stringify(version) },
    build: {
      write: false,
      target: 'es2023',
      modulePreload: false,
      lib: { entry: join(ROOT, 'src/worker/sw.ts'), formats: ['iife'], name: 'zegelWorker' },
    },
  });
  const [first] = Array.isArray(made) ? made : [made];
  const chunk = first && 'output' in first ? first.output[0] : undefined;
  if (!chunk) throw new Error('the service worker became nothing');
  return chunk.code;
}

export function worker(): Plugin {
  let config: ResolvedConfig;
  return {
    name: 'zegel-worker',
    apply: 'build',
    configResolved(resolved) {
      config = resolved;
    },
    async writeBundle(_options, bundle) {
      const files = Object.keys(bundle)
        .filter((name) => /^assets\/.*\.(js|css|svg)$/.test(name) && !NOT_KEPT.test(name))
        .map((name) => `/${name}`)
        .sort();
      writeFileSync(join(config.build.outDir, NAME), await script(files));
    },
  };
}
