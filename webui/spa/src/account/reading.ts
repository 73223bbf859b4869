/** `/api/mail`: what the server fetches, asks or draws for a reader, so that the browser need not. */
import { Problem } from '@/problem';
import { session } from './session.svelte';

/** What the organisation allows; and whose `Authentication-Results` are its own server's. */
export interface Allowed {
  remote_images: boolean;
  unsubscribe: boolean;
  previews: boolean;
  authserv_id: string;
  /** How long what is in Trash, or in Junk, is kept. */
  trash_days: number;
  junk_days: number;
}

/** How an email says one may leave its list (RFC 2369, RFC 8058). */
export interface LeavingOffer {
  one_click: { host: string; signed_by: string } | null;
  mail: { to: string; subject: string; body: string; vouched: boolean } | null;
  page: string | null;
}

export type Left = 'unsubscribed' | 'sent' | 'declined' | 'unreachable' | 'unsigned' | 'not_offered';

export interface Preview {
  kind: 'picture' | 'document' | 'text';
  page: number;
  pages: number;
  content: Blob;
}

async function asked(path: string, body?: unknown, signal?: AbortSignal): Promise<Response> {
  const init: RequestInit = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) };
  if (body !== undefined) init.headers = { 'content-type': 'application/json' };
  if (signal) init.signal = signal;
  const answer = await session.request(`/api/mail${path}`, init);
  if (!answer.ok) throw await Problem.of(answer);
  return answer;
}

let allowed: Promise<Allowed> | undefined;

export const reading = {
  /** What may be offered at all; asked once. */
  allowed(): Promise<Allowed> {
    allowed ??= asked('/reading').then((answer) => answer.json() as Promise<Allowed>);
    allowed.catch(() => (allowed = undefined));
    return allowed;
  },

  /** A picture that lies elsewhere, through the server; null where there is none to be had. */
  async remoteImage(emailId: string, url: string, signal?: AbortSignal): Promise<Blob | null> {
    try {
      return await (await asked('/remote-image', { email_id: emailId, url }, signal)).blob();
    } catch (error) {
      if (error instanceof Problem) return null; // one picture of many; its place stays empty
      throw error;
    }
  },

  async leaving(emailId: string): Promise<LeavingOffer> {
    const answer = await asked(`/unsubscribe/${encodeURIComponent(emailId)}`);
    return (await answer.json()) as LeavingOffer;
  },

  async leave(emailId: string, by: 'one_click' | 'mail'): Promise<Left> {
    const answer = await asked('/unsubscribe', { email_id: emailId, by });
    return ((await answer.json()) as { result: Left }).result;
  },

  async preview(blobId: string, type: string, page: number, signal?: AbortSignal): Promise<Preview> {
    const query = new URLSearchParams({ page: String(page), type });
    const answer = await asked(`/preview/${encodeURIComponent(blobId)}?${query}`, undefined, signal);
    const told = answer.headers;
    return {
      kind: (told.get('x-preview-kind') ?? 'picture') as Preview['kind'],
      page: Number(told.get('x-preview-page') ?? 1),
      pages: Number(told.get('x-preview-pages') ?? 1),
      content: await answer.blob(),
    };
  },
};
