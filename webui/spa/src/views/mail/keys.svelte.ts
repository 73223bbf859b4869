/** The keys of mail (WEBUI §3). */
import type { TextKey } from '@/i18n';
import { useCommands, type Command } from '@/keys';
import { navigate } from '@/router';
import { mailboxes } from '@/state/mailboxes.svelte';
import type { Deeds } from './deeds.svelte';
import type { Desk } from './desk.svelte';
import { STARRED } from './place';

interface Around {
  back(): void;
  isReading(): boolean;
  canSnooze(): boolean;
  focusList(): void;
}

const GOING: readonly (readonly [string, string])[] = [
  ['g i', 'inbox'],
  ['g d', 'drafts'],
  ['g t', 'sent'],
  ['g a', 'archive'],
  ['g j', 'junk'],
  ['g k', 'trash'],
];

/** Registers them for as long as the component is there. */
export function useMailKeys(desk: Desk, deeds: Deeds, around: Around): void {
  const canAct = () => desk.canAct;
  const group = 'mail.keys' as const;

  /** Moves, and opens what it comes to where a conversation is open. */
  function go(step: number, extend = false): void {
    if (around.isReading() && !extend) desk.openNext(step);
    else {
      desk.move(step, { extend });
      around.focusList();
    }
  }
  const act = (id: string, title: TextKey, keys: string[], run: () => void): Command => ({
    id: `mail.${id}`,
    title,
    group,
    keys,
    when: canAct,
    run,
  });
  const move = (id: string, title: TextKey, keys: string[], run: () => void): Command => ({
    id: `mail.${id}`,
    title,
    group,
    keys,
    hidden: true,
    run,
  });

  useCommands([
    move('next', 'mail.next', ['j'], () => go(1)),
    move('previous', 'mail.previous', ['k'], () => go(-1)),
    move('extend_next', 'mail.select_next', ['Shift+j'], () => go(1, true)),
    move('extend_previous', 'mail.select_previous', ['Shift+k'], () => go(-1, true)),
    move('open', 'mail.open', ['o'], () => desk.open()),
    { ...move('back', 'mail.back_to_list', ['u', 'Escape'], around.back), when: around.isReading },
    move('select_one', 'mail.select_one', ['x'], () => {
      if (desk.cursor !== undefined) desk.list?.selection.toggle(desk.cursor);
    }),
    act('archive', 'mail.archive', ['e', 'y'], deeds.archive),
    act('trash', 'mail.trash', ['#', 'Delete'], deeds.trash),
    act('junk', 'mail.junk_or_not', ['!'], deeds.junk),
    act('star', 'mail.star', ['s'], deeds.star),
    act('read', 'mail.mark_read', ['Shift+i'], deeds.markRead),
    act('unread', 'mail.mark_unread', ['Shift+u'], deeds.markUnread),
    act('mute', 'mail.mute', ['m'], deeds.mute),
    act('move', 'mail.move', ['v'], () => deeds.ask('move')),
    act('label', 'mail.label', ['l'], () => deeds.ask('label')),
    { ...act('snooze', 'mail.snooze', ['b'], () => deeds.ask('snooze')), when: () => canAct() && around.canSnooze() },
    ...(['all', 'none', 'read', 'unread'] as const).map((which) => ({
      ...move(`select_${which}`, `mail.select_${which}` as const, [`* ${which[0]}`], () =>
        desk.list?.selection.pick(which),
      ),
    })),
    ...GOING.map(([keys, role]) => ({
      id: `mail.go_${role}`,
      title: `mail.go_${role}` as TextKey,
      group: 'keys.group_go' as const,
      keys: [keys],
      run: () => {
        const mailbox = mailboxes.byRole(role as 'inbox');
        if (mailbox) navigate('mail', { mailbox: mailbox.id });
      },
    })),
    {
      id: 'mail.go_starred',
      title: 'mail.all_starred',
      group: 'keys.group_go',
      keys: ['g s'],
      run: () => navigate('mail', { mailbox: STARRED }),
    },
  ]);
}
