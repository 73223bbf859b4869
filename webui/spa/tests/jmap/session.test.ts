import { describe, expect, it } from 'vitest';
import { Session } from '@/jmap/session';
import { SESSION } from '../support/scripted';

describe('the session object', () => {
  const session = new Session(SESSION);

  it('gives paths of the page’s own origin', () => {
    expect(session.apiPath).toBe('/jmap');
    expect(session.uploadPath).toBe('/jmap/upload/A1');
    expect(session.eventsPath('*', 30)).toBe('/jmap/events?types=*&closeafter=no&ping=30');
    expect(session.downloadPath('B1-2', 'brief & plan.pdf', 'application/pdf')).toBe(
      '/jmap/download/A1/B1-2/brief%20%26%20plan.pdf?type=application%2Fpdf',
    );
  });

  it('gives limits, and what the server can do', () => {
    expect(session.limits).toMatchObject({ objectsInGet: 3, callsInRequest: 8, holdSeconds: 3600 });
    expect(session.can('mail')).toBe(true);
    expect(session.can('sieve')).toBe(false);
  });

  it('that says little is read with cautious limits', () => {
    const bare = { ...SESSION, capabilities: {}, accounts: { A9: { name: '', accountCapabilities: {} } }, primaryAccounts: {} }; // prettier-ignore
    const little = new Session(bare);
    expect(little.accountId).toBe('A9');
    expect(little.limits).toMatchObject({ objectsInGet: 500, callsInRequest: 16, holdSeconds: 0 });
  });
});
