/** Searching: what is typed becomes a list; what was searched for before, and what is kept. */
import { JmapError } from '@/jmap/errors';
import type { JmapClient } from '@/jmap/client';
import type { Filter, Id } from '@/jmap/types';
import { client } from './client';
import { followers } from './followers';
import { identities, type Identities } from './identities.svelte';
import { kept } from './keeper';
import { labels, type Labels } from './labels.svelte';
import { lists, type Lists, type ThreadList } from './lists.svelte';
import { mailboxes, type Mailboxes } from './mailboxes.svelte';
import { recipients, type Recipients } from './recipients.svelte';
import { parseQuery, scoped, written, type Operator, type Query, type Scope } from './search/parse';
import { piecesOf, type Piece } from './search/snippet';
import { settings, type SavedSearch, type SettingsStore } from './settings.svelte';
import type { Sort } from './views';

export type { Query, Scope } from './search/parse';
export type { Piece } from './search/snippet';
export type { SavedSearch } from './settings.svelte';

export interface Snippet {
  subject: Piece[];
  preview: Piece[];
}

/** Something that may be meant by what is typed last. */
export interface Proposal {
  kind: 'recent' | 'saved' | 'person' | 'mailbox' | 'label';
  /** What is shown. */
  label: string;
  /** All that is typed, with the proposal in it. */
  text: string;
}

const RECENT = 12;
const SNIPPETS_KEPT = 500;
const PROPOSALS = 8;

interface Under {
  client: JmapClient;
  lists: Lists;
  mailboxes: Mailboxes;
  labels: Labels;
  identities: Identities;
  recipients: Recipients;
  settings: SettingsStore;
}

/** The results of one search. */
export class Results {
  readonly list: ThreadList;
  readonly query: Query;
  readonly scope: Scope;
  #client: JmapClient;
  #filter: Filter;
  #snippets = $state.raw<ReadonlyMap<Id, Snippet>>(new Map());
  #asked = new Set<Id>();

  constructor(of: JmapClient, list: ThreadList, query: Query, scope: Scope) {
    this.#client = of;
    this.list = list;
    this.query = query;
    this.scope = scope;
    this.#filter = query.filter ?? {};
  }

  /** Returns where the words stand in a result; undefined until it is known. */
  snippet(id: Id): Snippet | undefined {
    return this.#snippets.get(id);
  }

  /** Asks for the snippets of rows that are looked at. */
  async wantSnippets(ids: readonly Id[]): Promise<void> {
    const missing = ids.filter((id) => !this.#asked.has(id));
    if (missing.length === 0 || this.query.words.length === 0) return;
    for (const id of missing) this.#asked.add(id);
    const call = { emailIds: missing, filter: this.#filter };
    try {
      const { list } = await this.#client.call('SearchSnippet/get', call, { urgency: 'later' });
      const all = new Map(this.#snippets);
      for (const { emailId, subject, preview } of list) {
        all.set(emailId, { subject: piecesOf(subject), preview: piecesOf(preview) });
      }
      this.#snippets = new Map([...all].slice(-SNIPPETS_KEPT));
    } catch (error) {
      if (!(error instanceof JmapError)) throw error; // rows show their preview then
      for (const id of missing) this.#asked.delete(id);
    }
  }
}

export class Search {
  #under: Under;
  #recent = $state.raw<readonly string[]>([]);
  #latest: Results | undefined;

  constructor(under: Under) {
    this.#under = under;
    followers.add({ types: [], changed: async () => undefined, clear: () => this.#clear() });
  }

  #clear(): void {
    this.#recent = [];
    this.#latest = undefined;
  }

  /** Reads what is typed. */
  parse(text: string): Query {
    const { mailboxes: boxes, labels: all, identities: own } = this.#under;
    return parseQuery(text, {
      mailboxes: boxes.all,
      pathOf: (id) => boxes.pathOf(id),
      labelOf: (name) => all.byName(name)?.keyword,
      own: own.addresses,
      now: thisHour(),
    });
  }

  /** Returns the results of a search; undefined where nothing is asked for. */
  open(
    text: string,
    { scope = 'most', mailboxId, sort }: { scope?: Scope; mailboxId?: Id | undefined; sort?: Sort } = {},
  ): Results | undefined {
    const query = this.parse(text);
    if (!query.filter) return undefined;
    const { lists: all, mailboxes: boxes, client: of } = this.#under;
    const filter = scoped(query, scope, boxes.all, mailboxId);
    const list = all.open({ filter, ...(sort && { sort }) });
    // The same question again: counts of mailboxes changed, say. What is known of it stays.
    if (this.#latest?.list !== list) this.#latest = new Results(of, list, query, scope);
    return this.#latest;
  }

  /** What was searched for on this device, the last first; gone with the page, unless it is trusted. */
  get recent(): readonly string[] {
    return this.#recent;
  }

  /** Notes that a search was made. */
  used(text: string): void {
    const plain = text.trim();
    if (!plain) return;
    this.#note([plain, ...this.#recent.filter((each) => each !== plain)].slice(0, RECENT));
  }

  forget(text: string): void {
    this.#note(this.#recent.filter((each) => each !== text));
  }

  clearRecent(): void {
    this.#note([]);
  }

  /** Takes up what a trusted device kept. */
  async restore(): Promise<void> {
    this.#recent = (await kept.get<string[]>('records', 'searches')) ?? this.#recent;
  }

  #note(recent: readonly string[]): void {
    this.#recent = recent;
    kept.put('records', 'searches', recent);
  }

  get saved(): readonly SavedSearch[] {
    return this.#under.settings.value.searches;
  }

  save(search: Omit<SavedSearch, 'id'>): SavedSearch {
    const made = { ...search, id: crypto.randomUUID() };
    this.#under.settings.set('searches', [...this.saved, made]);
    return made;
  }

  /** Changes a saved search; returns what sets it back. */
  change(id: string, to: Partial<Omit<SavedSearch, 'id'>>): () => void {
    const all = this.saved.map((each) => (each.id === id ? { ...each, ...to } : each));
    return this.#under.settings.set('searches', all);
  }

  /** Takes a saved search away; returns what brings it back. */
  remove(id: string): () => void {
    return this.#under.settings.set('searches', this.saved.filter((each) => each.id !== id)); // prettier-ignore
  }

  /** Returns what may be meant by the last word that is typed. */
  propose(text: string, language: 'en' | 'nl' = 'en'): Proposal[] {
    const last = this.parse(text).terms.at(-1);
    const isOpen = last !== undefined && last.end === text.length;
    const start = isOpen ? text.slice(0, last.start) : text;
    const word = isOpen ? last.value : '';
    const operator = isOpen ? last.operator : undefined;
    const found = [
      ...this.#before(text),
      ...this.#people(start, word, operator, language),
      ...this.#places(start, word, operator, language),
    ];
    return found.slice(0, PROPOSALS);
  }

  #before(text: string): Proposal[] {
    const plain = text.trim().toLowerCase();
    const recent = this.#recent
      .filter((each) => each.toLowerCase().startsWith(plain) && each.toLowerCase() !== plain)
      .slice(0, plain ? 3 : RECENT);
    const named = this.saved.filter((each) => each.name.toLowerCase().includes(plain));
    return [
      ...recent.map((each): Proposal => ({ kind: 'recent', label: each, text: each })),
      ...named.map(({ name, text: saved }): Proposal => ({ kind: 'saved', label: name, text: saved })),
    ];
  }

  #people(start: string, word: string, operator: Operator | undefined, language: 'en' | 'nl'): Proposal[] {
    const isPerson = operator === 'from' || operator === 'to' || operator === 'cc';
    if (word.length < 2 || (operator !== undefined && !isPerson)) return [];
    return this.#under.recipients.suggest(word, { limit: 4 }).map(({ name, email }) => ({
      kind: 'person',
      label: name ? `${name} <${email}>` : email,
      text: `${start}${written(operator ?? 'from', email, language)} `,
    }));
  }

  #places(start: string, word: string, operator: Operator | undefined, language: 'en' | 'nl'): Proposal[] {
    if (!word) return [];
    const sought = word.toLowerCase();
    const boxes =
      operator === 'in' || operator === undefined ? this.#under.mailboxes.match(word).slice(0, 3) : [];
    const named =
      operator === 'label' || operator === undefined
        ? this.#under.labels.all.filter(({ name }) => name.toLowerCase().includes(sought)).slice(0, 3)
        : [];
    return [
      ...boxes.map(({ path }): Proposal => {
        const whole = path.join('/');
        return { kind: 'mailbox', label: whole, text: `${start}${written('in', whole, language)} ` };
      }),
      ...named.map(({ name }): Proposal => {
        return { kind: 'label', label: name, text: `${start}${written('label', name, language)} ` };
      }),
    ];
  }
}

/** Now to the hour, so that `older:7d` is the same question a moment later. */
function thisHour(): Date {
  const now = new Date();
  now.setMinutes(0, 0, 0);
  return now;
}

export const search = new Search({
  client,
  lists,
  mailboxes,
  labels,
  identities,
  recipients,
  settings,
});
