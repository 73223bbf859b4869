/** Everything that can be done with what is chosen on a desk, by one name for keys and buttons. */
import { t } from '@/i18n';
import { actions } from '@/state/actions.svelte';
import { mailboxes } from '@/state/mailboxes.svelte';
import type { Desk } from './desk.svelte';

export type Question = 'move' | 'label' | 'snooze' | 'destroy';

export class Deeds {
  /** What is asked before it can be done. */
  question = $state<Question | undefined>();
  /** The rows that a question is about. */
  about = $state.raw<string[]>([]);

  /** `roleOf` says what the list's mailbox is for, if it is one. */
  constructor(
    private readonly desk: Desk,
    private readonly roleOf: () => string | undefined,
  ) {}

  archive = (): void => void this.desk.remove((target) => actions.archive(target));

  /** In the trash, for ever: that is asked first. */
  trash = (): void => {
    if (this.#isIn('trash')) this.ask('destroy');
    else void this.desk.remove((target) => actions.trash(target));
  };

  destroy = (rows: string[]): void => {
    void this.desk.remove((target) => actions.destroy(target), rows);
  };

  junk = (): void => {
    const isJunk = this.#isIn('junk');
    void this.desk.remove((target) => (isJunk ? actions.notJunk(target) : actions.junk(target)));
  };

  markRead = (): void => void this.desk.mark((target) => actions.read(target, true));
  markUnread = (): void => void this.desk.mark((target) => actions.read(target, false));

  star = (): void => {
    const on = !this.desk.all((row) => row.isStarred);
    void this.desk.mark((target) => actions.star(target, on));
  };

  mute = (): void => void this.desk.remove((target) => actions.mute(target, true));

  move = (mailboxId: string, rows: string[]): void => {
    void this.desk.remove((target) => actions.move(target, mailboxId), rows);
  };

  copy = (mailboxId: string, rows: string[]): void => {
    void this.desk.mark((target) => actions.copyTo(target, mailboxId), rows);
  };

  label = (keyword: string, rows: string[], on: boolean): void => {
    void this.desk.mark((target) => actions.label(target, keyword, on), rows);
  };

  snooze = (until: Date, rows: string[]): void => {
    void this.desk.remove((target) => actions.snooze(target, until), rows);
  };

  /** Asks for what is missing: where to, which label, until when. */
  ask = (question: Question, rows: string[] = this.desk.chosen): void => {
    if (rows.length === 0 && !this.desk.list?.selection.everything) return;
    this.about = rows;
    this.question = question;
  };

  /** How many conversations a question is about. */
  get count(): number {
    const list = this.desk.list;
    return list?.selection.everything ? list.total : this.about.length;
  }

  get trashLabel(): string {
    return t(this.#isIn('trash') ? 'mail.delete_for_ever' : 'mail.trash');
  }

  get junkLabel(): string {
    return t(this.#isIn('junk') ? 'mail.not_junk' : 'mail.junk');
  }

  get canArchive(): boolean {
    return this.desk.canAct && !this.#isIn('archive') && mailboxes.byRole('archive') !== undefined;
  }

  #isIn(role: string): boolean {
    return this.roleOf() === role;
  }
}
