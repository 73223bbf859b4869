/** Recovery codes: eight groups of four characters of Crockford's base32, and two that check them. */

const GROUPS = 8;

/** Returns the places of two different groups, the lower first, from two random numbers. */
export function asked(random: ArrayLike<number>): [number, number] {
  const one = random[0]! % GROUPS;
  const step = 1 + (random[1]! % (GROUPS - 1));
  const other = (one + step) % GROUPS;
  return one < other ? [one, other] : [other, one];
}

/** Says whether a group was typed; case, blanks, and O for 0 or I and L for 1 are no matter. */
export function isGroup(typed: string, group: string): boolean {
  const plain = typed.toUpperCase().replace(/[\s-]/g, '').replace(/O/g, '0').replace(/[IL]/g, '1');
  return plain === group.toUpperCase();
}
