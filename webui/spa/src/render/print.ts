/**
 * Prints one part of the page. The frame of a letter cannot print itself: its sandbox has no
 * dialogs (WEBUI §4). It is printed with the page around it, at its whole height.
 */
import './print.css';

const PRINTED = 'zegel-printed';
const ABOVE = 'zegel-printed-above';

/** Opens the browser's print dialog for `element` and what is in it, nothing else of the page. */
export function printLetter(element: HTMLElement): void {
  const above: Element[] = [];
  for (let at = element.parentElement; at; at = at.parentElement) above.push(at);
  element.classList.add(PRINTED);
  for (const each of above) each.classList.add(ABOVE);
  const done = () => {
    element.classList.remove(PRINTED);
    for (const each of above) each.classList.remove(ABOVE);
  };
  addEventListener('afterprint', done, { once: true });
  window.print();
}
