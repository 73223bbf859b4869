/**
 * Where the rows of a long list are: pure numbers (WEBUI §7).
 *
 * Rows are of one height. The spacer that makes the scroll bar is as high as all rows together, up
 * to 8,000,000 px: browsers lose rows beyond some 16 to 33 million. A longer list is scaled: the
 * scroll position stands for a share of the way, and rows are drawn where the viewport is.
 */
export const SPACER_CAP = 8_000_000;
export const OVERSCAN = 6;

export interface View {
  total: number;
  /** In px, above 0. */
  rowHeight: number;
  /** Height of what is seen, in px. */
  viewport: number;
  /** Scroll position in the spacer, in px. */
  scrollTop: number;
}

export interface Layout {
  /** The first row to draw; equal to `last` where there is none. */
  first: number;
  /** One behind the last row to draw. */
  last: number;
  /** Where the first row is drawn, in px from the spacer's top. */
  top: number;
  /** Height of the spacer, in px. */
  height: number;
}

/** Returns the height of the spacer. */
export function spacerHeight(total: number, rowHeight: number): number {
  return Math.min(SPACER_CAP, total * rowHeight);
}

/** Returns how many px of the whole list one px of scrolling is; 1 where nothing is scaled. */
function scale({ total, rowHeight, viewport }: View): number {
  const whole = total * rowHeight;
  if (whole <= SPACER_CAP) return 1;
  return (whole - viewport) / (SPACER_CAP - viewport);
}

function clampedScroll(view: View): number {
  const most = Math.max(0, spacerHeight(view.total, view.rowHeight) - view.viewport);
  return Math.min(Math.max(0, view.scrollTop), most);
}

/** Returns how far down the whole list the top of the viewport is, in px. */
function offset(view: View): number {
  return clampedScroll(view) * scale(view);
}

/** Returns the rows that are seen, whole or in part: the first, and one behind the last. */
export function rowsInView(view: View): { first: number; last: number } {
  const from = offset(view);
  const first = Math.min(view.total, Math.floor(from / view.rowHeight));
  const last = Math.min(view.total, Math.ceil((from + view.viewport) / view.rowHeight));
  return { first, last: Math.max(first, last) };
}

/** Returns which rows to draw, and where. */
export function layout(view: View, overscan: number = OVERSCAN): Layout {
  const seen = rowsInView(view);
  const first = Math.max(0, seen.first - overscan);
  const last = Math.min(view.total, seen.last + overscan);
  const top = clampedScroll(view) - offset(view) + first * view.rowHeight;
  return { first, last, top, height: spacerHeight(view.total, view.rowHeight) };
}

export type Align = 'nearest' | 'start' | 'center';

/** Returns the scroll position that shows row `index`; where it is seen already, `nearest` stays. */
export function scrollTopFor(index: number, view: View, align: Align = 'nearest'): number {
  const { rowHeight, viewport } = view;
  const row = index * rowHeight;
  const from = offset(view);
  let wanted = row;
  if (align === 'center') wanted = row - (viewport - rowHeight) / 2;
  if (align === 'nearest') {
    if (row >= from && row + rowHeight <= from + viewport) return clampedScroll(view);
    wanted = row < from ? row : row + rowHeight - viewport;
  }
  return clampedScroll({ ...view, scrollTop: wanted / scale(view) });
}

/** Returns how many whole rows are seen, at least 1: how far PageDown goes. */
export function rowsPerPage(view: Pick<View, 'rowHeight' | 'viewport'>): number {
  return Math.max(1, Math.floor(view.viewport / view.rowHeight));
}
