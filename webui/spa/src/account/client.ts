/** `/api/account`, typed: what an owner asks and decides about his account. */
import { Problem } from '@/problem';
import { session } from './session.svelte';
import type {
  AppPassword,
  AppPasswordMade,
  AppPasswordScope,
  Escrow,
  CardsRead,
  Consent,
  DataExport,
  Factors,
  HistoryEntry,
  Look,
  OpenSession,
  Pending,
  Privacy,
  PrivacyRequest,
  Right,
  ShownFactor,
  Step,
  TotpOffer,
} from './types';

type Json = Record<string, unknown>;

async function told<Answer>(answer: Response): Promise<Answer> {
  if (!answer.ok) throw await Problem.of(answer);
  if (answer.status === 204) return undefined as Answer;
  return (await answer.json()) as Answer;
}

function asking(method: string, body?: unknown): RequestInit {
  if (body === undefined) return { method };
  return { method, body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
}

/** Of a signed-in person: waits for a new sign-in where the session is over. */
async function ask<Answer>(method: string, path: string, body?: unknown): Promise<Answer> {
  return told(await session.request(`/api/account${path}`, asking(method, body)));
}

/** Of somebody who is not signed in, or in the middle of it. */
async function askAnybody<Answer>(path: string, body: Json = {}): Promise<Answer> {
  return told(await session.send(`/api/account${path}`, asking('POST', body)));
}

async function step(path: string, body: Json): Promise<Step> {
  const taken = await askAnybody<Step>(path, body);
  session.took(taken);
  return taken;
}

/** Leaves members out that are not there: the server refuses what it does not know. */
function given(body: Json): Json {
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined));
}

type PasskeyOptions = PublicKeyCredentialRequestOptionsJSON;
type PasskeyMaking = PublicKeyCredentialCreationOptionsJSON;
interface Recovered {
  recovery_code: string;
}

export const signIn = {
  start: (address: string) => askAnybody<{ next: 'password' }>('/sign-in/start', { address }),
  password: (body: { address: string; password: string; stay: boolean; trust: boolean }) =>
    step('/sign-in', body),
  factor: (factor: ShownFactor, trust: boolean) => step('/sign-in/factor', { factor, trust }),
  passkey: () => askAnybody<PasskeyOptions>('/sign-in/passkey'),
  again: (body: { password?: string; factor?: ShownFactor }) => step('/sign-in/again', given(body)),
};

export const recovery = {
  invited: (token: string) => askAnybody<{ address: string }>('/invitation', { token }),
  signUp: (token: string, password: string) =>
    askAnybody<Recovered & { address: string }>('/sign-up', { token, password }),
  byCode: (body: {
    address: string;
    code: string;
    password: string;
    factor?: ShownFactor;
    keep_app_passwords?: boolean;
  }) => askAnybody<Recovered>('/reset/code', given(body)),
  askReset: (token: string, factor?: ShownFactor) =>
    askAnybody<{ effective_at: string }>('/reset/ask', given({ token, factor })),
  finishReset: (token: string, password: string, factor?: ShownFactor) =>
    askAnybody<Recovered & { address: string }>('/reset', given({ token, password, factor })),
  byAppPassword: (body: {
    address: string;
    app_password: string;
    password: string;
    factor: ShownFactor;
  }) => askAnybody<void>('/rescue', body),
  denyReset: (address: string, old: string) => askAnybody<void>('/reset/deny', { address, old }),
  openVault: (body: { address: string; old: string; password: string; factor?: ShownFactor }) =>
    askAnybody<Recovered>('/vault', given(body)),
};

export const account = {
  signOut: () => ask<void>('POST', '/sign-out'),
  sessions: () => ask<OpenSession[]>('GET', '/sessions'),
  endSession: (id: string) => ask<void>('DELETE', `/sessions/${id}`),
  endOtherSessions: () => ask<void>('POST', '/sessions/end-others'),
  forgetDevices: () => ask<void>('POST', '/devices/forget'),
  history: () => ask<HistoryEntry[]>('GET', '/history'),
  privacy: () => ask<Privacy>('GET', '/privacy'),
  privacyRequests: () => ask<PrivacyRequest[]>('GET', '/privacy/requests'),
  privacyLooks: () => ask<Look[]>('GET', '/privacy/looks'),
  askRight: (right: Right) => ask<PrivacyRequest>('POST', '/privacy/requests', { right }),
  escrow: () => ask<Escrow>('GET', '/escrow'),
  escrowSeen: (notice: string) => ask<void>('POST', '/escrow/seen', { notice }),
  escrowRenew: (password: string) => ask<Recovered>('POST', '/escrow/renew', { password }),
  exports: () => ask<DataExport[]>('GET', '/privacy/exports'),
  beginExport: () => ask<DataExport>('POST', '/privacy/exports'),
  removeExport: (name: string) => ask<void>('DELETE', `/privacy/exports/${name}`),
  exportUrl: (name: string) => `/api/account/privacy/exports/${name}/file`,
  restrict: (on: boolean) => ask<void>(on ? 'POST' : 'DELETE', '/privacy/restriction'),
  erase: (address: string, answer_to: string) =>
    ask<{ number: number; erase_at: string | null }>('POST', '/privacy/erasure', { address, answer_to }),
  consents: (language: string) => ask<Consent[]>('GET', `/privacy/consents?language=${language}`),
  /** Says yes to a text that was read, or no; `*` is no to all of it. Answers with all as they stand then. */
  consent: (purpose: string, text: number | null, language: string) =>
    ask<Consent[]>(
      'POST',
      `/privacy/consents/${encodeURIComponent(purpose)}?language=${language}`,
      text === null ? { given: false } : { given: true, text },
    ),
  factors: () => ask<Factors>('GET', '/factors'),
  offerTotp: () => ask<TotpOffer>('POST', '/factors/totp'),
  confirmTotp: (code: string) =>
    ask<{ backup_codes: string[] }>('POST', '/factors/totp/confirm', { code }),
  removeTotp: (password: string, factor: ShownFactor) =>
    ask<void>('POST', '/factors/totp/remove', { password, factor }),
  offerPasskey: () => ask<PasskeyMaking>('POST', '/factors/passkeys'),
  confirmPasskey: (answer: Json, label: string) =>
    ask<{ backup_codes: string[] }>('POST', '/factors/passkeys/confirm', { answer, label }),
  removePasskey: (id: string, password: string, factor: ShownFactor) =>
    ask<void>('POST', `/factors/passkeys/${id}/remove`, { password, factor }),
  renewBackupCodes: () => ask<{ backup_codes: string[] }>('POST', '/factors/backup-codes'),
  keepFactors: () => ask<void>('POST', '/factors/keep'),
  changePassword: (old: string, password: string, factor?: ShownFactor) =>
    ask<void>('POST', '/password', given({ old, new: password, factor })),
  takeOver: (password: string) => ask<Recovered>('POST', '/take-over', { password }),
  renewCode: () => ask<Recovered>('POST', '/recovery-code'),
  confirmCode: (skipped: boolean) => ask<void>('POST', '/recovery-code/confirm', { skipped }),
  appPasswords: () => ask<AppPassword[]>('GET', '/app-passwords'),
  addAppPassword: (body: {
    label: string;
    scopes: AppPasswordScope[];
    networks?: string[];
    expires_at?: string;
  }) => ask<AppPasswordMade>('POST', '/app-passwords', given(body)),
  revokeAppPassword: (id: string) => ask<void>('DELETE', `/app-passwords/${id}`),
  /** Reads a file of vCards; nothing of it is kept there. */
  readCards: async (file: Blob) =>
    told<CardsRead>(
      await session.request('/api/account/contacts/read', {
        method: 'POST',
        body: file,
        headers: { 'content-type': 'text/vcard' },
      }),
    ),
  /** Returns every card in one file, as vCard 4.0. */
  cardsFile: async () => {
    const answer = await session.request('/api/account/contacts/file', { method: 'GET' });
    if (!answer.ok) throw await Problem.of(answer);
    return answer.blob();
  },
  forwards: () => ask<string[]>('GET', '/forwards'),
  approveForward: (address: string) => ask<void>('POST', '/forwards', { address }),
  removeForward: (address: string) => ask<void>('POST', '/forwards/remove', { address }),
  pending: () => ask<Pending>('GET', '/pending'),
  stopReset: () => ask<void>('POST', '/reset/stop'),
  setPassword: (password: string) => ask<void>('POST', '/rescue/session', { password }),
  openVault: (body: { address: string; old: string; password: string; factor?: ShownFactor }) =>
    ask<Recovered>('POST', '/vault/session', given(body)),
  purgeVault: () => ask<void>('POST', '/vault/purge'),
};
