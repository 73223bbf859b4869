/** Searching: what is typed becomes a list, or what may be meant. Loaded when it is wanted. */
import { JmapError } from '@/jmap/errors';
import type { JmapClient } from '@/jmap/client';
import type { Filter, Id } from '@/jmap/types';
import { client } from './client';
import { followers } from './followers';
import { identities, type Identities } from './identities.svelte';
import { labels, type Labels } from './labels.svelte';
import { lists, type Lists, type ThreadList } from './lists.svelte';
import { mailboxes, type Mailboxes } from './mailboxes.svelte';
import { recipients, type Recipients } from './recipients.svelte';
import { parseQuery, scoped, written, type Operator, type Query, type Scope } from './search/parse';
import { piecesOf, type Piece } from './search/snippet';
import { searches, type Searches } from './searches.svelte';
import type { Sort } from './views';

export type { Query, Scope } from './search/parse';
export type { Piece } from './search/snippet';

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

const SNIPPETS_KEPT = 500;
const PROPOSALS = 8;

interface Under {
  client: JmapClient;
  lists: Lists;
  mailboxes: Mailboxes;
  labels: Labels;
  identities: Identities;
  recipients: Recipients;
  searches: Searches;
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
  #latest: Results | undefined;

  constructor(under: Under) {
    this.#under = under;
    followers.add({ types: [], changed: async () => undefined, clear: () => (this.#latest = undefined) });
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
    const { recent: all, saved } = this.#under.searches;
    const recent = all
      .filter((each) => each.toLowerCase().startsWith(plain) && each.toLowerCase() !== plain)
      .slice(0, plain ? 3 : PROPOSALS);
    const named = saved.filter((each) => each.name.toLowerCase().includes(plain));
    return [
      ...recent.map((each): Proposal => ({ kind: 'recent', label: each, text: each })),
      ...named.map((each): Proposal => ({ kind: 'saved', label: each.name, text: each.text })),
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
  searches,
});
