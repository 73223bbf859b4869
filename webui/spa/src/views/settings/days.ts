/** Days as a date field has them, and the instants in which they begin and end here. */

/** Returns the day of an instant, as `2026-03-04`; '' where there is none. */
export function dayOf(instant: string | null | undefined): string {
  if (!instant) return '';
  const at = new Date(instant);
  const two = (value: number) => String(value).padStart(2, '0');
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
}

function instant(day: string, time: string): string | null {
  return day ? new Date(`${day}T${time}`).toISOString().replace(/\.\d+Z$/, 'Z') : null;
}

/** Returns when a day begins; null where there is none. */
export const startOf = (day: string): string | null => instant(day, '00:00:00');

/** Returns when a day ends. */
export const endOf = (day: string): string | null => instant(day, '23:59:59');
