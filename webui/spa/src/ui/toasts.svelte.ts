/**
 * Short messages at the edge of the page, and what can be undone.
 *
 * `undoable` is what a view calls after it did something: the message stands long enough to be
 * reached by keyboard (F6), and `z` undoes the last of them.
 */

export interface Toast {
  id: number;
  text: string;
  kind: 'info' | 'error';
  action?: { label: string; run: () => void } | undefined;
}

interface Options {
  kind?: Toast['kind'];
  action?: Toast['action'];
  /** How long it stays; with an action never less than ten seconds (WEBUI §8). */
  seconds?: number;
}

const SECONDS = 5;
const WITH_ACTION_SECONDS = 10;
const AT_ONCE = 3;
const UNDOABLE = 20;

class Toasts {
  #list = $state.raw<readonly Toast[]>([]);
  #undo: { toast: number; run: () => void }[] = [];
  #timers = new Map<number, { left: number; began: number; timer?: ReturnType<typeof setTimeout> }>();
  #next = 1;
  #held = false;

  get list(): readonly Toast[] {
    return this.#list;
  }

  /** Shows a message; returns what takes it away. */
  show(text: string, { kind = 'info', action, seconds }: Options = {}): () => void {
    const id = this.#next++;
    const wanted = seconds ?? (action ? WITH_ACTION_SECONDS : SECONDS);
    const stays = action ? Math.max(wanted, WITH_ACTION_SECONDS) : wanted;
    this.#list = [...this.#list, { id, text, kind, action }].slice(-AT_ONCE);
    this.#timers.set(id, { left: stays * 1000, began: 0 });
    if (!this.#held) this.#run(id);
    return () => this.close(id);
  }

  error(text: string, options: Omit<Options, 'kind'> = {}): () => void {
    return this.show(text, { seconds: WITH_ACTION_SECONDS, ...options, kind: 'error' });
  }

  /** Says what was done, with a button that undoes it; `z` does so too while it is the last. */
  undoable(text: string, label: string, undo: () => void, seconds?: number): () => void {
    const run = () => {
      this.#undo = this.#undo.filter((each) => each.run !== run);
      undo();
    };
    const close = this.show(text, { action: { label, run }, ...(seconds && { seconds }) });
    this.#undo = [...this.#undo, { toast: this.#next - 1, run }].slice(-UNDOABLE);
    return close;
  }

  /** Whether there is something to undo. */
  get canUndo(): boolean {
    return this.#undo.length > 0;
  }

  /** Undoes what was done last; says whether there was anything. */
  undoLast(): boolean {
    const last = this.#undo.at(-1);
    if (!last) return false;
    this.close(last.toast);
    last.run();
    return true;
  }

  /** Nothing of before can be undone any more: another person signs in. */
  clear(): void {
    for (const toast of this.#list) this.close(toast.id);
    this.#undo = [];
  }

  close(id: number): void {
    clearTimeout(this.#timers.get(id)?.timer);
    this.#timers.delete(id);
    this.#list = this.#list.filter((toast) => toast.id !== id);
  }

  /** Time stands still while somebody reads: pointer or focus is on the messages. */
  hold(held: boolean): void {
    if (held === this.#held) return;
    this.#held = held;
    for (const [id, time] of this.#timers) {
      if (held) {
        clearTimeout(time.timer);
        time.left -= Date.now() - time.began;
      } else {
        this.#run(id);
      }
    }
  }

  #run(id: number): void {
    const time = this.#timers.get(id);
    if (!time) return;
    time.began = Date.now();
    time.timer = setTimeout(() => this.close(id), Math.max(time.left, 1000));
  }
}

export const toasts = new Toasts();
