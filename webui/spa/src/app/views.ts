/**
 * The views: `src/views/<name>/View.svelte`, each fetched when it is first wanted.
 *
 * A route's view has the route's name. `Dock.svelte` of a view lies over all of them for as long as
 * somebody is signed in; `SearchBox.svelte` of `search` stands in the bar.
 */
import type { Component } from 'svelte';
import { loadTexts } from '@/i18n';
import type { Group } from '@/i18n/areas';

type Loader = () => Promise<{ default: Component }>;

const VIEWS = import.meta.glob<{ default: Component }>('@/views/*/View.svelte');
const DOCKS = import.meta.glob<{ default: Component }>('@/views/*/Dock.svelte');
const SEARCH_BOX = import.meta.glob<{ default: Component }>('@/views/search/SearchBox.svelte');

/** Texts beyond those that are always there. */
const TEXTS: Record<string, Group> = {
  settings: 'settings',
  privacy: 'settings',
  contacts: 'contacts',
};

function named(loaders: Record<string, Loader>, name: string): Loader | undefined {
  return Object.entries(loaders).find(([path]) => path.split('/').at(-2) === name)?.[1];
}

/** Says whether there is such a view, so that nothing leads to one that is not built. */
export const hasView = (name: string): boolean => named(VIEWS, name) !== undefined;

/** Returns a view with its texts; undefined where there is none of this name. */
export async function loadView(name: string): Promise<Component | undefined> {
  const load = named(VIEWS, name);
  if (!load) return undefined;
  const group = TEXTS[name];
  const [view] = await Promise.all([load(), group && loadTexts(group)]);
  return view.default;
}

async function all(loaders: Record<string, Loader>): Promise<Component[]> {
  return (await Promise.all(Object.values(loaders).map((load) => load()))).map((each) => each.default);
}

/** Returns what lies over every view. */
export const loadDocks = (): Promise<Component[]> => all(DOCKS);

export const loadSearchBox = (): Promise<Component[]> => all(SEARCH_BOX);
