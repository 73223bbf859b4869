/**
 * Files up and down (RFC 8620 §6).
 *
 * `fetch` tells nothing of how far an upload is, so uploads are XMLHttpRequests. They are all sent
 * as octets, whatever they are: a type that a form could send is refused by the server, and the
 * type is told where the blob is used.
 */
import type { JmapClient } from './client';
import { aborted, errorOf, HttpError, OfflineError } from './errors';
import { Slots } from './slots';
import { backOff, pause } from './transport';
import type { Id, Uploaded } from './types';

const UPLOADS_AT_ONCE = 2;
const ATTEMPTS = 3;
const OPAQUE = 'application/octet-stream';

export interface UploadOptions {
  signal?: AbortSignal;
  /** Told how much is there, from 0 to 1. */
  onProgress?: (share: number) => void;
}

const slots = new Slots(UPLOADS_AT_ONCE);

/**
 * Uploads a file; two at a time go, the others wait.
 *
 * Throws HttpError (413 where it is too large, told before anything is sent), OfflineError;
 * AbortError.
 */
export async function upload(
  client: JmapClient,
  file: Blob,
  { signal, onProgress }: UploadOptions = {},
): Promise<Uploaded> {
  if (file.size > client.limits.uploadOctets) throw new HttpError(413, { condition: 'too_large' });
  return slots.run(() => attempts(client, file, signal, onProgress), 'soon', signal);
}

async function attempts(
  client: JmapClient,
  file: Blob,
  signal: AbortSignal | undefined,
  onProgress: UploadOptions['onProgress'],
): Promise<Uploaded> {
  for (let n = 1; ; n += 1) {
    const answer = await attempt(client, file, signal, onProgress);
    if (answer instanceof Response && answer.ok) return (await answer.json()) as Uploaded;
    const failed = answer instanceof Response ? await errorOf(answer) : answer;
    if (n >= ATTEMPTS) throw failed;
    if (failed instanceof HttpError && failed.status === 401) {
      await client.transport.check();
      continue;
    }
    if (!failed.isPassing) throw failed;
    const told = failed instanceof HttpError ? failed.retryAfter : undefined;
    await pause(told ?? backOff(n), signal);
  }
}

function attempt(
  client: JmapClient,
  file: Blob,
  signal: AbortSignal | undefined,
  onProgress: UploadOptions['onProgress'],
): Promise<Response | OfflineError> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(aborted());
      return;
    }
    const request = new XMLHttpRequest();
    request.open('POST', client.session.uploadPath);
    request.setRequestHeader('content-type', OPAQUE);
    request.setRequestHeader('x-csrf-token', client.transport.csrf);
    request.upload.onprogress = (event) => {
      if (event.lengthComputable) onProgress?.(event.loaded / event.total);
    };
    const give = () => request.abort();
    signal?.addEventListener('abort', give, { once: true });
    request.onloadend = () => signal?.removeEventListener('abort', give);
    request.onload = () => {
      const headers = new Headers();
      for (const name of ['content-type', 'retry-after']) {
        const value = request.getResponseHeader(name);
        if (value !== null) headers.set(name, value);
      }
      resolve(new Response(request.responseText, { status: request.status, headers }));
    };
    request.onerror = () => resolve(new OfflineError());
    request.onabort = () => reject(aborted());
    request.send(file);
  });
}

export interface Wanted {
  name?: string | undefined;
  type?: string | undefined;
  signal?: AbortSignal | undefined;
}

/** Returns where a blob is downloaded from: a path of the page's own origin. */
export function downloadPath(client: JmapClient, blobId: Id, wanted: Wanted = {}): string {
  return client.session.downloadPath(blobId, wanted.name || 'file', wanted.type || OPAQUE);
}

/** Downloads a blob. Throws HttpError (404: nobody has it), OfflineError; AbortError. */
export async function download(client: JmapClient, blobId: Id, wanted: Wanted = {}): Promise<Blob> {
  const how = { signal: wanted.signal, isRepeatable: true };
  const answer = await client.fetch(downloadPath(client, blobId, wanted), {}, how);
  // The octets keep the type that their message gives them: the server only says it in other words.
  return new Blob([await answer.arrayBuffer()], { type: wanted.type || OPAQUE });
}
