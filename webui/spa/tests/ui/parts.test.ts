import { fireEvent, render, screen } from '@testing-library/svelte';
import { createRawSnippet, tick } from 'svelte';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Problem } from '@/problem';
import { asked, isGroup } from '@/secrets/groups';
import Chip from '@/ui/Chip.svelte';
import CodeField from '@/ui/CodeField.svelte';
import ErrorState from '@/ui/ErrorState.svelte';
import Field from '@/ui/Field.svelte';
import Menu from '@/ui/Menu.svelte';
import PasswordField from '@/ui/PasswordField.svelte';
import Splitter from '@/ui/Splitter.svelte';
import Tabs from '@/ui/Tabs.svelte';
import { toasts } from '@/ui/toasts.svelte';

afterEach(() => {
  document.body.replaceChildren();
  toasts.clear();
});

test('a field is tied to its label, hint and error', () => {
  render(Field, { label: 'Address', hint: 'Yours', error: 'Wrong' });
  const input = screen.getByLabelText('Address');
  expect(input.getAttribute('aria-invalid')).toBe('true');
  const described = input.getAttribute('aria-describedby')!.split(' ');
  expect(described.map((id) => document.getElementById(id)?.textContent)).toEqual(['Yours', 'Wrong']);
});

test('a secret can be looked at', async () => {
  render(PasswordField, { label: 'Password', value: 'x' });
  const input = screen.getByLabelText<HTMLInputElement>('Password');
  expect([input.type, input.autocomplete]).toEqual(['password', 'current-password']);
  await fireEvent.click(screen.getByRole('button', { name: 'Show what is typed' }));
  expect(input.type).toBe('text');
});

test('a code is sent once when all digits are there, whatever blanks are between', async () => {
  const oncomplete = vi.fn<(code: string) => void>();
  render(CodeField, { label: 'Code', oncomplete });
  const input = screen.getByLabelText('Code');
  await fireEvent.input(input, { target: { value: '123 45' } });
  expect(oncomplete).not.toHaveBeenCalled();
  await fireEvent.input(input, { target: { value: '123 456' } });
  await fireEvent.input(input, { target: { value: '123 456 ' } });
  expect(oncomplete.mock.calls).toEqual([['123456']]);
});

test('a menu opens at its first entry, moves by arrows and letters, and gives the focus back', async () => {
  const run = vi.fn<() => void>();
  const items = [{ label: 'Archive', run }, 'line' as const, { label: 'Delete' }, { label: 'Mute' }];
  render(Menu, { label: 'More', items, children: createRawSnippet(() => ({ render: () => '<b>M</b>' })) });
  const button = screen.getByRole('button', { name: 'More' });
  await fireEvent.click(button);
  expect(button.getAttribute('aria-expanded')).toBe('true');
  const menu = screen.getByRole('menu', { hidden: true });
  expect(document.activeElement?.textContent).toContain('Archive');
  await fireEvent.keyDown(menu, { key: 'ArrowUp' });
  expect(document.activeElement?.textContent).toContain('Mute');
  await fireEvent.keyDown(menu, { key: 'd' });
  expect(document.activeElement?.textContent).toContain('Delete');
  await fireEvent.keyDown(menu, { key: 'Escape' });
  expect(document.activeElement).toBe(button);
  await fireEvent.click(button);
  await fireEvent.click(screen.getByRole('menuitem', { name: /Archive/, hidden: true }));
  expect(run).toHaveBeenCalledOnce();
  expect(screen.queryByRole('menu', { hidden: true })).toBeNull();
});

test('tabs are moved by arrows, one of them in the order of Tab', async () => {
  const tabs = [
    { id: 'a', label: 'One' },
    { id: 'b', label: 'Two' },
  ];
  const panel = createRawSnippet<[string]>((id) => ({ render: () => `<p>panel ${id()}</p>` }));
  render(Tabs, { label: 'Parts', tabs, panel });
  expect(screen.getAllByRole('tab').map((tab) => tab.tabIndex)).toEqual([0, -1]);
  await fireEvent.keyDown(screen.getByRole('tablist'), { key: 'ArrowLeft' });
  expect(screen.getByRole('tab', { name: 'Two' }).getAttribute('aria-selected')).toBe('true');
});

test('a splitter is moved by keys within its bounds', async () => {
  const onsized = vi.fn<(pixels: number) => void>();
  render(Splitter, { label: 'Width', value: 300, min: 200, max: 310, onsized });
  const line = screen.getByRole('separator');
  await fireEvent.keyDown(line, { key: 'ArrowRight' });
  await fireEvent.keyDown(line, { key: 'Home' });
  expect(onsized.mock.calls).toEqual([[310], [200]]);
  expect(line.getAttribute('aria-valuenow')).toBe('200');
});

test('a filter says whether it is on, and what can be removed says what it removes', async () => {
  const onremove = vi.fn<() => void>();
  render(Chip, { text: 'Unread', pressed: true, onpress: () => {}, onremove });
  expect(screen.getByRole('button', { name: 'Unread' }).getAttribute('aria-pressed')).toBe('true');
  await fireEvent.click(screen.getByRole('button', { name: 'Remove Unread' }));
  expect(onremove).toHaveBeenCalledOnce();
});

test('an error says what failed in our words, with a reference and another try', async () => {
  const onretry = vi.fn<() => void>();
  const error = new Problem(500, { incident: 'cafe0123', detail: 'server words' });
  render(ErrorState, { title: 'The folder could not be loaded.', error, onretry });
  const alert = screen.getByRole('alert');
  expect(alert.textContent).toContain('The server failed.');
  expect(alert.textContent).toContain('cafe0123');
  expect(alert.textContent).not.toContain('server words');
  await fireEvent.click(screen.getByRole('button', { name: 'Try again' }));
  expect(onretry).toHaveBeenCalledOnce();
});

describe('messages', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test('go by themselves, with an action not before ten seconds', async () => {
    toasts.show('Saved');
    toasts.undoable('Archived', 'Undo', () => {}, 2);
    vi.advanceTimersByTime(5_100);
    expect(toasts.list.map((toast) => toast.text)).toEqual(['Archived']);
    vi.advanceTimersByTime(5_000);
    await tick();
    expect(toasts.list).toEqual([]);
  });

  test('stay while somebody reads them', () => {
    toasts.show('Saved');
    toasts.hold(true);
    vi.advanceTimersByTime(60_000);
    expect(toasts.list).toHaveLength(1);
    toasts.hold(false);
    vi.advanceTimersByTime(6_000);
    expect(toasts.list).toEqual([]);
  });

  test('the last deed is undone first, each once', () => {
    const undone: string[] = [];
    toasts.undoable('One', 'Undo', () => undone.push('one'));
    toasts.undoable('Two', 'Undo', () => undone.push('two'));
    expect([toasts.undoLast(), toasts.undoLast(), toasts.undoLast()]).toEqual([true, true, false]);
    expect(undone).toEqual(['two', 'one']);
  });
});

test('two different groups of a recovery code are asked for', () => {
  for (let one = 0; one < 16; one += 1) {
    for (let other = 0; other < 16; other += 1) {
      const [first, second] = asked([one, other]);
      expect(first).toBeLessThan(second);
      expect(second).toBeLessThan(8);
    }
  }
  expect(isGroup('7ko l', '7K01')).toBe(true);
  expect(isGroup('7k02', '7K01')).toBe(false);
});
