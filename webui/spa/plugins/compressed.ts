/** Writes `.br` and `.gz` beside each asset, so that the server never compresses while it serves. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import type { Plugin, ResolvedConfig } from 'vite';

const TEXT = /\.(js|css|svg|json|webmanifest|wasm)$/;
/** Below this a packet is a packet. */
const LEAST_OCTETS = 1024;

export function compressed(): Plugin {
  let config: ResolvedConfig;
  return {
    name: 'zegel-compressed',
    apply: 'build',
    enforce: 'post',
    configResolved(resolved) {
      config = resolved;
    },
    closeBundle() {
      const assets = join(config.build.outDir, 'assets');
      for (const name of readdirSync(assets)) {
        const body = readFileSync(join(assets, name));
        if (!TEXT.test(name) || body.length < LEAST_OCTETS) continue;
        const params = { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY };
        writeFileSync(join(assets, `${name}.br`), brotliCompressSync(body, { params }));
        writeFileSync(join(assets, `${name}.gz`), gzipSync(body, { level: 9 }));
      }
    },
  };
}
