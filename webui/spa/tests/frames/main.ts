/**
 * A page with the app's own frames and nothing else, for tests in real browsers: they drive it by
 * `zegel`, and it is served with the headers that the app has.
 */
import { mount } from 'svelte';
import '@/ui/tokens.css';
import '@/ui/base.css';
import { loadTexts } from '@/i18n';
import Frames from './Frames.svelte';

await loadTexts('app');
const frames = mount(Frames, { target: document.getElementById('app')! });
Object.assign(globalThis, { zegel: frames });
document.body.dataset.ready = 'true';
