/** The methods that the app calls: what each takes, and what it answers. */
import type {
  AddressBook,
  Comparator,
  ContactCard,
  EmailSubmission,
  Filter,
  Id,
  Identity,
  Mailbox,
  Patch,
  Preference,
  Quota,
  SearchSnippet,
  SetErrorObject,
  SieveScript,
  Thread,
  VacationResponse,
} from './types';

/** Stands for a value out of an earlier answer of the same request (RFC 8620 §3.7). */
export interface Reference {
  resultOf: string;
  name: string;
  path: string;
}

export interface GetArguments {
  ids?: readonly Id[] | null;
  properties?: readonly string[];
}

export interface GetAnswer<Item> {
  accountId: Id;
  state: string;
  list: Item[];
  notFound: Id[];
}

export interface ChangesArguments {
  sinceState: string;
  maxChanges?: number;
}

export interface ChangesAnswer {
  accountId: Id;
  oldState: string;
  newState: string;
  hasMoreChanges: boolean;
  created: Id[];
  updated: Id[];
  destroyed: Id[];
  /** Of Mailbox: where only counts changed, the properties that did. */
  updatedProperties?: string[] | null;
}

export interface SetArguments<Item> {
  ifInState?: string;
  create?: Record<string, Partial<Item> | Patch>;
  update?: Record<Id, Patch>;
  destroy?: Id[];
}

export interface SetAnswer<Item> {
  accountId: Id;
  oldState: string;
  newState: string;
  created: Record<string, Partial<Item> & { id: Id }> | null;
  updated: Record<Id, Partial<Item> | null> | null;
  destroyed: Id[] | null;
  notCreated: Record<string, SetErrorObject> | null;
  notUpdated: Record<Id, SetErrorObject> | null;
  notDestroyed: Record<Id, SetErrorObject> | null;
}

export interface QueryArguments {
  filter?: Filter | Record<string, unknown> | null;
  sort?: Comparator[];
  position?: number;
  anchor?: Id;
  anchorOffset?: number;
  limit?: number;
  calculateTotal?: boolean;
}

export interface QueryAnswer {
  accountId: Id;
  queryState: string;
  canCalculateChanges: boolean;
  position: number;
  ids: Id[];
  total?: number;
  limit?: number;
}

export interface QueryChangesArguments {
  sinceQueryState: string;
  filter?: Filter | null;
  sort?: Comparator[];
  maxChanges?: number;
  upToId?: Id;
  calculateTotal?: boolean;
}

export interface QueryChangesAnswer {
  accountId: Id;
  oldQueryState: string;
  newQueryState: string;
  removed: Id[];
  added: { id: Id; index: number }[];
  total?: number;
}

export interface BodyArguments {
  bodyProperties?: readonly string[];
  fetchTextBodyValues?: boolean;
  fetchHTMLBodyValues?: boolean;
  fetchAllBodyValues?: boolean;
  maxBodyValueBytes?: number;
}

interface Get<Item> {
  takes: GetArguments;
  answers: GetAnswer<Item>;
}
interface Changes {
  takes: ChangesArguments;
  answers: ChangesAnswer;
}
interface Set_<Item, More = unknown> {
  takes: SetArguments<Item> & More;
  answers: SetAnswer<Item>;
}
interface Query {
  takes: QueryArguments;
  answers: QueryAnswer;
}

/** An email as whoever asked for it knows it: only the asked-for properties are there. */
export type SomeEmail = { id: Id } & Record<string, unknown>;

export interface Methods {
  'Core/echo': { takes: Record<string, unknown>; answers: Record<string, unknown> };
  'Mailbox/get': Get<Mailbox>;
  'Mailbox/changes': Changes;
  'Mailbox/query': Query;
  'Mailbox/set': Set_<Mailbox, { onDestroyRemoveEmails?: boolean }>;
  'Thread/get': Get<Thread>;
  'Thread/changes': Changes;
  'Email/get': { takes: GetArguments & BodyArguments; answers: GetAnswer<SomeEmail> };
  'Email/changes': Changes;
  'Email/query': { takes: QueryArguments & { collapseThreads?: boolean }; answers: QueryAnswer };
  'Email/queryChanges': {
    takes: QueryChangesArguments & { collapseThreads?: boolean };
    answers: QueryChangesAnswer;
  };
  'Email/set': Set_<SomeEmail>;
  'Email/import': {
    takes: { emails: Record<string, Patch>; ifInState?: string };
    answers: Pick<
      SetAnswer<SomeEmail>,
      'accountId' | 'oldState' | 'newState' | 'created' | 'notCreated'
    >;
  };
  'Email/parse': {
    takes: { blobIds: Id[]; properties?: readonly string[] } & BodyArguments;
    answers: {
      accountId: Id;
      parsed: Record<Id, Record<string, unknown>> | null;
      notParsable: Id[] | null;
      notFound: Id[] | null;
    };
  };
  'SearchSnippet/get': {
    takes: { filter?: Filter | null; emailIds?: Id[] };
    answers: { accountId: Id; list: SearchSnippet[]; notFound: Id[] | null };
  };
  'Identity/get': Get<Identity>;
  'Identity/changes': Changes;
  'Identity/set': Set_<Identity>;
  'EmailSubmission/get': Get<EmailSubmission>;
  'EmailSubmission/changes': Changes;
  'EmailSubmission/query': Query;
  'EmailSubmission/set': Set_<
    EmailSubmission,
    { onSuccessUpdateEmail?: Record<string, Patch>; onSuccessDestroyEmail?: string[] }
  >;
  'VacationResponse/get': Get<VacationResponse>;
  'VacationResponse/set': Set_<VacationResponse>;
  'Quota/get': Get<Quota>;
  'Quota/changes': Changes;
  'SieveScript/get': Get<SieveScript>;
  'SieveScript/set': Set_<
    SieveScript,
    { onSuccessActivateScript?: string; onSuccessDeactivateScript?: boolean }
  >;
  'SieveScript/validate': {
    takes: { blobId: Id };
    answers: { accountId: Id; error: SetErrorObject | null };
  };
  'AddressBook/get': Get<AddressBook>;
  'AddressBook/changes': Changes;
  'AddressBook/set': Set_<
    AddressBook,
    { onDestroyRemoveContents?: boolean; onSuccessSetIsDefault?: string }
  >;
  'ContactCard/get': Get<ContactCard>;
  'ContactCard/changes': Changes;
  'ContactCard/query': Query;
  'ContactCard/set': Set_<ContactCard>;
  'Preference/get': Get<Preference>;
  'Preference/changes': Changes;
  'Preference/set': Set_<Preference>;
  'MDN/send': {
    takes: { identityId: Id; send: Record<string, Patch> };
    answers: {
      accountId: Id;
      sent: Record<string, unknown> | null;
      notSent: Record<string, SetErrorObject> | null;
    };
  };
}

export type MethodName = keyof Methods;
export type Takes<Name extends MethodName> = Methods[Name]['takes'];
export type Answers<Name extends MethodName> = Methods[Name]['answers'];

/** Arguments as they are written: any member may be a reference under `#member` instead. */
export type Written<Name extends MethodName> =
  | Takes<Name>
  | (Partial<Takes<Name>> & { [Key in keyof Takes<Name> as `#${string & Key}`]?: Reference });

const CORE = 'urn:ietf:params:jmap:core';
const MAIL = 'urn:ietf:params:jmap:mail';
const SUBMISSION = 'urn:ietf:params:jmap:submission';
const CONTACTS = 'urn:ietf:params:jmap:contacts';
export const PREFERENCES = 'urn:zegel:params:jmap:preferences';

const CAPABILITIES: Record<string, string> = {
  Core: CORE,
  Mailbox: MAIL,
  Thread: MAIL,
  Email: MAIL,
  SearchSnippet: MAIL,
  Identity: SUBMISSION,
  EmailSubmission: SUBMISSION,
  VacationResponse: 'urn:ietf:params:jmap:vacationresponse',
  Quota: 'urn:ietf:params:jmap:quota',
  SieveScript: 'urn:ietf:params:jmap:sieve',
  AddressBook: CONTACTS,
  ContactCard: CONTACTS,
  Preference: PREFERENCES,
  MDN: 'urn:ietf:params:jmap:mdn',
};

/** Returns the capabilities that a request with these methods must name (RFC 8620 §3.3). */
export function using(names: Iterable<MethodName>): string[] {
  const found = new Set([CORE]);
  for (const name of names) found.add(CAPABILITIES[name.split('/')[0] ?? ''] ?? CORE);
  return [...found];
}

/**
 * Says whether a method changes nothing, so that it may be asked again when its answer was lost.
 */
export function isReading(name: MethodName): boolean {
  return !/\/(set|import|copy|send)$/.test(name);
}
