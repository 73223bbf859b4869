/** The words for what was done and what went wrong, in the reader's language. */
import { t, type TextKey } from '@/i18n';
import { sayProblem } from '@/problem';
import type { Done, Progress } from './actions.svelte';
import type { Kind } from './changes';

export const sayError = sayProblem;

const DONE: Record<Kind, TextKey> = {
  archive: 'state.done.archive',
  trash: 'state.done.trash',
  destroy: 'state.done.destroy',
  move: 'state.done.move',
  copy: 'state.done.copy',
  junk: 'state.done.junk',
  notJunk: 'state.done.notJunk',
  read: 'state.done.read',
  unread: 'state.done.unread',
  star: 'state.done.star',
  unstar: 'state.done.unstar',
  label: 'state.done.label',
  unlabel: 'state.done.unlabel',
  mute: 'state.done.mute',
  unmute: 'state.done.unmute',
  snooze: 'state.done.snooze',
};

/** Says what was done: "12 messages archived". */
export function sayDone({ kind, count }: Pick<Done, 'kind' | 'count'>): string {
  return t(DONE[kind], { count });
}

/** Says how far a long action is: "500 of 12,345". */
export function sayProgress({ done, total }: Pick<Progress, 'done' | 'total'>): string {
  return t('state.progress', { done, total });
}
