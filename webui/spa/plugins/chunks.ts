/**
 * What is fetched together is one file.
 *
 * Left alone, the builder makes a file of every handful of lines that two views share: eighty of
 * them for the first list of mail, each compressed by itself. Here one holds what the sign-in and
 * the mail share and one what the mail needs besides; the views that come later keep their own.
 */

type Modules = { getModuleInfo(id: string): { importedIds: readonly string[] } | null };

/** Return the name of the file that a module goes to, by what an entry and its first views need. */
export function together(entry: string, signIn: string[], mail: string[]): (id: string, modules: Modules) => string | null {
  let reached: { base: Set<string>; mail: Set<string> } | undefined;
  return (id, modules) => {
    reached ??= { base: behind([entry, ...signIn], modules), mail: behind([entry, ...mail], modules) };
    if (id === entry || !reached.mail.has(id)) return null; // the page names the entry itself
    return reached.base.has(id) ? 'base' : 'mail';
  };
}

/** Return the modules that these import, themselves included, but not what they import later. */
function behind(sources: string[], modules: Modules): Set<string> {
  const found = new Set<string>();
  const waiting = [...sources];
  for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
    if (found.has(id)) continue;
    found.add(id);
    waiting.push(...(modules.getModuleInfo(id)?.importedIds ?? []));
  }
  return found;
}
