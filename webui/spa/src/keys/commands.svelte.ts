/**
 * Every command of the app by one name, reachable by keys, by the palette and by its button.
 *
 * Keys: `j`, `Shift+i`, `Mod+Enter` (Ctrl, or ⌘ on a Mac), `Delete`, sequences as `g i`. Single keys
 * are dead while somebody types, in dialogs, and where they are switched off (WCAG 2.1.4).
 */
import { untrack } from 'svelte';
import type { TextKey } from '@/i18n';

export interface Command {
  /** `area.name`, the same for good. */
  id: string;
  title: TextKey;
  /** Under which heading the help shows it. */
  group: TextKey;
  keys?: readonly string[];
  run: () => void;
  /** Whether it can be done now; keys pass it by and the palette leaves it out where not. */
  when?: () => boolean;
  /** Its keys also work while somebody types; for those with Mod. */
  whileTyping?: boolean;
  /** Left out of the palette: moving about, and the palette itself. */
  hidden?: boolean;
}

/** A key as an event of the page or of a frame tells it. */
export interface Pressed {
  key: string;
  ctrlKey: boolean;
  metaKey: boolean;
  shiftKey: boolean;
  altKey: boolean;
}

/** The second key of a sequence must come in this time. */
const SEQUENCE_MS = 1_500;
const NAMED = /^(Enter|Escape|Delete|Backspace|Tab|Space|Home|End|PageUp|PageDown|Arrow\w+|F\d+)$/;

/** Writes a pressed key as commands name it; undefined for a modifier alone. */
export function nameOf(event: Pressed): string | undefined {
  if (['Shift', 'Control', 'Meta', 'Alt', 'AltGraph', 'Dead'].includes(event.key)) return undefined;
  const mod = event.ctrlKey || event.metaKey;
  let key = event.key === ' ' ? 'Space' : event.key;
  // Shift is told for letters and named keys; in `#` and `?` it is part of the sign.
  const shift = event.shiftKey && (NAMED.test(key) || /^\p{L}$/u.test(key));
  if (/^\p{L}$/u.test(key)) key = key.toLowerCase();
  return `${mod ? 'Mod+' : ''}${event.altKey ? 'Alt+' : ''}${shift ? 'Shift+' : ''}${key}`;
}

/** Says whether what has the focus takes letters. */
export function takesText(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target instanceof HTMLTextAreaElement) return true;
  if (target instanceof HTMLSelectElement) return true;
  if (!(target instanceof HTMLInputElement)) return false;
  return !['button', 'checkbox', 'radio', 'range', 'submit', 'reset', 'file', 'color'].includes(target.type);
}

/** Says whether Enter and Space are how what has the focus is used. */
function isPressedByThem(target: EventTarget | null): boolean {
  return target instanceof Element && target.matches('button, a[href], summary, input, [role=menuitem]');
}

class Commands {
  #all = $state.raw<readonly Command[]>([]);
  #first = '';
  #firstAt = 0;
  /** Whether single keys are commands. */
  singleKeys = $state(true);
  /** Which of our sheets is open. */
  sheet = $state<'help' | 'palette' | undefined>();

  /** All commands that are registered, the last registered first. */
  get all(): readonly Command[] {
    return this.#all;
  }

  /** Those that can be done now. */
  get possible(): readonly Command[] {
    return this.#all.filter((command) => !command.when || command.when());
  }

  /** Adds commands; what came last wins a key. Returns what takes them away again. */
  register(commands: readonly Command[]): () => void {
    this.#all = [...commands, ...this.#all];
    return () => {
      this.#all = untrack(() => this.#all).filter((command) => !commands.includes(command));
    };
  }

  /** Runs a command by its name; says whether it could be done. */
  run(id: string): boolean {
    const command = this.possible.find((each) => each.id === id);
    command?.run();
    return command !== undefined;
  }

  /** Takes a key of the page, or one that a frame passed on; says whether a command ran. */
  press(event: Pressed, { typing = false, blocked = false } = {}): boolean {
    const name = nameOf(event);
    if (!name) return false;
    const whole = this.#begun() ? `${this.#first} ${name}` : name;
    this.#first = '';
    const command = this.#find(whole, typing, blocked) ?? this.#find(name, typing, blocked);
    if (command) {
      command.run();
      return true;
    }
    if (!typing && !blocked && this.#beginsSequence(name)) {
      this.#first = name;
      this.#firstAt = Date.now();
      return true;
    }
    return false;
  }

  #begun(): boolean {
    return this.#first !== '' && Date.now() - this.#firstAt < SEQUENCE_MS;
  }

  #find(keys: string, typing: boolean, blocked: boolean): Command | undefined {
    const isSingle = !keys.includes('Mod+') && !/^(Alt\+)?F\d+$/.test(keys);
    if (isSingle && (typing || !this.singleKeys)) return undefined;
    return this.possible.find(
      (command) =>
        command.keys?.includes(keys) && (command.whileTyping || !(typing || blocked)),
    );
  }

  #beginsSequence(name: string): boolean {
    if (!this.singleKeys) return false;
    return this.possible.some((command) => command.keys?.some((keys) => keys.startsWith(`${name} `)));
  }

  /** Listens to the page; returns what ends that. */
  listen(): () => void {
    const pressed = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.isComposing) return;
      const isPlain = !event.ctrlKey && !event.metaKey;
      if (isPlain && ['Enter', ' '].includes(event.key) && isPressedByThem(event.target)) return;
      const typing = takesText(event.target);
      const blocked = document.querySelector('dialog:modal') !== null;
      if (this.press(event, { typing, blocked })) event.preventDefault();
    };
    addEventListener('keydown', pressed);
    return () => removeEventListener('keydown', pressed);
  }
}

export const commands = new Commands();

/** Registers commands for as long as the component is there. Call it where a component begins. */
export function useCommands(list: readonly Command[]): void {
  $effect(() => untrack(() => commands.register(list)));
}
