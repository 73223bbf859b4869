import { describe, expect, it } from 'vitest';
import { contentOf, emailOf, emptyContent, envelopeOf, importanceOf, isSameContent, newMessageId } from '@/state/compose/message';
import { bodyOf, charsetOf } from '@/state/body';
import type { BodyPart, EmailHead, Identity, OpenedEmail } from '@/jmap/types';

const IDENTITY: Identity = {
  id: 'I1', name: 'Me', email: 'me@home.nl', replyTo: null, bcc: [{ name: null, email: 'copy@home.nl' }],
  textSignature: '', htmlSignature: '', mayDelete: true,
}; // prettier-ignore
const one = (email: string) => ({ name: null, email });

function part(fields: Partial<BodyPart>): BodyPart {
  return {
    partId: '1', blobId: 'B1-1', size: 1, name: null, type: 'text/plain', charset: null, disposition: null,
    cid: null, ...fields,
  }; // prettier-ignore
}

describe('a message for the server', () => {
  const content = {
    ...emptyContent('id@home.nl'),
    identityId: 'I1', to: [one('a@x.nl')], bcc: [one('b@x.nl')], subject: 'Plan', html: '<p>x</p>', text: 'x',
  }; // prettier-ignore

  it('is a draft of its identity, in both kinds of text', () => {
    expect(emailOf(content, IDENTITY, 'F2')).toEqual({
      mailboxIds: { F2: true },
      keywords: { $draft: true, $seen: true },
      from: [{ name: 'Me', email: 'me@home.nl' }],
      replyTo: null,
      to: [one('a@x.nl')],
      cc: null,
      bcc: [one('b@x.nl'), one('copy@home.nl')],
      subject: 'Plan',
      messageId: ['id@home.nl'],
      inReplyTo: null,
      references: null,
      bodyValues: { text: { value: 'x' }, html: { value: '<p>x</p>' } },
      textBody: [{ partId: 'text', type: 'text/plain' }],
      htmlBody: [{ partId: 'html', type: 'text/html' }],
    });
  });

  it('in plain text has no HTML', () => {
    const email = emailOf({ ...content, isRich: false }, IDENTITY, 'F2');
    expect(email['htmlBody']).toBeUndefined();
    expect(email['bodyValues']).toEqual({ text: { value: 'x' } });
  });

  it('says how important it is, and that a receipt is wanted', () => {
    const email = emailOf({ ...content, importance: 'high', wantsReceipt: true }, IDENTITY, 'F2');
    expect(email).toMatchObject({
      'header:Importance:asText': 'high',
      'header:X-Priority:asText': '1',
      'header:Disposition-Notification-To:asAddresses': [{ name: 'Me', email: 'me@home.nl' }],
    });
  });

  it('has files below and within the text, of types that the server takes', () => {
    const attachments = [
      { blobId: 'U1', name: 'a.txt', type: 'text/plain;charset=utf-8', size: 3 },
      { blobId: 'U2', name: 'b', type: 'nonsense', size: 3 },
      { blobId: 'U3', name: 'c.png', type: 'image/png', size: 3, cid: 'c1' },
    ];
    expect(emailOf({ ...content, attachments }, IDENTITY, 'F2')['attachments']).toEqual([
      { blobId: 'U1', name: 'a.txt', type: 'text/plain', disposition: 'attachment' },
      { blobId: 'U2', name: 'b', type: 'application/octet-stream', disposition: 'attachment' },
      { blobId: 'U3', name: 'c.png', type: 'image/png', disposition: 'inline', cid: 'c1' },
    ]);
  });

  it.each([
    ['now', {}, null],
    ['with time to undo', { seconds: 10 }, { HOLDFOR: '10' }],
    ['without', { seconds: 0 }, null],
    ['later', { until: new Date('2026-03-04T05:06:07.890Z') }, { HOLDUNTIL: '2026-03-04T05:06:07Z' }],
  ])('goes %s', (_, hold, parameters) => {
    const envelope = envelopeOf({ ...content, cc: [one('A@x.nl')] }, IDENTITY, hold);
    expect(envelope.mailFrom).toEqual({ email: 'me@home.nl', parameters });
    expect(envelope.rcptTo.map((each) => each.email)).toEqual(['a@x.nl', 'b@x.nl', 'copy@home.nl']);
  });

  it('has an id of its domain', () => {
    expect(newMessageId('me@home.nl')).toMatch(/^[0-9a-f-]{36}@home\.nl$/);
  });
});

describe('a draft of the server', () => {
  const head = {
    id: 'M1', from: [one('ME@home.nl')], to: [one('a@x.nl')], cc: null, bcc: null, subject: null,
    inReplyTo: ['p@x'], references: null, messageId: ['d@home.nl'],
    'header:Importance:asRaw': null, 'header:X-Priority:asRaw': ' 1 (Highest)',
  } as unknown as EmailHead; // prettier-ignore

  it('is read as it was written', () => {
    const opened = {
      textBody: [part({ partId: '1' })], htmlBody: [part({ partId: '1' })],
      attachments: [part({ partId: '2', blobId: 'B1-2', name: 'a.pdf', type: 'application/pdf', size: 9 })],
      bodyValues: { '1': { value: 'text', isEncodingProblem: false, isTruncated: false } },
      'header:Disposition-Notification-To:asRaw': ' me@home.nl',
    } as unknown as OpenedEmail; // prettier-ignore
    expect(contentOf(head, opened, [IDENTITY])).toEqual({
      identityId: 'I1', to: [one('a@x.nl')], cc: [], bcc: [], subject: '', isRich: false, html: '',
      text: 'text', importance: 'high', wantsReceipt: true, inReplyTo: ['p@x'], references: null,
      messageId: 'd@home.nl',
      attachments: [{ blobId: 'B1-2', name: 'a.pdf', type: 'application/pdf', size: 9 }],
    }); // prettier-ignore
  });

  it.each([
    ['High', '3', 'high'],
    [null, '5', 'low'],
    [null, '2', 'high'],
    [null, null, 'normal'],
    [null, 'x', 'normal'],
    ['normal', '3', 'normal'],
  ])('says %j and %j: %s', (importance, priority, expected) => {
    const said = { 'header:Importance:asRaw': importance, 'header:X-Priority:asRaw': priority };
    expect(importanceOf(said)).toBe(expected);
  });

  it('is the same wherever its files lie', () => {
    const a = { ...emptyContent('1@x'), attachments: [{ blobId: 'U1', name: 'a', type: 't', size: 1 }] };
    const b = { ...emptyContent('2@x'), attachments: [{ blobId: 'B1-2', name: 'a', type: 'u', size: 1 }] };
    expect(isSameContent(a, b)).toBe(true);
    expect(isSameContent(a, { ...b, subject: 'x' })).toBe(false);
  });
});

describe('the body of a message', () => {
  const value = (text: string) => ({ value: text, isEncodingProblem: false, isTruncated: false });
  const plain = part({ partId: '1' });
  const html = part({ partId: '2', type: 'text/html' });

  it('in both kinds has both', () => {
    const bodyValues = { '1': value('text'), '2': value('<p>x') };
    const body = bodyOf({ textBody: [plain], htmlBody: [html], attachments: [], bodyValues });
    expect(body).toMatchObject({ text: 'text', html: ['<p>x'], attachments: [], inline: [] });
  });

  it('in plain text has no HTML', () => {
    const bodyValues = { '1': value('text') };
    const body = bodyOf({ textBody: [plain], htmlBody: [plain], attachments: [], bodyValues });
    expect(body).toMatchObject({ text: 'text', html: undefined });
  });

  it.each([
    ['text/plain; charset=utf-8; format=flowed', { flowed: true, delsp: false }],
    ['text/plain; Format="flowed"; DelSp=yes', { flowed: true, delsp: true }],
    ['text/plain; delsp=yes', { flowed: false, delsp: false }],
    ['text/plain; x-format=flowed', { flowed: false, delsp: false }],
  ])('of %s goes on so', (type, expected) => {
    const one = { ...plain, 'header:Content-Type:asRaw': ` ${type}` };
    const body = bodyOf({ textBody: [one], htmlBody: [one], attachments: [], bodyValues: { '1': value('x') } });
    expect(body).toMatchObject(expected);
  });

  it('in HTML alone has no text', () => {
    const bodyValues = { '2': value('<p>x') };
    const body = bodyOf({ textBody: [html], htmlBody: [html], attachments: [], bodyValues });
    expect(body).toMatchObject({ text: undefined, html: ['<p>x'] });
  });

  it('keeps text among HTML text', () => {
    const bodyValues = { '1': value('a < b & "c"'), '2': value('<p>x') };
    const body = bodyOf({ textBody: [html, plain], htmlBody: [html, plain], attachments: [], bodyValues });
    expect(body.html).toEqual(['<p>x', '<pre>a &#60; b &#38; &#34;c&#34;</pre>']);
  });

  it('shows pictures by their content ids, and the rest below', () => {
    const shown = part({ partId: '3', blobId: 'B1-3', type: 'image/png', cid: 'a@x' });
    const other = part({ partId: '4', blobId: 'B1-4', type: 'image/png', cid: 'b@x' });
    const bodyValues = { '2': value('<img src="cid:a@x">') };
    const body = bodyOf({ textBody: [html], htmlBody: [html, other], attachments: [shown, other], bodyValues });
    expect(body.inline).toEqual([shown]);
    expect(body.attachments).toEqual([other]);
  });

  it.each([
    ['utf-8', 'utf-8'],
    ['ISO-8859-1', 'windows-1252'],
    ['x-unknown', 'utf-8'],
    [null, 'utf-8'],
  ])('in %j is read as %s', (named, expected) => {
    expect(charsetOf(named)).toBe(expected);
  });
});
