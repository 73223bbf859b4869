/** The app's end of the talk with a frame: see `protocol.ts`. */
import { isSent } from './protocol';

export class Channel<To extends { kind: string }, From extends { kind: string }> {
  /** In the frame's address, after `#`, where no server and no other page sees it. */
  readonly token = crypto.randomUUID();
  #frame: HTMLIFrameElement | undefined;
  #receive: (message: From) => void;

  /** Each message of the frame goes to `receive`. The first is `ready`, and again after a reload. */
  constructor(receive: (message: From) => void) {
    this.#receive = receive;
  }

  /** Begins to listen to a frame; returns what ends that. */
  attach(frame: HTMLIFrameElement): () => void {
    this.#frame = frame;
    const listen = (event: MessageEvent<unknown>) => {
      if (event.source !== frame.contentWindow) return;
      if (isSent<From>(event.data, this.token)) this.#receive(event.data);
    };
    addEventListener('message', listen);
    return () => {
      removeEventListener('message', listen);
      this.#frame = undefined;
    };
  }

  /** Tells the frame something. Its origin is opaque, so no other can be named here. */
  send(message: To): void {
    this.#frame?.contentWindow?.postMessage({ ...message, token: this.token }, '*');
  }
}
