/** Address books and cards (RFC 9610); cards keep what this app does not know of them. */
import type { JmapClient } from '@/jmap/client';
import type { SetError } from '@/jmap/errors';
import type { AddressBook, ContactCard, Filter, Id } from '@/jmap/types';
import { cardMatches, cardName, emailsOf, isGroup, membersOf, merged } from './cards';
import { client } from './client';
import type { Taken } from './taking';
import { Records } from './records.svelte';
import { recipients, type Recipients } from './recipients.svelte';

const SENDERS_ASKED = 100;
const AT_ONCE = 100;

export class Contacts {
  readonly books: Records<AddressBook>;
  readonly cards: Records<ContactCard>;
  #recipients: Recipients;
  #ordered = $derived.by(() => {
    const named = this.cards.all.map((card) => ({ card, name: cardName(card) }));
    return named.sort((a, b) => a.name.localeCompare(b.name)).map(({ card }) => card);
  });
  #byEmail = $derived.by(() => {
    const found = new Map<string, ContactCard>();
    for (const card of this.cards.all) {
      for (const email of emailsOf(card)) found.set(email.toLowerCase(), card);
    }
    return found;
  });

  constructor(of: JmapClient, offered: Recipients) {
    this.books = new Records<AddressBook>(of, 'AddressBook');
    this.cards = new Records<ContactCard>(of, 'ContactCard');
    this.#recipients = offered;
    offered.contacts = () =>
      this.cards.all.flatMap((card) =>
        emailsOf(card).map((email) => ({ name: cardName(card), email })),
      );
  }

  get status() {
    return this.cards.status;
  }

  get error() {
    return this.cards.error;
  }

  /** Everybody, in the order of names. */
  get all(): ContactCard[] {
    return this.#ordered;
  }

  get groups(): ContactCard[] {
    return this.#ordered.filter(isGroup);
  }

  get book(): AddressBook | undefined {
    return this.books.all.find((each) => each.isDefault) ?? this.books.all[0];
  }

  /** Loads books and cards. Throws JmapError. */
  async ready(): Promise<void> {
    await Promise.all([this.books.ready(), this.cards.ready()]);
  }

  async retry(): Promise<void> {
    await this.ready().catch(() => undefined);
  }

  search(text: string): ContactCard[] {
    return this.#ordered.filter((card) => cardMatches(card, text));
  }

  forEmail(email: string): ContactCard | undefined {
    return this.#byEmail.get(email.toLowerCase());
  }

  members(group: ContactCard): ContactCard[] {
    return membersOf(group, this.cards.all);
  }

  /** Creates a card in the default book; returns its id. Throws SetError, and as a call. */
  async create(card: Partial<ContactCard>): Promise<Id> {
    await this.ready();
    const addressBookIds = card.addressBookIds ?? { [this.book?.id ?? '']: true as const };
    return this.cards.create({ '@type': 'Card', version: '1.0', ...card, addressBookIds });
  }

  /** Changes a card: whole members, null where one goes. Throws SetError, and as a call. */
  update(id: Id, patch: Record<string, unknown>): Promise<void> {
    return this.cards.update(id, patch);
  }

  /** Destroys a card; returns what brings it back. Throws SetError, and as a call. */
  async destroy(id: Id): Promise<() => Promise<Id>> {
    const card = this.cards.get(id);
    await this.cards.destroy(id);
    const { id: _id, ...rest } = card ?? { id };
    return () => this.create(rest as Partial<ContactCard>);
  }

  /** Makes one card of several; the first keeps its name. Throws SetError, and as a call. */
  async merge(ids: readonly [Id, ...Id[]]): Promise<void> {
    const found = ids.map((id) => this.cards.get(id)).filter((card) => card !== undefined);
    const [first, ...others] = found;
    if (!first || others.length === 0) return;
    await this.cards.update(first.id, merged([first, ...others]));
    for (const card of others) await this.cards.destroy(card.id);
  }

  /**
   * Makes cards and changes others, many at a time; returns how many were refused, and why the
   * first. `tell` hears how much of it is done, from 0 to 1. Throws as a call: what was done is done.
   */
  async takeOver({ create, update }: Taken, tell: (share: number) => void) {
    await this.ready();
    const addressBookIds = { [this.book?.id ?? '']: true as const };
    const whole = create.map((card) => ({ '@type': 'Card' as const, version: '1.0', ...card, addressBookIds }));
    const changes = Object.entries(update);
    const all = whole.length + changes.length;
    let done = 0;
    let refused = 0;
    let why: SetError | undefined;
    while (done < all) {
      const changed = changes.slice(Math.max(0, done - whole.length), Math.max(0, done + AT_ONCE - whole.length));
      const told = await this.cards.setMany(whole.slice(done, done + AT_ONCE), Object.fromEntries(changed));
      refused += told.refused;
      why ??= told.why;
      done += AT_ONCE;
      tell(Math.min(1, done / all));
    }
    return { refused, why };
  }

  /** Forgets somebody: the card and what autocomplete knows. Throws SetError, and as a call. */
  async forget(id: Id): Promise<void> {
    const card = this.cards.get(id);
    for (const email of card ? emailsOf(card) : []) this.#recipients.forget(email);
    await this.cards.destroy(id);
  }

  /** Returns the condition that mail is from somebody in the address book. Throws JmapError. */
  async fromFilter(): Promise<Filter> {
    await this.ready();
    const conditions = [...this.#byEmail.keys()]
      .slice(0, SENDERS_ASKED)
      .map((email) => ({ from: `"${email}"` }));
    // Of nobody: a condition that nothing fulfils.
    return conditions.length > 0 ? { operator: 'OR', conditions } : { operator: 'NOT', conditions: [{}] };
  }
}

export const contacts = new Contacts(client, recipients);
