/** Read receipts: sent when their reader says so, never by themselves (RFC 9007). */
import type { JmapClient } from '@/jmap/client';
import { SetError } from '@/jmap/errors';
import type { Id } from '@/jmap/types';
import { client } from './client';

/**
 * Tells the sender that a message was read; the server marks it, so that it is told once.
 *
 * Throws SetError (`mdnAlreadySent`, `forbiddenFrom`, …), and as a call.
 */
export async function sendReceipt(emailId: Id, identityId: Id, of: JmapClient = client): Promise<void> {
  const mdn = {
    forEmailId: emailId,
    disposition: { actionMode: 'manual-action', sendingMode: 'mdn-sent-manually', type: 'displayed' },
  };
  const answer = await of.call('MDN/send', { identityId, send: { receipt: mdn } });
  const refused = answer.notSent?.receipt;
  if (refused) throw new SetError(refused);
}
