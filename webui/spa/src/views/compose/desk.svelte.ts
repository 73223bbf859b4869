/** Which messages are being written on this screen, which is in front, and how each shows. */
import { compose, type Draft } from '@/state/compose.svelte';
import type { Seed } from '@/state/draft.svelte';

export type Shape = 'docked' | 'minimised' | 'full';

class ComposeDesk {
  #shapes = $state<Record<string, Shape>>({});
  #front = $state<string>();

  /** Begins a message, and brings it to the front. */
  async begin(seed: Seed = {}): Promise<void> {
    this.bring(await compose.open(seed));
  }

  get front(): Draft | undefined {
    const open = compose.panels;
    return open.find((draft) => draft.key === this.#front) ?? open.at(-1);
  }

  shapeOf(draft: Draft): Shape {
    return this.#shapes[draft.key] ?? 'docked';
  }

  shape(draft: Draft, shape: Shape): void {
    this.#shapes[draft.key] = shape;
    if (shape !== 'minimised') this.#front = draft.key;
  }

  bring(draft: Draft): void {
    if (this.shapeOf(draft) === 'minimised') this.#shapes[draft.key] = 'docked';
    this.#front = draft.key;
  }

  /** Brings the next one to the front. */
  next(): void {
    const open = compose.panels;
    const front = this.front;
    const next = open[((front ? open.indexOf(front) : -1) + 1) % open.length];
    if (next) this.bring(next);
  }
}

export const composeDesk = new ComposeDesk();
