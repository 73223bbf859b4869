/** Dates, numbers, sizes and lists as the language and region write them. */
import { language } from './texts.svelte';

const DATES = {
  /** 14:03 */
  time: { hour: '2-digit', minute: '2-digit' },
  /** 3 Nov */
  day: { day: 'numeric', month: 'short' },
  /** 3 Nov 2026 */
  date: { day: 'numeric', month: 'short', year: 'numeric' },
  /** 3 Nov 2026, 14:03 */
  moment: { day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit' },
  /** Tuesday 3 November 2026 at 14:03 */
  long: {
    weekday: 'long',
    day: 'numeric',
    month: 'long',
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
  },
} satisfies Record<string, Intl.DateTimeFormatOptions>;

/** Of a date: `list` is the time today, day and month this year, else the whole date (WEBUI §3). */
export type DateForm = keyof typeof DATES | 'list';

const dates = new Map<string, Intl.DateTimeFormat>();
const numbers = new Map<string, Intl.NumberFormat>();

function dateFormat(form: keyof typeof DATES): Intl.DateTimeFormat {
  const name = `${language.locale} ${language.timeZone ?? ''} ${form}`;
  let format = dates.get(name);
  if (!format) {
    const zone = language.timeZone ? { timeZone: language.timeZone } : {};
    format = new Intl.DateTimeFormat(language.locale, { ...DATES[form], ...zone });
    dates.set(name, format);
  }
  return format;
}

function numberFormat(options: Intl.NumberFormatOptions = {}): Intl.NumberFormat {
  const name = `${language.locale} ${JSON.stringify(options)}`;
  let format = numbers.get(name);
  if (!format) numbers.set(name, (format = new Intl.NumberFormat(language.locale, options)));
  return format;
}

/** Writes an instant; text is read as RFC 3339. */
export function formatDate(at: Date | string, form: DateForm = 'moment', now = new Date()): string {
  const date = typeof at === 'string' ? new Date(at) : at;
  if (Number.isNaN(date.getTime())) return '';
  if (form !== 'list') return dateFormat(form).format(date);
  const whole = dateFormat('date');
  if (whole.format(date) === whole.format(now)) return dateFormat('time').format(date);
  return dateFormat(yearOf(date) === yearOf(now) ? 'day' : 'date').format(date);
}

function yearOf(date: Date): string | undefined {
  return dateFormat('date')
    .formatToParts(date)
    .find((part) => part.type === 'year')?.value;
}

export function formatNumber(value: number, options?: Intl.NumberFormatOptions): string {
  return numberFormat(options).format(value);
}

/** Writes a share between 0 and 1. */
export function formatPercent(share: number): string {
  return numberFormat({ style: 'percent', maximumFractionDigits: 0 }).format(share);
}

const UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'] as const;

/** Writes a size with the unit that keeps it short: 812 byte, 4.2 MB. */
export function formatOctets(octets: number): string {
  const step = octets < 1000 ? 0 : Math.min(4, Math.floor(Math.log10(octets) / 3));
  const value = octets / 1000 ** step;
  return numberFormat({
    style: 'unit',
    unit: UNITS[step]!,
    unitDisplay: step === 0 ? 'long' : 'short',
    maximumFractionDigits: value < 10 && step > 0 ? 1 : 0,
  }).format(value);
}

/** Writes "a, b and c". */
export function formatList(
  items: readonly string[],
  type: Intl.ListFormatType = 'conjunction',
): string {
  return new Intl.ListFormat(language.locale, { type }).format(items);
}

const STEPS: ['day' | 'hour' | 'minute' | 'second', number][] = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
  ['second', 1],
];

function stepOf(seconds: number): (typeof STEPS)[number] {
  return STEPS.find(([, size]) => Math.abs(seconds) >= size) ?? STEPS[3]!;
}

/** Writes how long ago or ahead an instant is: "2 hours ago", "in 3 days". */
export function formatRelative(at: Date | string, now = new Date()): string {
  const seconds = ((typeof at === 'string' ? new Date(at) : at).getTime() - now.getTime()) / 1000;
  const [unit, size] = stepOf(seconds);
  const format = new Intl.RelativeTimeFormat(language.locale, { numeric: 'auto' });
  return format.format(Math.round(seconds / size), unit);
}

/** Writes how long something takes: "30 seconds", "24 hours". */
export function formatSpan(seconds: number): string {
  const [unit, size] = stepOf(seconds);
  return numberFormat({ style: 'unit', unit, unitDisplay: 'long' }).format(
    Math.ceil(seconds / size),
  );
}
