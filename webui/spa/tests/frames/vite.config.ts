import { fileURLToPath } from 'node:url';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';
import { frames } from '../../plugins/frames.ts';
import { texts } from '../../plugins/texts.ts';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** Builds the page of the frames' tests; `--outDir` says where. */
export default defineConfig({
  root: here('.'),
  plugins: [svelte({ configFile: here('../../svelte.config.js') }), texts(), frames()],
  resolve: { alias: { '@': here('../../src') } },
  publicDir: false,
  build: {
    emptyOutDir: true,
    manifest: true,
    target: 'es2023',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
});
