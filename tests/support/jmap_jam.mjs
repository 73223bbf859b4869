/* jmap-jam, as a program uses it: argv has its module, the session's URL and the bearer token. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';

const [module, sessionUrl, bearerToken] = process.argv.slice(2);
const { default: JamClient } = await import(module);
const jam = new JamClient({ sessionUrl, bearerToken });
const accountId = await jam.getPrimaryAccount();
const me = (await jam.session).username;

const [{ list }] = await jam.api.Mailbox.get({ accountId });
const boxes = Object.fromEntries(list.filter((box) => box.role).map((box) => [box.role, box.id]));

// Send: an attachment is uploaded, a draft made, submitted and filed, in one request.
const attached = await jam.uploadBlob(accountId, 'tide tables', {
  headers: { Authorization: jam.authHeader, 'Content-Type': 'text/plain' },
});
assert.equal(attached.size, 11);
const [identities] = await jam.api.Identity.get({ accountId });
const [sent] = await jam.requestMany((ask) => {
  const draft = ask.Email.set({
    accountId,
    create: {
      draft: {
        mailboxIds: { [boxes.drafts]: true },
        keywords: { $draft: true },
        from: [{ name: 'Noor', email: me }],
        to: [{ email: me }],
        subject: 'Grüße vom Deich',
        textBody: [{ partId: 'text', type: 'text/plain' }],
        bodyValues: { text: { value: 'Das Wasser steigt.' } },
        attachments: [{ blobId: attached.blobId, type: 'text/plain', name: 'tides.txt' }],
      },
    },
  });
  const submit = ask.EmailSubmission.set({
    accountId,
    create: { send: { emailId: '#draft', identityId: identities.list[0].id } },
    onSuccessUpdateEmail: {
      '#send': {
        'keywords/$draft': null,
        [`mailboxIds/${boxes.drafts}`]: null,
        [`mailboxIds/${boxes.sent}`]: true,
      },
    },
  });
  return { draft, submit };
});
assert.ok(sent.draft.created?.draft.id);

// Read: what came is found by a word, and got by reference to what was found.
async function found() {
  const [{ query, got, threads }] = await jam.requestMany((ask) => {
    const query = ask.Email.query({
      accountId,
      filter: { operator: 'AND', conditions: [{ inMailbox: boxes.inbox }, { text: 'wasser' }] },
    });
    const got = ask.Email.get({
      accountId,
      ids: query.$ref('/ids'),
      properties: ['subject', 'threadId', 'bodyValues', 'textBody', 'attachments'],
      fetchTextBodyValues: true,
    });
    const threads = ask.Thread.get({ accountId, ids: got.$ref('/list/*/threadId') });
    return { query, got, threads };
  });
  assert.deepEqual(
    got.list.map((email) => email.id),
    query.ids,
  );
  return { emails: got.list, threads: threads.list };
}
let answer = await found();
for (let n = 0; n < 100 && answer.emails.length === 0; n += 1) {
  await sleep(100);
  answer = await found();
}
const [email] = answer.emails;
assert.equal(email.subject, 'Grüße vom Deich');
assert.equal(email.bodyValues[email.textBody[0].partId].value, 'Das Wasser steigt.');
assert.equal(answer.threads[0].emailIds.length, 2);
const file = await jam.downloadBlob({
  accountId,
  blobId: email.attachments[0].blobId,
  mimeType: 'text/plain',
  fileName: 'tides.txt',
});
assert.equal(await file.text(), 'tide tables');

// Search: words are marked, and what is no filter is refused.
const [snippets] = await jam.request([
  'SearchSnippet/get',
  { accountId, emailIds: [email.id], filter: { body: 'wasser' } },
]);
assert.equal(snippets.list[0].preview, 'Das <mark>Wasser</mark> steigt.');
await assert.rejects(
  jam.api.Email.query({ accountId, filter: { colour: 'red' } }),
  (error) => error.type === 'unsupportedFilter',
);

// Change: a patch, and what it changed since.
const [before] = await jam.api.Email.get({ accountId, ids: [] });
await jam.api.Email.set({ accountId, update: { [email.id]: { 'keywords/$flagged': true } } });
const [changes] = await jam.api.Email.changes({ accountId, sinceState: before.state });
assert.deepEqual(changes.updated, [email.id]);
