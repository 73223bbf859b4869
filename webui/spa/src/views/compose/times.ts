/** When a message may go, as people say it. */
export interface SendTime {
  name: 'tonight' | 'tomorrow' | 'afternoon' | 'monday';
  at: Date;
}

const MORNING = 8;
const AFTERNOON = 13;
const EVENING = 19;

function on(now: Date, days: number, hour: number): Date {
  return new Date(now.getFullYear(), now.getMonth(), now.getDate() + days, hour);
}

/** Returns the times to offer; none that has passed, or is only an hour away. */
export function sendTimes(now: Date): SendTime[] {
  const toMonday = ((8 - now.getDay()) % 7) || 7;
  const times: SendTime[] = [
    { name: 'tonight', at: on(now, 0, EVENING) },
    { name: 'tomorrow', at: on(now, 1, MORNING) },
    { name: 'afternoon', at: on(now, 1, AFTERNOON) },
    ...(toMonday > 1 ? [{ name: 'monday' as const, at: on(now, toMonday, MORNING) }] : []),
  ];
  return times.filter(({ at }) => at.getTime() - now.getTime() > 3_600_000);
}
