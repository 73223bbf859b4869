import { describe, expect, test } from 'vitest';
import { canPreview, dangerOf } from '@/views/mail/attachments';
import { asked, partOf, placeOf } from '@/views/mail/place';
import { snoozeTimes } from '@/views/mail/snooze';
import { crc32, ownNames, zipped } from '@/views/mail/zip';
import { promises } from '@/views/compose/forgotten';
import { sendTimes } from '@/views/compose/times';
import { formQuery } from '@/views/search/form';
import { deviceOf } from '@/views/settings/security/devices';
import { readServers } from '@/views/settings/servers';

describe('a file that may do harm', () => {
  test.each([
    ['invoice.pdf', 'application/pdf', undefined],
    ['invoice.pdf.exe', 'application/octet-stream', 'disguise'],
    ['setup.msi', 'application/octet-stream', 'program'],
    ['photo\u202egpj.exe', 'image/jpeg', 'disguise'],
    ['sheet.xlsm', 'application/octet-stream', 'macro'],
    ['login.html', 'text/html', 'page'],
    ['notes.txt', 'text/plain', undefined],
  ])('%j of type %s is %s', (name, type, danger) => {
    expect(dangerOf(name, type)).toBe(danger);
  });

  test('is only drawn by the server where it can be', () => {
    expect(canPreview('application/pdf', 'a')).toBe(true);
    expect(canPreview('text/html', 'a.html')).toBe(false);
    expect(canPreview('application/octet-stream', 'scan.PDF')).toBe(true);
  });
});

describe('a .zip', () => {
  test('has the known checksum of text', () => {
    expect(crc32(new TextEncoder().encode('123456789'))).toBe(0xcbf43926);
  });

  test('gives every file a name of its own, without a path', () => {
    expect(ownNames(['a.txt', 'A.txt', '../x/b', '', 'a.txt'])).toEqual([
      'a.txt', 'A (2).txt', 'b', 'file', 'a (3).txt',
    ]); // prettier-ignore
  });

  test('begins and ends as one', async () => {
    const blob = await zipped([{ name: 'é.txt' }], () => Promise.resolve(new Blob(['hello'])));
    const octets = new Uint8Array(await blob.arrayBuffer());
    const view = new DataView(octets.buffer);
    expect(view.getUint32(0, true)).toBe(0x04034b50);
    expect(view.getUint32(octets.length - 22, true)).toBe(0x06054b50);
    expect(view.getUint16(octets.length - 12, true)).toBe(1);
  });
});

describe('a place', () => {
  test.each(['F3', 'label:work', 'starred'])('%s is written as it is read', (part) => {
    expect(partOf(placeOf(part, 'F1')!)).toBe(part);
  });
  test('is the inbox where none is named', () => {
    expect(placeOf(undefined, 'F1')).toEqual({ kind: 'mailbox', mailboxId: 'F1' });
    expect(placeOf(undefined, undefined)).toBeUndefined();
    expect(asked({ kind: 'starred' })).toEqual({ filter: { hasKeyword: '$flagged' } });
  });
});

describe('times to offer', () => {
  const thursday = new Date(2026, 10, 26, 20, 30);
  test('are all to come', () => {
    for (const { at } of [...snoozeTimes(thursday), ...sendTimes(thursday)]) {
      expect(at.getTime()).toBeGreaterThan(thursday.getTime());
    }
  });
  test('leave out what is too late today', () => {
    expect(snoozeTimes(new Date(2026, 10, 26, 22)).map(({ name }) => name)).not.toContain('later');
    expect(sendTimes(thursday).map(({ name }) => name)).toEqual(['tomorrow', 'afternoon', 'monday']);
  });
});

describe('an attachment that was promised', () => {
  test.each([
    ['', 'See the attached file.', true],
    ['', 'In de bijlage vindt u het verslag.', true],
    ['', 'Anbei der Bericht.', true],
    ['', 'Vous trouverez ci-joint le rapport.', true],
    ['', 'I am attached to my garden', true],
    ['', '> See the attached file.', false],
    ['', 'Thank you.\n-- \nAttached Ltd', false],
    ['Re: attachment', 'Thanks!', false],
    ['Attachment', 'Here', true],
  ])('%j %j: %s', (subject, text, expected) => {
    expect(promises(subject, text)).toBe(expected);
  });
});

test('a form writes operators', () => {
  const form = { words: 'bridge', from: 'Anna B', to: '', subject: '', without: 'old new', after: '2026-01-02', before: '', attachment: true, unread: false, starred: false }; // prettier-ignore
  expect(formQuery(form, 'en')).toBe('bridge from:"Anna B" after:2026-01-02 -old -new has:attachment');
  expect(formQuery(form, 'nl')).toContain('van:"Anna B" na:2026-01-02');
});

test.each([
  ['Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/130.0 Safari/537.36 Edg/130.0', 'Edge · Windows'],
  ['Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile Safari/604.1', 'Safari · iPhone'],
  ['Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0', 'Firefox · Linux'],
  ['curl/8', ''],
])('%j is %j', (agent, name) => {
  expect(deviceOf(agent).name).toBe(name);
});

test('servers are read from what apps are told', () => {
  const xml = '<incomingServer type="imap"><hostname>mail.x.test</hostname><port>993</port><socketType>SSL</socketType></incomingServer>';
  expect(readServers(xml)).toEqual([{ kind: 'IMAP', isIncoming: true, host: 'mail.x.test', port: '993', security: 'TLS' }]);
  expect(readServers('<clientConfig/>')).toEqual([]);
});
