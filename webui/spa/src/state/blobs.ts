/** Files in messages: to show, to save, to pass on. */
import { download, downloadPath, type Wanted } from '@/jmap/blobs';
import type { BodyPart, Id, ListEmail } from '@/jmap/types';
import { client } from './client';

type Source = Id | Pick<BodyPart, 'blobId' | 'name' | 'type'>;

function read(source: Source, wanted: Wanted): { id: Id; wanted: Wanted } {
  if (typeof source === 'string') return { id: source, wanted };
  const named = { name: source.name ?? undefined, type: source.type };
  return { id: source.blobId ?? '', wanted: { ...named, ...wanted } };
}

export const blobs = {
  /** Downloads into memory. Throws HttpError (404: nobody has it), OfflineError; AbortError. */
  fetch(source: Source, wanted: Wanted = {}): Promise<Blob> {
    const { id, wanted: all } = read(source, wanted);
    return download(client, id, all);
  },

  /** Returns a path of our own origin; the server sends it as a file to save, whatever it is. */
  href(source: Source, wanted: Wanted = {}): string {
    const { id, wanted: all } = read(source, wanted);
    return downloadPath(client, id, all);
  },

  /** Has the browser save it. */
  save(source: Source, wanted: Wanted = {}): void {
    const link = document.createElement('a');
    link.href = blobs.href(source, wanted);
    link.download = read(source, wanted).wanted.name ?? '';
    link.click();
  },

  /** Has the browser save the message as it came. */
  saveMessage(email: Pick<ListEmail, 'blobId' | 'subject'>): void {
    const name = (email.subject ?? '').replace(/[\\/:*?"<>|\p{Cc}]+/gu, ' ').trim().slice(0, 80);
    blobs.save(email.blobId, { name: `${name || 'message'}.eml`, type: 'message/rfc822' });
  },
};
