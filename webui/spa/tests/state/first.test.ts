import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { First } from '@/first';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

async function isThere(first: First): Promise<boolean> {
  let there = false;
  void first.there().then(() => (there = true));
  await vi.advanceTimersByTimeAsync(0);
  return there;
}

test('what comes later waits until the first view was painted', async () => {
  const first = new First();
  expect(await isThere(first)).toBe(false);
  first.shown();
  await vi.advanceTimersByTimeAsync(20); // a frame
  expect(await isThere(first)).toBe(true);
  first.shown(); // a later view changes nothing
  expect(await isThere(first)).toBe(true);
});

test('it waits two seconds at most', async () => {
  const first = new First();
  expect(await isThere(first)).toBe(false);
  await vi.advanceTimersByTimeAsync(1_900);
  expect(await isThere(first)).toBe(false);
  await vi.advanceTimersByTimeAsync(200);
  expect(await isThere(first)).toBe(true);
});
