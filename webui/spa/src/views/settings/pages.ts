/** The pages of the settings, in the order of the menu. */
import type { Component } from 'svelte';
import AppWindow from '@lucide/svelte/icons/app-window';
import AtSign from '@lucide/svelte/icons/at-sign';
import CalendarOff from '@lucide/svelte/icons/calendar-off';
import Filter from '@lucide/svelte/icons/filter';
import Folder from '@lucide/svelte/icons/folder';
import Forward from '@lucide/svelte/icons/forward';
import Import from '@lucide/svelte/icons/import';
import LayoutTemplate from '@lucide/svelte/icons/layout-template';
import PenTool from '@lucide/svelte/icons/pen-tool';
import Settings from '@lucide/svelte/icons/settings';
import ShieldCheck from '@lucide/svelte/icons/shield-check';
import { loadTexts, type TextKey } from '@/i18n';

type Icon = Component<{ size?: number | string }>;
type Loader = () => Promise<{ default: Component }>;

export interface Page {
  id: string;
  title: TextKey;
  /** What else it is found by, with what stands on it. */
  words: TextKey;
  icon: Icon;
}

const FOUND = import.meta.glob<{ default: Component }>('./pages/*.svelte');

const ALL: readonly Page[] = [
  { id: 'general', title: 'settings.general', words: 'settings.general_words', icon: Settings },
  { id: 'identities', title: 'settings.identities', words: 'settings.identities_words', icon: PenTool },
  { id: 'folders', title: 'settings.folders', words: 'settings.folders_words', icon: Folder },
  { id: 'security', title: 'settings.security', words: 'settings.security_words', icon: ShieldCheck },
  { id: 'filters', title: 'settings.filters', words: 'settings.filters_words', icon: Filter },
  { id: 'vacation', title: 'settings.vacation', words: 'settings.vacation_words', icon: CalendarOff },
  { id: 'aliases', title: 'settings.aliases', words: 'settings.aliases_words', icon: AtSign },
  { id: 'forwarding', title: 'settings.forwarding', words: 'settings.forwarding_words', icon: Forward },
  { id: 'templates', title: 'settings.templates', words: 'settings.templates_words', icon: LayoutTemplate },
  { id: 'apps', title: 'settings.apps', words: 'settings.apps_words', icon: AppWindow },
  { id: 'import', title: 'settings.import', words: 'settings.import_words', icon: Import },
];

const loaderOf = (id: string): Loader | undefined =>
  FOUND[`./pages/${id[0]?.toUpperCase()}${id.slice(1)}.svelte`];

export const PAGES: readonly Page[] = ALL.filter((page) => loaderOf(page.id));

/** Returns a page's component, with the words it needs; undefined where there is no such page. */
export async function loadPage(id: string): Promise<Component | undefined> {
  const load = loaderOf(id);
  if (!load) return undefined;
  const [page] = await Promise.all([load(), id === 'security' ? loadTexts('signin') : undefined]);
  return page.default;
}
