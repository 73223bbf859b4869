/** A file on its way into a message. */
import { upload } from '@/jmap/blobs';
import type { JmapClient } from '@/jmap/client';
import { asJmapError, isAbort, type JmapError } from '@/jmap/errors';
import type { Attached } from './compose/message';

export type AttachmentState = 'uploading' | 'ready' | 'failed';

let count = 0;

export class Attachment {
  /** For keyed lists; nothing of the server's. */
  readonly key: string;
  readonly name: string;
  readonly type: string;
  readonly size: number;
  /** Shown within the text by this content id. */
  readonly cid: string | undefined;
  #client: JmapClient;
  #file: Blob | undefined;
  #state = $state<AttachmentState>('ready');
  #progress = $state(1);
  #error = $state.raw<JmapError | undefined>();
  #blobId = $state('');
  #stop: AbortController | undefined;

  private constructor(of: JmapClient, told: Omit<Attached, 'blobId'>) {
    this.#client = of;
    this.key = `a${(count += 1)}`;
    this.name = told.name;
    this.type = told.type;
    this.size = told.size;
    this.cid = told.cid;
  }

  /** A file of this device; it is uploaded at once. */
  static of(client: JmapClient, file: File, cid?: string): Attachment {
    const { name, size, type } = file;
    const told = { name, size, type: type || 'application/octet-stream', cid };
    const attachment = new Attachment(client, told);
    attachment.#file = file;
    void attachment.retry();
    return attachment;
  }

  /** A file that is on the server. */
  static there(client: JmapClient, told: Attached): Attachment {
    const attachment = new Attachment(client, told);
    attachment.#blobId = told.blobId;
    return attachment;
  }

  get state(): AttachmentState {
    return this.#state;
  }

  /** How much is there, from 0 to 1. */
  get progress(): number {
    return this.#progress;
  }

  get error(): JmapError | undefined {
    return this.#error;
  }

  get blobId(): string {
    return this.#blobId;
  }

  /** The file itself, where it came from this device; to show a picture that is being written about. */
  get file(): Blob | undefined {
    return this.#file;
  }

  /** As it stands in a message; undefined while it is not there. */
  get attached(): Attached | undefined {
    if (this.#state !== 'ready') return undefined;
    const { name, type, size, cid } = this;
    return { blobId: this.#blobId, name, type, size, ...(cid !== undefined && { cid }) };
  }

  /** Uploads it, again where that failed or where the server forgot it. */
  async retry(): Promise<void> {
    if (!this.#file) return;
    this.#stop?.abort();
    const stop = new AbortController();
    this.#stop = stop;
    this.#state = 'uploading';
    this.#progress = 0;
    this.#error = undefined;
    try {
      const onProgress = (share: number) => (this.#progress = share);
      const { blobId } = await upload(this.#client, this.#file, { signal: stop.signal, onProgress });
      this.#blobId = blobId;
      this.#progress = 1;
      this.#state = 'ready';
    } catch (error) {
      if (isAbort(error)) return;
      this.#error = asJmapError(error);
      this.#state = 'failed';
    }
  }

  /** Says where it is kept from now on: as a part of the draft, which stays longer than an upload. */
  settle(blobId: string): void {
    this.#blobId = blobId;
  }

  abort(): void {
    this.#stop?.abort();
  }
}
