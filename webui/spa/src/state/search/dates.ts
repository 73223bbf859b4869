/** Days as people type them in a search; pure. All of it is in the reader's time zone. */

const UNITS: Record<string, 'd' | 'w' | 'm' | 'y' | 'h'> = {
  h: 'h', u: 'h', d: 'd', w: 'w', m: 'm', y: 'y', j: 'y',
}; // prettier-ignore
const NAMED: Record<string, number> = {
  today: 0, vandaag: 0, yesterday: 1, gisteren: 1,
}; // prettier-ignore

/**
 * Returns the beginning of the day that is meant; undefined where none is.
 *
 * Known are 2026-03-04, 4-3-2026 and 4/3/2026 (day first), 2026-03, 2026, 7d, today, yesterday.
 */
export function dayOf(text: string, now: Date): Date | undefined {
  const word = text.trim().toLowerCase();
  const ago = NAMED[word];
  if (ago !== undefined) return daysBefore(now, ago);
  if (/^\d+[a-z]$/.test(word)) {
    const then = spanBefore(word, now);
    return then && daysBefore(then, 0);
  }
  const iso = /^(\d{4})(?:[-/](\d{1,2})(?:[-/](\d{1,2}))?)?$/.exec(word);
  if (iso) return day(Number(iso[1]), Number(iso[2] ?? 1), Number(iso[3] ?? 1));
  const local = /^(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})$/.exec(word);
  if (local) return day(Number(local[3]), Number(local[2]), Number(local[1]));
  return undefined;
}

/** Returns the moment as long ago as `7d`, `2w`, `3m`, `1y` or `12h` says (`u` and `j` in Dutch). */
export function spanBefore(text: string, now: Date): Date | undefined {
  const said = /^(\d{1,4})\s*([a-z])/.exec(text.trim().toLowerCase());
  const unit = UNITS[said?.[2] ?? ''];
  if (!said || !unit) return undefined;
  const count = Number(said[1]);
  const then = new Date(now);
  if (unit === 'h') then.setHours(then.getHours() - count);
  if (unit === 'd') then.setDate(then.getDate() - count);
  if (unit === 'w') then.setDate(then.getDate() - 7 * count);
  if (unit === 'm') then.setMonth(then.getMonth() - count);
  if (unit === 'y') then.setFullYear(then.getFullYear() - count);
  return then;
}

/** Writes an instant as JMAP takes it. */
export function utc(at: Date): string {
  return `${at.toISOString().slice(0, 19)}Z`;
}

function day(year: number, month: number, date: number): Date | undefined {
  const found = new Date(year, month - 1, date);
  const isReal = found.getMonth() === month - 1 && found.getDate() === date;
  return isReal && year >= 1970 ? found : undefined;
}

function daysBefore(from: Date, count: number): Date {
  return new Date(from.getFullYear(), from.getMonth(), from.getDate() - count);
}
