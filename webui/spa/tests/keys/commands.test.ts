import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { commands, type Command } from '@/keys';
import { nameOf, takesText } from '@/keys/commands.svelte';
import { keysShown } from '@/keys/shown';

const pressed = (key: string, more: Partial<KeyboardEventInit> = {}) =>
  new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true, ...more });

const command = (id: string, keys: string[], more: Partial<Command> = {}): Command => ({
  id,
  title: 'app.mail',
  group: 'keys.group_go',
  keys,
  run: vi.fn<() => void>(),
  ...more,
});

let away: (() => void)[] = [];
const registered = (...list: Command[]) => {
  away.push(commands.register(list));
  return list;
};

beforeEach(() => {
  commands.singleKeys = true;
});
afterEach(() => {
  for (const each of away) each();
  away = [];
  document.body.replaceChildren();
});

test.each([
  [pressed('j'), 'j'],
  [pressed('I', { shiftKey: true }), 'Shift+i'],
  [pressed('#', { shiftKey: true }), '#'],
  [pressed('k', { metaKey: true }), 'Mod+k'],
  [pressed('Enter', { ctrlKey: true }), 'Mod+Enter'],
  [pressed(' '), 'Space'],
  [pressed('ArrowDown', { shiftKey: true }), 'Shift+ArrowDown'],
  [pressed('Shift', { shiftKey: true }), undefined],
])('a pressed key has one name', (event, name) => {
  expect(nameOf(event)).toBe(name);
});

test('a key runs its command, the last registered where two want it', () => {
  const [first] = registered(command('a', ['e']));
  const [second] = registered(command('b', ['e']));
  expect(commands.press(pressed('e'))).toBe(true);
  expect(second!.run).toHaveBeenCalledOnce();
  expect(first!.run).not.toHaveBeenCalled();
  away.pop()!();
  commands.press(pressed('e'));
  expect(first!.run).toHaveBeenCalledOnce();
});

test('a sequence needs its second key in time', () => {
  vi.useFakeTimers();
  const [inbox, info] = registered(command('inbox', ['g i']), command('info', ['i']));
  commands.press(pressed('g'));
  commands.press(pressed('i'));
  expect(inbox!.run).toHaveBeenCalledOnce();
  commands.press(pressed('g'));
  vi.advanceTimersByTime(2_000);
  commands.press(pressed('i'));
  expect(info!.run).toHaveBeenCalledOnce();
  vi.useRealTimers();
});

test('what cannot be done now is passed by', () => {
  const [never] = registered(command('a', ['e'], { when: () => false }));
  expect(commands.press(pressed('e'))).toBe(false);
  expect(never!.run).not.toHaveBeenCalled();
  expect(commands.run('a')).toBe(false);
});

test('single keys rest while somebody types and where they are switched off; others do not', () => {
  const stop = commands.listen();
  const [single, mod] = registered(
    command('a', ['e']),
    command('b', ['Mod+k'], { whileTyping: true }),
  );
  const input = document.body.appendChild(document.createElement('input'));
  input.dispatchEvent(pressed('e'));
  expect(single!.run).not.toHaveBeenCalled();
  input.dispatchEvent(pressed('k', { ctrlKey: true }));
  expect(mod!.run).toHaveBeenCalledOnce();
  commands.singleKeys = false;
  document.body.dispatchEvent(pressed('e'));
  expect(single!.run).not.toHaveBeenCalled();
  commands.singleKeys = true;
  document.body.dispatchEvent(pressed('e'));
  expect(single!.run).toHaveBeenCalledOnce();
  stop();
});

test('Enter on a button presses the button and runs nothing', () => {
  const stop = commands.listen();
  const [open] = registered(command('open', ['Enter']));
  document.body.appendChild(document.createElement('button')).dispatchEvent(pressed('Enter'));
  expect(open!.run).not.toHaveBeenCalled();
  document.body.dispatchEvent(pressed('Enter'));
  expect(open!.run).toHaveBeenCalledOnce();
  stop();
});

test('Ctrl+Enter in a field or on a button is a command all the same', () => {
  const stop = commands.listen();
  const [send] = registered({ ...command('send', ['Mod+Enter']), whileTyping: true });
  for (const kind of ['input', 'button']) {
    const element = document.body.appendChild(document.createElement(kind));
    element.dispatchEvent(pressed('Enter', { ctrlKey: true }));
  }
  expect(send!.run).toHaveBeenCalledTimes(2);
  stop();
});

test('boxes and buttons take no letters; fields do', () => {
  const input = document.createElement('input');
  expect(takesText(input)).toBe(true);
  input.type = 'checkbox';
  expect(takesText(input)).toBe(false);
  expect(takesText(document.createElement('textarea'))).toBe(true);
  expect(takesText(document.createElement('button'))).toBe(false);
});

test('keys are shown as they stand on the keyboard', () => {
  expect(keysShown('g i')).toEqual([['g'], ['i']]);
  expect(keysShown('Mod+Shift+c')).toEqual([['Ctrl', 'Shift', 'c']]);
  expect(keysShown('ArrowDown')).toEqual([['↓']]);
});
