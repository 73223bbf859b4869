/** Server-sent events over fetch: node has no EventSource that sends a cookie. */
import type { Stream } from '@/jmap/push';

export class Events implements Stream {
  readyState = 0;
  onopen: ((event: Event) => void) | null = null;
  onerror: ((event: Event) => void) | null = null;
  #told = new Map<string, (event: MessageEvent<string>) => void>();
  #stop = new AbortController();

  constructor(url: string, headers: Record<string, string>) {
    void this.#read(url, headers);
  }

  addEventListener(type: string, told: (event: MessageEvent<string>) => void): void {
    this.#told.set(type, told);
  }

  close(): void {
    this.readyState = 2;
    this.#stop.abort();
  }

  async #read(url: string, headers: Record<string, string>): Promise<void> {
    try {
      const answer = await fetch(url, { headers, signal: this.#stop.signal });
      if (!answer.ok || !answer.body) throw new Error(String(answer.status));
      let text = '';
      for await (const octets of answer.body.pipeThrough(new TextDecoderStream())) {
        if (this.readyState === 0) {
          this.readyState = 1;
          this.onopen?.(new Event('open'));
        }
        text += octets;
        const events = text.split('\n\n');
        text = events.pop() ?? '';
        for (const event of events) this.#tell(event);
      }
      throw new Error('ended');
    } catch {
      if (this.readyState === 2) return;
      this.readyState = 2;
      this.onerror?.(new Event('error'));
    }
  }

  #tell(event: string): void {
    const field = (name: string) =>
      event.split('\n').find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2); // prettier-ignore
    const [type, data] = [field('event'), field('data')];
    if (type && data) this.#told.get(type)?.(new MessageEvent(type, { data }));
  }
}
