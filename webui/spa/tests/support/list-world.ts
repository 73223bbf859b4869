/** Lists of a mailbox on a scripted server, and what acts on them. */
import { Actions } from '@/state/actions.svelte';
import { Emails } from '@/state/emails.svelte';
import { Jobs } from '@/state/jobs.svelte';
import { Lists, type ThreadList } from '@/state/lists.svelte';
import { Mailboxes } from '@/state/mailboxes.svelte';
import type { JmapClient } from '@/jmap/client';
import { methods, scripted, SESSION, settled, type Script } from './scripted';

/** A mailbox of `total` emails, each a thread of its own, as a server has it that changes nothing. */
export function server(total: number) {
  const email = (n: number) => ({
    id: `M${n}`, threadId: `T${n}`, mailboxIds: { F1: true }, keywords: n % 2 ? {} : { $seen: true },
    from: [{ name: null, email: `${n}@x.nl` }], to: null, subject: `${n}`, hasAttachment: false,
  }); // prettier-ignore
  let page: number[] = [];
  return {
    'Mailbox/get': () => ({
      state: '1', notFound: [],
      list: [
        { id: 'F1', name: 'Inbox', role: 'inbox', parentId: null }, { id: 'F2', name: 'Archive', role: 'archive', parentId: null },
        { id: 'F3', name: 'Trash', role: 'trash', parentId: null },
      ],
    }),
    'Email/query': (body: Record<string, unknown>) => {
      const start = Number(body.position ?? 0);
      const count = Math.min(Number(body.limit ?? total), Math.max(0, total - start));
      page = Array.from({ length: count }, (_, n) => start + n);
      return { queryState: 'q1', position: start, ids: page.map((n) => `M${n}`), total };
    },
    'Email/get': (body: Record<string, unknown>) => {
      const ids = body.ids as string[] | undefined;
      const wanted = ids ? ids.map((id) => Number(id.slice(1))) : page;
      return { state: 'q1', list: wanted.map(email), notFound: [] };
    },
    'Thread/get': (body: Record<string, unknown>) => {
      const ids = (body.ids as string[] | undefined) ?? page.map((n) => `T${n}`);
      return { state: 'q1', list: ids.map((id) => ({ id, emailIds: [`M${id.slice(1)}`] })), notFound: [] };
    },
    'Email/set': (body: Record<string, unknown>) => ({ oldState: 'q1', newState: 'q2', updated: body.update ?? null }),
    'Email/queryChanges': () => ({ removed: [], added: [], total, newQueryState: 'q1' }),
  } as Parameters<typeof methods>[0]; // prettier-ignore
}

export let client: JmapClient;
export let net: Script;
export let lists: Lists;
export let emails: Emails;
export let jobs: Jobs;
export let actions: Actions;

export async function world(total: number, more: Parameters<typeof methods>[0] = {}): Promise<ThreadList> {
  ({ client, net } = await scripted(methods({ ...server(total), ...more })));
  Object.assign(SESSION.capabilities['urn:ietf:params:jmap:core'], { maxObjectsInGet: 1000, maxObjectsInSet: 500 });
  ({ client, net } = await scripted(methods({ ...server(total), ...more })));
  emails = new Emails(client);
  const mailboxes = new Mailboxes(client);
  lists = new Lists({ client, emails, mailboxes });
  jobs = new Jobs(client);
  actions = new Actions({ client, emails, mailboxes, lists, jobs });
  await mailboxes.ready();
  const list = lists.open({ mailboxId: 'F1' });
  list.want(0, 10);
  await settled();
  return list;
}

export const calls = (name: string) => net.asked.flatMap((asked) => asked.calls).filter((call) => call[0] === name);
export const ids = (list: ThreadList, first: number, last: number) =>
  Array.from({ length: last - first }, (_, n) => list.idAt(first + n));
