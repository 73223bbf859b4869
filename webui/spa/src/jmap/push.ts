/**
 * What changed on the server, as it happens (RFC 8620 §7.3).
 *
 * The browser opens the stream again by itself and says which event it saw last, so that nothing is
 * missed. Where the stream stays away, or says nothing for longer than its pings are apart, this
 * says `poll` every 60 seconds, and tries again.
 */
import type { JmapClient } from './client';
import { backOff } from './transport';
import type { StateChange } from './types';

export const PING_SECONDS = 30;
export const POLL_SECONDS = 60;
const SILENCE_MS = 2.5 * PING_SECONDS * 1000;
const LONGEST_MS = 60_000;

export type PushState = 'off' | 'live' | 'polling';

/** What there is of EventSource here. */
export interface Stream {
  readonly readyState: number;
  onopen: ((event: Event) => void) | null;
  onerror: ((event: Event) => void) | null;
  addEventListener(type: string, told: (event: MessageEvent<string>) => void): void;
  close(): void;
}

export interface PushEvents {
  /** Told which data types changed, with their states. */
  onChange: (states: Record<string, string>) => void;
  /** Told that whatever may have changed must be asked for. */
  onPoll: () => void;
  onState: (state: PushState) => void;
}

const CLOSED = 2;

export class Push {
  #client: JmapClient;
  #events: PushEvents;
  #open: (path: string) => Stream;
  #stream: Stream | undefined;
  #state: PushState = 'off';
  #failures = 0;
  #silence: ReturnType<typeof setTimeout> | undefined;
  #again: ReturnType<typeof setTimeout> | undefined;
  #polling: ReturnType<typeof setInterval> | undefined;

  constructor(
    client: JmapClient,
    events: PushEvents,
    open: (path: string) => Stream = (path) => new EventSource(path) as unknown as Stream,
  ) {
    this.#client = client;
    this.#events = events;
    this.#open = open;
  }

  get state(): PushState {
    return this.#state;
  }

  start(): void {
    if (this.#stream || this.#state !== 'off') return;
    this.#say('polling');
    this.#connect();
  }

  stop(): void {
    this.#drop();
    clearTimeout(this.#again);
    this.#failures = 0;
    this.#say('off');
  }

  /** Tries at once where the stream is away: the network is back, or the page is looked at. */
  wake(): void {
    if (this.#state !== 'polling' || this.#stream?.readyState === 0) return;
    clearTimeout(this.#again);
    this.#connect();
  }

  #connect(): void {
    this.#drop();
    if (!this.#client.isOpen) return;
    const stream = this.#open(this.#client.session.eventsPath('*', PING_SECONDS));
    this.#stream = stream;
    stream.onopen = () => {
      this.#failures = 0;
      this.#heard();
      this.#say('live');
      this.#events.onPoll(); // whatever changed before there was a stream, nobody told
    };
    stream.onerror = () => this.#failed(stream);
    stream.addEventListener('ping', () => this.#heard());
    stream.addEventListener('state', (event) => {
      this.#heard();
      const { changed } = JSON.parse(event.data) as StateChange;
      const states = changed[this.#client.accountId];
      if (states) this.#events.onChange(states);
    });
    this.#heard();
  }

  #heard(): void {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.#lost(), SILENCE_MS);
  }

  #failed(stream: Stream): void {
    if (stream !== this.#stream) return;
    this.#say('polling');
    // The browser tries again by itself unless the server refused; a few times is enough.
    this.#failures += 1;
    if (stream.readyState !== CLOSED && this.#failures < 3) return;
    this.#lost();
  }

  #lost(): void {
    this.#drop();
    this.#say('polling');
    const wait = Math.min(LONGEST_MS, backOff(Math.max(1, this.#failures)));
    clearTimeout(this.#again);
    this.#again = setTimeout(() => void this.#recover(), wait);
  }

  async #recover(): Promise<void> {
    this.#failures += 1;
    const stands = await this.#client.transport.check().catch(() => true);
    if (this.#state === 'off') return;
    if (stands) this.#connect();
    else this.#lost();
  }

  #drop(): void {
    clearTimeout(this.#silence);
    this.#stream?.close();
    this.#stream = undefined;
  }

  #say(state: PushState): void {
    if (state === this.#state) return;
    this.#state = state;
    clearInterval(this.#polling);
    if (state === 'polling') {
      this.#polling = setInterval(() => this.#events.onPoll(), POLL_SECONDS * 1000);
    }
    this.#events.onState(state);
  }
}
