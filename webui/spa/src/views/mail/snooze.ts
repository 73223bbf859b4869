/** When mail that is put off comes back, as people say it. */
export interface SnoozeTime {
  name: 'later' | 'tomorrow' | 'weekend' | 'week';
  at: Date;
}

const MORNING = 8;
const LATER_HOURS = 3;
const SATURDAY = 6;
const MONDAY = 1;

/** Returns a day's morning, `days` from now. */
function morning(now: Date, days: number): Date {
  return new Date(now.getFullYear(), now.getMonth(), now.getDate() + days, MORNING);
}

/** Returns how many days it is to the next such day of the week, at least one. */
function daysTo(weekday: number, now: Date): number {
  return ((weekday - now.getDay() + 6) % 7) + 1;
}

/** Returns the times to offer; "later today" only while it is still the same day. */
export function snoozeTimes(now: Date): SnoozeTime[] {
  const later = new Date(now);
  later.setHours(now.getHours() + LATER_HOURS, 0, 0, 0);
  const times: SnoozeTime[] = [
    { name: 'later', at: later },
    { name: 'tomorrow', at: morning(now, 1) },
    { name: 'weekend', at: morning(now, daysTo(SATURDAY, now)) },
    { name: 'week', at: morning(now, daysTo(MONDAY, now)) },
  ];
  return times.filter((time, n) => n > 0 || time.at.getDate() === now.getDate());
}
