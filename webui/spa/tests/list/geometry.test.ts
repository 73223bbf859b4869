import { describe, expect, it } from 'vitest';
import { layout, rowsInView, rowsPerPage, scrollTopFor, SPACER_CAP, spacerHeight } from '@/list/geometry';

const view = (total: number, scrollTop = 0, rowHeight = 64, viewport = 640) => ({
  total,
  rowHeight,
  viewport,
  scrollTop,
});

describe('the spacer', () => {
  it.each([
    [0, 64, 0],
    [1, 64, 64],
    [100_000, 64, 6_400_000],
    [1_000_000, 64, SPACER_CAP],
    [125_000, 64, SPACER_CAP],
    [222_222, 36, 7_999_992],
  ])('of %i rows of %i px is %i px high', (total, rowHeight, height) => {
    expect(spacerHeight(total, rowHeight)).toBe(height);
  });
});

describe('the rows to draw', () => {
  it.each([
    ['none of none', view(0), { first: 0, last: 0, top: 0, height: 0 }],
    ['the only one', view(1), { first: 0, last: 1, top: 0, height: 64 }],
    ['at the top', view(100), { first: 0, last: 16, top: 0, height: 6400 }],
    ['further down', view(100, 640), { first: 4, last: 26, top: 256, height: 6400 }],
    ['between rows', view(100, 670), { first: 4, last: 27, top: 256, height: 6400 }],
    ['at the end', view(100, 5760), { first: 84, last: 100, top: 5376, height: 6400 }],
    ['beyond the end', view(100, 99_999), { first: 84, last: 100, top: 5376, height: 6400 }],
    ['above the top', view(100, -50), { first: 0, last: 16, top: 0, height: 6400 }],
    ['of a list that became short', view(3, 5000), { first: 0, last: 3, top: 0, height: 192 }],
  ])('are %s', (_, given, expected) => {
    expect(layout(given)).toEqual(expected);
  });

  it.each([100_000, 125_000, 1_000_000, 10_000_000])('are few, and seen, among %i', (total) => {
    const height = spacerHeight(total, 64);
    for (let n = 0; n <= 50; n += 1) {
      const given = view(total, ((height - 640) * n) / 50);
      const drawn = layout(given);
      expect(drawn.last - drawn.first).toBeLessThanOrEqual(60);
      // What is drawn covers the viewport.
      expect(drawn.top).toBeLessThanOrEqual(given.scrollTop + 0.001);
      const bottom = drawn.top + (drawn.last - drawn.first) * 64;
      expect(bottom).toBeGreaterThanOrEqual(given.scrollTop + 640 - 0.001);
    }
  });

  it('reach the first and the last of a million', () => {
    expect(rowsInView(view(1_000_000)).first).toBe(0);
    expect(rowsInView(view(1_000_000, SPACER_CAP)).last).toBe(1_000_000);
  });
});

describe('jumps', () => {
  it.each([1, 100, 100_000, 1_000_000, 10_000_000])('to any row of %i show it', (total) => {
    for (const index of [0, 1, Math.floor(total / 3), Math.floor(total / 2), total - 1]) {
      if (index >= total) continue;
      for (const align of ['nearest', 'start', 'center'] as const) {
        const scrollTop = scrollTopFor(index, view(total), align);
        const { first, last } = rowsInView(view(total, scrollTop));
        expect(index).toBeGreaterThanOrEqual(first);
        expect(index).toBeLessThan(last);
      }
    }
  });

  it('to a row that is seen already do not move', () => {
    expect(scrollTopFor(12, view(100, 640))).toBe(640);
  });

  it('to the next row below move by as much as is needed', () => {
    expect(scrollTopFor(20, view(100, 640))).toBe(704);
    expect(scrollTopFor(9, view(100, 640))).toBe(576);
  });

  it.each([
    [640, 64, 10],
    [650, 64, 10],
    [30, 64, 1],
  ])('by pages of %i px go %i px rows of %i', (viewport, rowHeight, rows) => {
    expect(rowsPerPage({ viewport, rowHeight })).toBe(rows);
  });
});
