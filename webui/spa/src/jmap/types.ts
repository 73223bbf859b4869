/**
 * What goes over the wire: the data types of JMAP as this server speaks them.
 *
 * Source: RFC 8620 (core), RFC 8621 (mail), RFC 9425 (quota), RFC 9610 (contacts), RFC 9661 (Sieve).
 */
export type Id = string;
/** An instant as JMAP writes it: `2026-03-04T05:06:07Z` (RFC 8620 §1.4). */
export type UtcDate = string;
export type Patch = Record<string, unknown>;
export type Keywords = Record<string, true>;

export interface Address {
  name: string | null;
  email: string;
}

export type Role = 'inbox' | 'drafts' | 'sent' | 'archive' | 'junk' | 'trash';

export interface Mailbox {
  id: Id;
  name: string;
  parentId: Id | null;
  role: Role | (string & {}) | null;
  sortOrder: number;
  totalEmails: number;
  unreadEmails: number;
  totalThreads: number;
  unreadThreads: number;
  myRights: Record<string, boolean>;
  isSubscribed: boolean;
}

export interface Thread {
  id: Id;
  emailIds: Id[];
}

/** What a list shows of an email; none of it opens the message itself. */
export interface ListEmail {
  id: Id;
  blobId: Id;
  threadId: Id;
  mailboxIds: Record<Id, true>;
  keywords: Keywords;
  size: number;
  receivedAt: UtcDate;
  from: Address[] | null;
  to: Address[] | null;
  subject: string | null;
  preview: string;
  hasAttachment: boolean;
  /** Our own: its seal does not hold, so that what is null may not have been. */
  isDamaged?: boolean;
  /** Says whether it is encrypted or signed (RFC 1847). */
  'header:Content-Type:asRaw': string | null;
}

export interface BodyPart {
  partId: string | null;
  blobId: Id | null;
  size: number;
  name: string | null;
  type: string;
  charset: string | null;
  disposition: string | null;
  cid: string | null;
  /** The field as it came, with its parameters. */
  'header:Content-Type:asRaw'?: string | null;
}

export interface BodyValue {
  value: string;
  isEncodingProblem: boolean;
  isTruncated: boolean;
}

export interface EmailBodies {
  textBody: BodyPart[];
  htmlBody: BodyPart[];
  attachments: BodyPart[];
  bodyValues: Record<string, BodyValue>;
}

/** An email with the header fields that the server has at hand without opening it. */
export interface EmailHead extends ListEmail {
  messageId: string[] | null;
  inReplyTo: string[] | null;
  references: string[] | null;
  sender: Address[] | null;
  cc: Address[] | null;
  bcc: Address[] | null;
  replyTo: Address[] | null;
  sentAt: string | null;
  'header:List-Id:asText': string | null;
  'header:List-Post:asURLs': string[] | null;
  'header:List-Unsubscribe:asURLs': string[] | null;
  'header:List-Unsubscribe-Post:asRaw': string | null;
  'header:Authentication-Results:asRaw:all': string[];
  'header:Importance:asRaw': string | null;
  'header:X-Priority:asRaw': string | null;
}

/** What else is read out of a message when it is opened. */
export interface OpenedEmail extends EmailBodies {
  id: Id;
  bodyStructure: BodyPart & { subParts?: BodyPart[] };
  isDamaged?: boolean;
  'header:Disposition-Notification-To:asRaw': string | null;
  'header:Auto-Submitted:asRaw': string | null;
  'header:X-Spam-Status:asRaw': string | null;
}

export interface Identity {
  id: Id;
  name: string;
  email: string;
  replyTo: Address[] | null;
  bcc: Address[] | null;
  textSignature: string;
  htmlSignature: string;
  mayDelete: boolean;
}

export interface EnvelopeAddress {
  email: string;
  parameters: Record<string, string | null> | null;
}

export interface Envelope {
  mailFrom: EnvelopeAddress;
  rcptTo: EnvelopeAddress[];
}

export interface DeliveryStatus {
  smtpReply: string;
  delivered: 'queued' | 'yes' | 'no' | 'unknown';
  displayed: 'unknown' | 'yes';
}

export interface EmailSubmission {
  id: Id;
  identityId: Id;
  emailId: Id;
  threadId: Id;
  envelope: Envelope;
  sendAt: UtcDate;
  undoStatus: 'pending' | 'final' | 'canceled';
  deliveryStatus: Record<string, DeliveryStatus> | null;
}

export interface VacationResponse {
  id: 'singleton';
  isEnabled: boolean;
  fromDate: UtcDate | null;
  toDate: UtcDate | null;
  subject: string | null;
  textBody: string | null;
  htmlBody: string | null;
}

export interface Quota {
  id: Id;
  resourceType: string;
  used: number;
  hardLimit: number;
  warnLimit: number | null;
  scope: string;
  name: string;
}

export interface SieveScript {
  id: Id;
  name: string;
  blobId: Id;
  isActive: boolean;
}

export interface AddressBook {
  id: Id;
  name: string;
  description: string | null;
  sortOrder: number;
  isDefault: boolean;
  isSubscribed: boolean;
}

/** A JSContact card (RFC 9553); the members that this app does not know are kept as they are. */
export interface ContactCard {
  id: Id;
  '@type': 'Card';
  version: string;
  uid: string;
  addressBookIds: Record<Id, true>;
  kind?: 'individual' | 'group' | 'org' | (string & {});
  name?: { full?: string; components?: { kind: string; value: string }[] };
  nicknames?: Record<string, { name: string }>;
  organizations?: Record<string, { name?: string }>;
  titles?: Record<string, { name: string }>;
  emails?: Record<string, { address: string; contexts?: Record<string, boolean>; pref?: number }>;
  phones?: Record<string, { number: string; contexts?: Record<string, boolean> }>;
  addresses?: Record<string, { full?: string; components?: { kind: string; value: string }[] }>;
  notes?: Record<string, { note: string }>;
  members?: Record<string, boolean>;
  created?: UtcDate;
  updated?: UtcDate;
  [member: string]: unknown;
}

export interface SearchSnippet {
  emailId: Id;
  subject: string | null;
  preview: string | null;
}

/** A preference of the account: a name, and any JSON value. */
export interface Preference {
  id: Id;
  name: string;
  value: unknown;
}

export interface FilterCondition {
  inMailbox?: Id;
  inMailboxOtherThan?: Id[];
  before?: UtcDate;
  after?: UtcDate;
  minSize?: number;
  maxSize?: number;
  hasKeyword?: string;
  notKeyword?: string;
  allInThreadHaveKeyword?: string;
  someInThreadHaveKeyword?: string;
  noneInThreadHaveKeyword?: string;
  hasAttachment?: boolean;
  text?: string;
  from?: string;
  to?: string;
  cc?: string;
  bcc?: string;
  subject?: string;
  body?: string;
  header?: [string] | [string, string];
}

export interface FilterOperator {
  operator: 'AND' | 'OR' | 'NOT';
  conditions: Filter[];
}

export type Filter = FilterCondition | FilterOperator;

export interface Comparator {
  property: string;
  isAscending?: boolean;
  keyword?: string;
}

export interface SetErrorObject {
  type: string;
  description?: string;
  properties?: string[];
  [member: string]: unknown;
}

/** The session object (RFC 8620 §2). */
export interface SessionObject {
  capabilities: Record<string, Record<string, unknown>>;
  accounts: Record<
    Id,
    { name: string; accountCapabilities: Record<string, Record<string, unknown>> }
  >;
  primaryAccounts: Record<string, Id>;
  username: string;
  apiUrl: string;
  downloadUrl: string;
  uploadUrl: string;
  eventSourceUrl: string;
  state: string;
}

/** An upload's answer (RFC 8620 §6.1). */
export interface Uploaded {
  accountId: Id;
  blobId: Id;
  type: string;
  size: number;
}

/** What an event tells: the new state of each data type that changed (RFC 8620 §7.1). */
export interface StateChange {
  '@type': 'StateChange';
  changed: Record<Id, Record<string, string>>;
}
