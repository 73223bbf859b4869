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
