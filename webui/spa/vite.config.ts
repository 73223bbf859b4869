import { fileURLToPath } from 'node:url';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';
import { together } from './plugins/chunks.ts';
import { compressed } from './plugins/compressed.ts';
import { frames } from './plugins/frames.ts';
import { texts } from './plugins/texts.ts';
import { worker } from './plugins/worker.ts';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** The pages there are. Each site's listener sends its own entry and no other's (WEBUI §1). */
const ENTRIES = { index: here('index.html') };

/** What the first page fetches: before somebody has signed in, and after. */
const MAIN = here('src/main.ts');
const SIGN_IN = ['src/app/App.svelte', 'src/views/signin/View.svelte'].map(here);
const MAIL = [
  'src/app/App.svelte',
  'src/app/Shell.svelte',
  'src/views/mail/View.svelte',
  'src/views/search/SearchBox.svelte',
].map(here);

export default defineConfig({
  plugins: [svelte(), texts(), frames(), worker(), compressed()],
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
    rolldownOptions: {
      input: ENTRIES,
      output: { codeSplitting: { groups: [{ name: together(MAIN, SIGN_IN, MAIL), debugName: 'at once' }] } },
    },
  },
  worker: { format: 'es' },
});
