/** What `/api/account` takes and gives (`webui/account/schemas.py`). Instants are RFC 3339. */

export type FactorKind = 'totp' | 'passkey' | 'backup';

/** A second factor as it is shown: a code, or a passkey's answer. */
export type ShownFactor =
  | { kind: 'totp' | 'backup'; code: string }
  | { kind: 'passkey'; passkey: Record<string, unknown> };

/** Where signing in has come to. */
export interface Step {
  /** Of these one is to be shown next; empty when the session is open. */
  needed: FactorKind[];
  provisional: boolean;
  csrf: string;
  expires_at: string;
}

export interface SessionInfo {
  id: string;
  address: string;
  csrf: string;
  stay: boolean;
  /** Whether a proof of the last five minutes stands. */
  fresh: boolean;
  /** Somebody else set the account up: a password of one's own comes first. */
  provisional: boolean;
  /** The organisation asks for a second factor, and there is none yet. */
  factor_missing: boolean;
  expires_at: string;
}

export interface OpenSession {
  id: string;
  agent: string;
  peer: string;
  made_at: string;
  seen_at: string;
  expires_at: string;
  stay: boolean;
  current: boolean;
}

export interface HistoryEntry {
  at: string;
  what: string;
  peer: string;
  agent: string;
}

/** What is kept of somebody, why, and until when. */
export interface Privacy {
  organisation: string;
  contact: string;
  authority: string;
  authority_url: string;
  stored: Record<StoredKind, number> & { octets: number };
  purposes: Purpose[];
  /** Whether the server stopped sending by itself; a person may be asked to look. */
  sending_stopped: boolean;
  /** Whether the account is only kept (GDPR Art. 18). */
  restricted: boolean;
  /** Whether a law, claim or order keeps it from being erased. */
  held: boolean;
  grace_days: number;
  posts_certificates: boolean;
}

export type StoredKind =
  | 'letters'
  | 'mailboxes'
  | 'contacts'
  | 'filters'
  | 'forwards'
  | 'app_passwords'
  | 'sessions'
  | 'sign_ins'
  | 'woken_apps';

export interface Purpose {
  name: string;
  basis: string;
  recipients: string[];
  /** How long what ends by age is kept; 0 where nothing of it does. */
  longest_days: number;
  /** Whether some of it stays until its owner deletes it. */
  with_account: boolean;
}

/** What can be asked for (`mailserver.privacy.request.Right`). */
export type Right =
  | 'access'
  | 'portability'
  | 'rectification'
  | 'erasure'
  | 'restriction'
  | 'objection'
  | 'human-review'
  | 'complaint';

export interface PrivacyRequest {
  number: number;
  right: Right;
  state: string;
  received_at: string;
  /** The day by which it is answered, `2026-03-02`. */
  due: string;
  reason: string;
  over_at: string | null;
}

/** How far the organisation's recovery is with this account (`accounts.escrow_wraps.State`). */
export type EscrowState = 'off' | 'waiting' | 'renewal' | 'notice' | 'due' | 'on';

/** Whether two custodians together can open the mailbox, and on what terms. */
export interface Escrow {
  state: EscrowState;
  policy: string;
  reason: string;
  since: string | null;
  seen_at: string | null;
  custodians: { name: string; fingerprint: string }[];
  /** Names the notice; whoever saw it sends it back. */
  notice: string;
}

/** One time that somebody looked at the account. */
export interface Look {
  means: 'trace' | 'escrow';
  at: string;
  until: string | null;
  reason: string;
  /** Whether a copy of the mailbox was taken. */
  exported: boolean;
}

/** A copy of everything, in one file. */
export interface DataExport {
  name: string;
  progress: 'making' | 'waiting' | 'ready' | 'failed';
  began_at: string;
  expires_at: string;
  messages: number;
  done: number;
  octets: number;
}

/** A text of the consent ledger, as it was or is asked. */
export interface ConsentText {
  number: number;
  version: string;
  language: string;
  body: string;
  sha256: string;
}

export type ConsentStand = 'nothing' | 'waits' | 'given' | 'withdrawn';

export interface Consent {
  purpose: string;
  stand: ConsentStand;
  since: string | null;
  /** What was agreed to, where it stands. */
  agreed: ConsentText | null;
  /** What is asked now; null where the purpose is not asked for any more. */
  question: ConsentText | null;
  /** Whether letters about similar products may come without a yes. */
  as_customer: boolean;
}

export interface Passkey {
  id: string;
  label: string;
  made_at: string;
  used_at: string | null;
}

export interface Factors {
  totp: boolean;
  passkeys: Passkey[];
  backup_codes_left: number;
  required: boolean;
  changed_lately: boolean;
  going_at: string | null;
}

export interface TotpOffer {
  secret: string;
  uri: string;
  qr_svg: string;
}

export type AppPasswordScope = 'imap' | 'smtp' | 'jmap' | 'dav' | 'sieve';

export interface AppPassword {
  id: string;
  label: string;
  scopes: AppPasswordScope[];
  networks: string[];
  made_at: string;
  expires_at: string | null;
}

export interface AppPasswordMade extends AppPassword {
  secret: string;
}

export interface Vault {
  made_at: string;
  expires_at: string;
  needs_factor: boolean;
}

/** What is under way about the account. */
export interface Pending {
  reset_at: string | null;
  factors_go_at: string | null;
  vaults: Vault[];
}

/** What a file of vCards holds. */
export interface CardsRead {
  /** RFC 9553 cards, without an id and an address book; some without a uid. */
  cards: Record<string, unknown>[];
  /** Cards that said nothing of anybody, or had no end. */
  unread: number;
  /** Cards beyond those that are read of one file. */
  too_many: number;
  /** Cards whose picture is left out. */
  pictures: number;
}
