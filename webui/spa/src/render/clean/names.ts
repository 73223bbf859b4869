/** Names that a letter gives its elements, kept apart from all of ours. */

const PREFIX = 'm-';
/** Classes of ours that go with a letter: they mark parts of a draft (see `editor/parts.ts`). */
const OWN = /^zegel-[a-z0-9-]+$/;

/** Returns an id, name or class of a letter as it is in our page. Twice is the same as once. */
export function prefixed(name: string): string {
  return name.startsWith(PREFIX) ? name : PREFIX + name;
}

/** Returns a class attribute's value; classes that mark our own parts stay where they may. */
export function prefixedClasses(value: string, { own }: { own: boolean }): string {
  return value
    .split(/\s+/)
    .filter((name) => /^[\w-]+$/.test(name))
    .map((name) => (own && OWN.test(name) ? name : prefixed(name)))
    .join(' ');
}
