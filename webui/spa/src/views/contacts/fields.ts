/** The tables of a card: emails, phones and the like, each entry under a name of its own (RFC 9553). */

/**
 * Writes values as a table. An entry whose value stays keeps its name and whatever else it says;
 * null where there is nothing.
 */
export function table<Entry extends object>(
  values: readonly string[],
  before: Readonly<Record<string, Entry>> | undefined,
  made: (value: string) => Entry,
  valueOf: (entry: Entry) => string,
): Record<string, Entry> | null {
  if (values.length === 0) return null;
  const left = Object.entries(before ?? {});
  const written: Record<string, Entry> = {};
  const taken = new Set(left.map(([name]) => name));
  let count = 0;
  for (const value of values) {
    const at = left.findIndex(([, entry]) => valueOf(entry) === value);
    const [found] = at >= 0 ? left.splice(at, 1) : [];
    if (found) {
      written[found[0]] = found[1];
      continue;
    }
    do count += 1;
    while (taken.has(`e${count}`));
    written[`e${count}`] = made(value);
  }
  return written;
}
