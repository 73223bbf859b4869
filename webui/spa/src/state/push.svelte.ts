/** Whether the server tells what changes, for whoever wants to show it. */
import { Push, type PushState } from '@/jmap/push';
import { first } from '@/first';
import { client } from './client';
import { followers } from './followers';

class PushStore {
  #state = $state<PushState>('off');
  #push = new Push(client, {
    onChange: (states) => void followers.tell(states),
    // What changed between the first questions and the stream is small, and they are not to wait.
    onPoll: () => void first.there().then(() => followers.tell()),
    onState: (state) => (this.#state = state),
  });

  get state(): PushState {
    return this.#state;
  }

  start(): void {
    this.#push.start();
  }

  stop(): void {
    this.#push.stop();
  }

  /** Tries at once: the network is back, or the page is looked at again. */
  wake(): void {
    this.#push.wake();
  }
}

export const push = new PushStore();
