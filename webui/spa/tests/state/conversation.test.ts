import { describe, expect, it } from 'vitest';
import { Conversation, Conversations } from '@/state/conversation.svelte';
import { Emails } from '@/state/emails.svelte';
import { Mailboxes } from '@/state/mailboxes.svelte';
import { methods, scripted, settled, type Script } from '../support/scripted';

type Replies = Parameters<typeof methods>[0];

function head(id: string, keywords: object = { $seen: true }, mailboxId = 'F1') {
  return { id, threadId: 'T1', mailboxIds: { [mailboxId]: true }, keywords, subject: `s ${id}`, blobId: `B${id}`, from: null };
}

function opened(id: string, isTruncated = false) {
  const part = { partId: '1', blobId: `B${id}-1`, type: 'text/plain', charset: 'iso-8859-1', size: 3, name: null, disposition: null, cid: null };
  return {
    id, bodyStructure: part, textBody: [part], htmlBody: [part], attachments: [],
    bodyValues: { '1': { value: `text ${id}`, isTruncated, isEncodingProblem: false } },
  }; // prettier-ignore
}

function server(heads: ReturnType<typeof head>[], more: Replies = {}): Replies {
  return {
    'Mailbox/get': () => ({ state: '1', list: [{ id: 'F1', role: 'inbox', parentId: null, name: 'Inbox' }, { id: 'F3', role: 'trash', parentId: null, name: 'Trash' }], notFound: [] }),
    'Thread/get': () => ({ state: '1', list: [{ id: 'T1', emailIds: heads.map(({ id }) => id) }], notFound: [] }),
    'Email/get': (body) =>
      (body.properties as string[]).includes('bodyValues')
        ? { state: '1', list: (body.ids as string[]).map((id) => opened(id)), notFound: [] }
        : { state: '1', list: body.ids ? heads.filter(({ id }) => (body.ids as string[]).includes(id)) : heads, notFound: [] },
    ...more,
  }; // prettier-ignore
}

async function world(heads: ReturnType<typeof head>[], more: Replies = {}) {
  const { client, net } = await scripted(methods(server(heads, more)));
  const mailboxes = new Mailboxes(client);
  await mailboxes.ready();
  return { under: { client, emails: new Emails(client), mailboxes }, net };
}

const bodies = (net: Script) =>
  net.asked.flatMap((asked) => asked.calls)
    .filter(([name, body]) => name === 'Email/get' && (body.properties as string[]).includes('bodyValues'))
    .flatMap(([, body]) => body.ids as string[]); // prettier-ignore

describe('a conversation', () => {
  it('opens what is unread and the newest, and folds the rest', async () => {
    const { under, net } = await world([head('M1'), head('M2', {}), head('M3'), head('M4')]);
    const conversation = new Conversation(under, 'T1');
    await settled();
    expect(conversation.status).toBe('ready');
    expect(conversation.messages.map(({ id, isOpen }) => [id, isOpen])).toEqual([
      ['M1', false], ['M2', true], ['M3', false], ['M4', true],
    ]); // prettier-ignore
    expect(bodies(net).sort()).toEqual(['M2', 'M4']);
    expect(conversation.message('M4')?.body?.text).toBe('text M4');
    expect(conversation.message('M1')?.status).toBe('idle');
    expect(conversation.focus?.id).toBe('M2');
  });

  it('asks for the body that is wanted together with the headers', async () => {
    const { under, net } = await world([head('M1'), head('M2')]);
    const before = net.asked.length;
    const conversation = new Conversation(under, 'T1', 'M2');
    await settled();
    expect(net.asked).toHaveLength(before + 1);
    expect(bodies(net)).toEqual(['M2']);
    expect(conversation.message('M2')?.status).toBe('ready');
  });

  it('loads a body when its message is unfolded, once', async () => {
    const { under, net } = await world([head('M1'), head('M2')]);
    const conversation = new Conversation(under, 'T1');
    await settled();
    conversation.toggle('M1');
    conversation.toggle('M1');
    conversation.toggle('M1');
    await settled();
    expect(conversation.message('M1')?.body?.text).toBe('text M1');
    expect(bodies(net).filter((id) => id === 'M1')).toHaveLength(1);
  });

  it('does not open what was thrown away', async () => {
    const { under } = await world([head('M1', {}, 'F3'), head('M2')]);
    const conversation = new Conversation(under, 'T1');
    await settled();
    expect(conversation.message('M1')).toMatchObject({ isAway: true, isOpen: false });
  });

  it('completes what the server cut', async () => {
    const { under, net } = await world([head('M1')], {});
    net.otherwise = async (asked) => {
      if (asked.path.startsWith('/jmap/download/A1/BM1-1/')) return new Response(new Uint8Array([0xe9, 0x0d, 0x0a, 0x61]));
      return methods(
        server([head('M1')], {
          'Email/get': (body) =>
            (body.properties as string[]).includes('bodyValues')
              ? { state: '1', list: [opened('M1', true)], notFound: [] }
              : { state: '1', list: [head('M1')], notFound: [] },
        }),
      )(asked);
    };
    const conversation = new Conversation(under, 'T1');
    await settled();
    await settled();
    expect(conversation.message('M1')?.body?.text).toBe('é\na');
  });

  it('says why a body did not come, and asks again', async () => {
    const { under, net } = await world([head('M1'), head('M2')]);
    const conversation = new Conversation(under, 'T1');
    await settled();
    net.then(() => new Response('', { status: 500 }));
    conversation.toggle('M1');
    await settled();
    const message = conversation.message('M1');
    expect(message).toMatchObject({ status: 'error', error: { kind: 'http' } });
    await message?.retry();
    expect(message).toMatchObject({ status: 'ready', error: undefined });
  });

  it('grows when somebody answers, and nothing is opened again', async () => {
    const heads = [head('M1')];
    const { under, net } = await world(heads);
    const conversations = new Conversations(under);
    const conversation = conversations.open('T1');
    await settled();
    heads.push(head('M2', {}));
    await conversations.changed();
    expect(conversation.messages.map(({ id }) => id)).toEqual(['M1', 'M2']);
    expect(bodies(net)).toEqual(['M1']);
    expect(conversations.open('T1')).toBe(conversation);
  });

  it('that is gone says so', async () => {
    const { under } = await world([], { 'Thread/get': () => ({ type: 'serverFail' }) });
    const conversation = new Conversation(under, 'T1');
    await settled();
    expect(conversation.status).toBe('error');
  });
});
