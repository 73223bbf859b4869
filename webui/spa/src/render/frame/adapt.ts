/**
 * A letter's colours for a dark app: light grounds become dark and dark words light, hues stay.
 *
 * Done with what the browser computed, element by element: turning the whole page inside out would
 * turn pictures too, and makes a surface of twenty thousand pixels.
 */

interface Change {
  element: HTMLElement;
  property: string;
  value: string;
}

const SIDES = ['top', 'right', 'bottom', 'left'];
const PROPERTIES = ['color', 'background-color', ...SIDES.map((side) => `border-${side}-color`)];
const MOST_ELEMENTS = 20_000;

const before = new Map<HTMLElement, string | null>();

/** Returns a colour with its lightness turned over: white becomes the dark ground, black light. */
const turned = (colour: string) => `oklch(from ${colour} calc(0.95 - l * 0.74) c h)`;

const isThere = (colour: string) => colour !== '' && !/^rgba\(.* 0\)$/.test(colour);

function changesOf(element: HTMLElement): Change[] {
  const style = getComputedStyle(element);
  const changes: Change[] = [];
  // What lies over a picture was made to be read on it.
  if (style.backgroundImage !== 'none') {
    changes.push({ element, property: 'background-image', value: 'none' });
  }
  for (const property of PROPERTIES) {
    const colour = style.getPropertyValue(property);
    if (isThere(colour)) changes.push({ element, property, value: turned(colour) });
  }
  return changes;
}

/** Turns the colours of what `sheet` holds, or turns them back. */
export function adaptColours(sheet: HTMLElement, on: boolean): void {
  for (const [element, style] of before) {
    if (style === null) element.removeAttribute('style');
    else element.setAttribute('style', style);
  }
  before.clear();
  const root = document.documentElement;
  root.classList.remove('adapted');
  if (!on) return;
  const elements = [...sheet.querySelectorAll<HTMLElement>('*')].slice(0, MOST_ELEMENTS);
  // All is read before anything is written, or each would be measured after the other's change.
  const changes = elements.filter((each) => each.localName !== 'img').flatMap(changesOf);
  for (const { element, property, value } of changes) {
    if (!before.has(element)) before.set(element, element.getAttribute('style'));
    element.style.setProperty(property, value, 'important');
  }
  root.classList.add('adapted');
}
