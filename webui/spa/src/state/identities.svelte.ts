/** Under which names and addresses one writes (RFC 8621 §6). */
import type { JmapClient } from '@/jmap/client';
import type { Id, Identity } from '@/jmap/types';
import { client } from './client';
import { domainOf, isSame } from './compose/addresses';
import { Records } from './records.svelte';
import { settings, type SettingsStore } from './settings.svelte';

const DEFAULTS: Partial<Identity> = { name: '', replyTo: null, bcc: null, textSignature: '', htmlSignature: '' };

export class Identities extends Records<Identity> {
  #settings: SettingsStore;

  constructor(of: JmapClient, kept: SettingsStore) {
    super(of, 'Identity', DEFAULTS);
    this.#settings = kept;
  }

  /** The one that a new message begins with. */
  get first(): Identity | undefined {
    return this.get(this.#settings.value.identityId) ?? this.all[0];
  }

  get addresses(): string[] {
    return this.all.map((each) => each.email);
  }

  isOwn(email: string): boolean {
    return this.addresses.some((each) => isSame(each, email));
  }

  /** Says whether an address is of none of the domains that one has addresses in. */
  isOutside(email: string): boolean {
    const domain = domainOf(email);
    return this.all.length > 0 && !this.addresses.some((each) => domainOf(each) === domain);
  }

  byAddress(email: string | undefined): Identity | undefined {
    return email === undefined ? undefined : this.all.find((each) => isSame(each.email, email));
  }

  /** Begins new messages with this one from now on; returns what takes that back. */
  prefer(id: Id): () => void {
    return this.#settings.set('identityId', id);
  }
}

export const identities = new Identities(client, settings);
