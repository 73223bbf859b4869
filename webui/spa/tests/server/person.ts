/** Somebody at a running server: signed in as a browser is, with all stores of the app. */
import type { Transport } from '@/jmap/transport';
import { JmapClient } from '@/jmap/client';
import { Push } from '@/jmap/push';
import { Actions } from '@/state/actions.svelte';
import { Compose } from '@/state/compose.svelte';
import { Composing } from '@/state/composing';
import { Conversations } from '@/state/conversation.svelte';
import { Emails } from '@/state/emails.svelte';
import { Followers, type Follower } from '@/state/followers';
import { Identities } from '@/state/identities.svelte';
import { Jobs } from '@/state/jobs.svelte';
import { Lists } from '@/state/lists.svelte';
import { Mailboxes } from '@/state/mailboxes.svelte';
import { Outbox } from '@/state/outbox.svelte';
import { SettingsStore } from '@/state/settings.svelte';
import { Events } from './events';

const ORIGIN = process.env['ZEGEL_ORIGIN'] ?? '';
export const PASSWORD = 'nine paper lanterns over a canal';

/** Sends what a page of the site would send, and keeps its cookies. */
export class Page implements Transport {
  csrf = '';
  #cookies = new Map<string, string>();

  get headers(): Record<string, string> {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    return { cookie, origin: ORIGIN, 'sec-fetch-site': 'same-origin', 'user-agent': 'Firefox' };
  }

  async request(path: string, init: RequestInit = {}): Promise<Response> {
    const given = Object.fromEntries(new Headers(init.headers));
    const token = this.csrf ? { 'x-csrf-token': this.csrf } : {};
    const headers = { ...this.headers, ...token, ...given };
    const answer = await fetch(`${ORIGIN}${path}`, { ...init, headers, keepalive: false });
    for (const field of answer.headers.getSetCookie()) {
      const [name = '', value = ''] = field.split(';')[0]?.split(/=(.*)/s) ?? [];
      this.#cookies.set(name, value);
    }
    return answer;
  }

  async check(): Promise<boolean> {
    return (await this.request('/api/account/session')).ok;
  }

  async post(path: string, body: unknown): Promise<Record<string, unknown>> {
    const init = { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
    const answer = await this.request(`/api/account${path}`, init);
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    const told = answer.status === 204 ? {} : ((await answer.json()) as Record<string, unknown>);
    if (typeof told['csrf'] === 'string') this.csrf = told['csrf'];
    return told;
  }

  async signIn(address: string): Promise<void> {
    await this.post('/sign-in', { address, password: PASSWORD });
  }
}

/** One device of somebody: what `begin` puts together in a page. */
export class Device {
  readonly page = new Page();
  readonly client = new JmapClient();
  readonly emails = new Emails(this.client);
  readonly mailboxes = new Mailboxes(this.client);
  readonly settings = new SettingsStore(this.client);
  readonly identities = new Identities(this.client, this.settings);
  readonly jobs = new Jobs(this.client);
  readonly outbox = new Outbox(this.client);
  readonly lists = new Lists({ client: this.client, emails: this.emails, mailboxes: this.mailboxes });
  readonly conversations = new Conversations({ client: this.client, emails: this.emails, mailboxes: this.mailboxes });
  readonly actions = new Actions({ ...this, jobs: this.jobs });
  readonly compose = new Compose(
    async (keepCopy) => new Composing({ ...this, used: () => undefined }, keepCopy),
  );
  readonly told: string[] = [];
  #followers = new Followers();
  #push: Push;

  constructor() {
    const all: Follower[] = [
      this.emails, this.mailboxes, this.settings, this.identities, this.outbox, this.lists, this.conversations,
    ]; // prettier-ignore
    for (const each of all) this.#followers.add(each);
    const tell = (states?: Record<string, string>) => {
      this.told.push(...Object.keys(states ?? { all: '' }));
      void this.#followers.tell(states);
    };
    this.#push = new Push(
      this.client,
      { onChange: tell, onPoll: tell, onState: () => undefined },
      (path) => new Events(`${ORIGIN}${path}`, this.page.headers),
    );
  }

  static async of(address: string): Promise<Device> {
    const device = new Device();
    await device.page.signIn(address);
    await device.client.open(device.page);
    await Promise.all([device.mailboxes.ready(), device.settings.ready(), device.identities.ready()]);
    device.#push.start();
    await until(() => device.#push.state === 'live');
    return device;
  }

  close(): void {
    this.#push.stop();
    this.client.close();
  }

  id(role: 'inbox' | 'drafts' | 'sent' | 'archive' | 'trash'): string {
    return this.mailboxes.byRole(role)?.id ?? '';
  }

  /** Opens a list, and waits until it is there. */
  async list(role: 'inbox' | 'drafts' | 'sent' | 'archive' | 'trash') {
    const list = this.lists.open({ mailboxId: this.id(role) });
    list.want(0, 20);
    await until(() => list.status === 'ready');
    return list;
  }
}

/** Waits until something is so; what is asked for says so by itself, nothing is asked again. */
export async function until(isSo: () => unknown, milliseconds = 20_000): Promise<void> {
  const end = Date.now() + milliseconds;
  while (!isSo()) {
    if (Date.now() > end) throw new Error(`not so after ${milliseconds} ms: ${isSo.toString()}`);
    await new Promise((go) => setTimeout(go, 20));
  }
}
