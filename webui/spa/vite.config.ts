import { fileURLToPath } from 'node:url';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';
import { compressed } from './plugins/compressed.ts';
import { frames } from './plugins/frames.ts';
import { texts } from './plugins/texts.ts';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** The pages there are. Each site's listener sends its own entry and no other's (WEBUI §1). */
const ENTRIES = { index: here('index.html') };

export default defineConfig({
  plugins: [svelte(), texts(), frames(), compressed()],
  resolve: { alias: { '@': here('src') } },
  publicDir: false,
  build: {
    outDir: here('../static'),
    emptyOutDir: true,
    manifest: true,
    target: 'es2023',
    // A file of its own each: `data:` scripts and styles do not pass our policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    rollupOptions: { input: ENTRIES },
  },
  worker: { format: 'es' },
});
