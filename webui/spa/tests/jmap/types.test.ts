import { describe, expectTypeOf, it } from 'vitest';
import type * as Rfc from 'jmap-rfc-types/jmap-mail';
import type { BodyPart, EmailSubmission, Identity, Mailbox, Thread, VacationResponse } from '@/jmap/types';

/** Our types say less than the standard's, and nothing else. */
describe('the types of JMAP', () => {
  it('are those of the RFCs', () => {
    expectTypeOf<keyof Mailbox>().toExtend<keyof Rfc.Mailbox>();
    expectTypeOf<keyof Thread>().toExtend<keyof Rfc.Thread>();
    expectTypeOf<keyof Identity>().toExtend<keyof Rfc.Identity>();
    expectTypeOf<keyof EmailSubmission>().toExtend<keyof Rfc.EmailSubmission>();
    expectTypeOf<keyof VacationResponse>().toExtend<keyof Rfc.VacationResponse>();
    expectTypeOf<Exclude<keyof BodyPart, `header:${string}`>>().toExtend<keyof Rfc.EmailBodyPart>();
  });
});
