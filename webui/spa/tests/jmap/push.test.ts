import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { JmapClient } from '@/jmap/client';
import { Push, type Stream } from '@/jmap/push';
import { scripted, type Script } from '../support/scripted';

class Channel implements Stream {
  static all: Channel[] = [];
  readyState = 0;
  onopen: ((event: Event) => void) | null = null;
  onerror: ((event: Event) => void) | null = null;
  readonly listeners = new Map<string, (event: MessageEvent<string>) => void>();
  isClosed = false;
  readonly path: string;

  constructor(path: string) {
    this.path = path;
    Channel.all.push(this);
  }

  addEventListener(type: string, told: (event: MessageEvent<string>) => void): void {
    this.listeners.set(type, told);
  }

  close(): void {
    this.isClosed = true;
    this.readyState = 2;
  }

  opened(): void {
    this.readyState = 1;
    this.onopen?.(new Event('open'));
  }

  broke({ forGood = false } = {}): void {
    this.readyState = forGood ? 2 : 0;
    this.onerror?.(new Event('error'));
  }

  says(type: string, data: unknown): void {
    this.listeners.get(type)?.(new MessageEvent(type, { data: JSON.stringify(data) }));
  }
}

const latest = () => Channel.all.at(-1) as Channel;

describe('push', () => {
  let client: JmapClient;
  let net: Script;
  let push: Push;
  const told: string[] = [];

  beforeEach(async () => {
    Channel.all = [];
    told.length = 0;
    ({ client, net } = await scripted());
    vi.useFakeTimers();
    push = new Push(
      client,
      {
        onChange: (states) => told.push(`change ${Object.keys(states).join()}`),
        onPoll: () => told.push('poll'),
        onState: (state) => told.push(state),
      },
      (path) => new Channel(path),
    );
    push.start();
  });

  afterEach(() => {
    push.stop();
    vi.useRealTimers();
  });

  it('listens to every type, with pings', () => {
    expect(latest().path).toBe('/jmap/events?types=*&closeafter=no&ping=30');
  });

  it('tells what changed in this account', () => {
    latest().opened();
    latest().says('state', { '@type': 'StateChange', changed: { A1: { Email: '5', Thread: '5' } } });
    latest().says('state', { '@type': 'StateChange', changed: { A2: { Email: '5' } } });
    expect(told).toEqual(['polling', 'live', 'poll', 'change Email,Thread']);
  });

  it('asks what changed before there was a stream', () => {
    expect(told).toEqual(['polling']);
    latest().opened();
    expect(told).toEqual(['polling', 'live', 'poll']);
  });

  it('polls every minute while the stream is away', () => {
    vi.advanceTimersByTime(61_000);
    expect(told).toContain('poll');
  });

  it('leaves it to the browser to open the stream again, and asks what was missed', () => {
    latest().opened();
    latest().broke();
    expect(push.state).toBe('polling');
    expect(Channel.all).toHaveLength(1);
    latest().opened();
    expect(told.slice(-2)).toEqual(['live', 'poll']);
  });

  it('looks after the session where the server refused the stream, and opens another', async () => {
    latest().opened();
    latest().broke({ forGood: true });
    await vi.advanceTimersByTimeAsync(2000);
    expect(net.checks).toBe(1);
    expect(Channel.all).toHaveLength(2);
  });

  it('opens another stream when one says nothing', async () => {
    latest().opened();
    for (let n = 0; n < 4; n += 1) {
      await vi.advanceTimersByTimeAsync(30_000);
      latest().says('ping', { interval: 30 });
    }
    expect(Channel.all).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(80_000);
    expect(Channel.all.length).toBeGreaterThan(1);
    expect(Channel.all[0]?.isClosed).toBe(true);
  });

  it('ends when it is stopped', async () => {
    latest().opened();
    push.stop();
    expect(latest().isClosed).toBe(true);
    told.length = 0;
    await vi.advanceTimersByTimeAsync(300_000);
    expect(told).toEqual([]);
  });
});
