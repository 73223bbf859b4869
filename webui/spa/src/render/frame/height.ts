/** How high the letter is, so that the app can make the frame as high. */
import { MOST_PIXELS } from '../protocol';

/** Changes in a second: a letter whose height follows the frame's would never stop. */
const CHANGES = 20;

/** Calls `tell` with the height of what `element` holds, now and when it changes. */
export function watchHeight(element: HTMLElement, tell: (height: number) => void): void {
  const root = document.documentElement;
  let last = -1;
  let changes = 0;
  setInterval(() => (changes = 0), 1000);

  const measure = () => {
    // Wider than the frame, it has a scroll bar below.
    const bar = innerHeight - root.clientHeight;
    const wanted = Math.ceil(element.getBoundingClientRect().height) + Math.max(0, bar);
    const height = Math.min(wanted, MOST_PIXELS);
    root.classList.toggle('tall', wanted > MOST_PIXELS);
    if (height === last || (height > last && changes >= CHANGES)) return;
    last = height;
    changes += 1;
    tell(height);
  };
  new ResizeObserver(measure).observe(element);
  addEventListener('resize', measure);
  // A picture that has come may have changed nothing but what is within.
  element.addEventListener('load', measure, true);
}
