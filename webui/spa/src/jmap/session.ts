/** What the server can do and where it is found (RFC 8620 §2). */
import { PREFERENCES } from './methods';
import type { Id, SessionObject } from './types';

const NAMES = {
  mail: 'urn:ietf:params:jmap:mail',
  submission: 'urn:ietf:params:jmap:submission',
  sieve: 'urn:ietf:params:jmap:sieve',
  contacts: 'urn:ietf:params:jmap:contacts',
  quota: 'urn:ietf:params:jmap:quota',
  mdn: 'urn:ietf:params:jmap:mdn',
  vacationresponse: 'urn:ietf:params:jmap:vacationresponse',
  preferences: PREFERENCES,
} as const;

export type Capability = keyof typeof NAMES;

export interface Limits {
  objectsInGet: number;
  objectsInSet: number;
  callsInRequest: number;
  uploadOctets: number;
  concurrentUploads: number;
  attachmentOctets: number;
  /** For how many seconds the server may hold mail back before it is sent; 0: it does not. */
  holdSeconds: number;
}

export class Session {
  readonly object: SessionObject;
  readonly accountId: Id;
  readonly limits: Limits;

  constructor(object: SessionObject) {
    this.object = object;
    const [first] = Object.keys(object.accounts);
    this.accountId = object.primaryAccounts[NAMES.mail] ?? first ?? '';
    this.limits = limitsOf(object, this.accountId);
  }

  can(capability: Capability): boolean {
    return NAMES[capability] in (this.object.accounts[this.accountId]?.accountCapabilities ?? {});
  }

  get apiPath(): string {
    return here(this.object.apiUrl);
  }

  get uploadPath(): string {
    return filled(here(this.object.uploadUrl), { accountId: this.accountId });
  }

  downloadPath(blobId: Id, name: string, type: string): string {
    const values = { accountId: this.accountId, blobId, name, type };
    return filled(here(this.object.downloadUrl), values);
  }

  eventsPath(types: string, pingSeconds: number): string {
    const values = { types, closeafter: 'no', ping: String(pingSeconds) };
    return filled(here(this.object.eventSourceUrl), values);
  }
}

/** Returns a URL template as a path of the page's own origin, which is all that our CSP lets out. */
function here(template: string): string {
  return template.replace(/^[a-z]+:\/\/[^/]+/i, '');
}

/** Fills in a URI template of level 1 (RFC 6570 §1.2). */
export function filled(template: string, values: Record<string, string>): string {
  return template.replace(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(values[name] ?? ''),
  );
}

function limitsOf(object: SessionObject, accountId: Id): Limits {
  const core = object.capabilities['urn:ietf:params:jmap:core'] ?? {};
  const account = object.accounts[accountId]?.accountCapabilities ?? {};
  const number = (of: Record<string, unknown> | undefined, name: string, fallback: number) =>
    typeof of?.[name] === 'number' ? of[name] : fallback;
  return {
    objectsInGet: number(core, 'maxObjectsInGet', 500),
    objectsInSet: number(core, 'maxObjectsInSet', 500),
    callsInRequest: number(core, 'maxCallsInRequest', 16),
    uploadOctets: number(core, 'maxSizeUpload', 50_000_000),
    concurrentUploads: number(core, 'maxConcurrentUpload', 4),
    attachmentOctets: number(account[NAMES.mail], 'maxSizeAttachmentsPerEmail', 50_000_000),
    holdSeconds: number(account[NAMES.submission], 'maxDelayedSend', 0),
  };
}
