import { expect, it } from 'vitest';
import { SetError } from '@/jmap/errors';
import { Problem, sayProblem } from '@/problem';

it.each([
  [new SetError({ type: 'overQuota' }), 'Your mailbox is full.'],
  [new SetError({ type: 'overQuota', isServerFull: true }), 'The server has no room left.'],
  [new Problem(507, { condition: 'storage_full' }), 'The server has no room left.'],
  [new Problem(507, { condition: 'over_quota' }), 'Your mailbox is full.'],
])('tells a full mailbox from a full server', (error, words) => {
  expect(sayProblem(error)).toContain(words);
});
