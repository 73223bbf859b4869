"""The message itself: DATA (RFC 5321 §4.1.1.4) and BDAT (RFC 3030), and the replies that end them.

Octets are taken as they come, up to 256 KiB at once, and looked at as a whole
(`protocol.smtp.data`). They are reserved from the process-wide budget as they arrive: what SIZE
announced is a claim, and a thousand honest claims may still be more than we can hold.
"""

import asyncio
import io
import secrets
from datetime import UTC, datetime

from mailserver.model.errors import Condition, MailError, Transient
from mailserver.model.sealed import Plaintext
from mailserver.protocol.smtp.codes import Code, Detail
from mailserver.protocol.smtp.command import AUTH_OCTETS, parse_bdat
from mailserver.protocol.smtp.data import ChunkReader, DataReader, Fault
from mailserver.protocol.smtp.reply import Rejection, Reply
from mailserver.protocol.smtp.trace import MAX_HOPS, hops, received, received_from_user
from mailserver.runtime.limits import Budget
from mailserver.runtime.metrics import COUNTS
from mailserver.smtp import incident, status
from mailserver.smtp.commands import Commands, Draft
from mailserver.smtp.connection import Door
from mailserver.smtp.handler import Handler, Transaction
from mailserver.smtp.policy import Service
from mailserver.smtp.retries import one_error
from mailserver.smtp.status import bad_sequence
from mailserver.smtp.stream import DATA_BUFFER_OCTETS


class Intake:
    """The content of one message as far as it has come, held against the budget."""

    __slots__ = ("_budget", "_held_octets", "_peer", "_pieces", "_whole", "full")

    def __init__(self, budget: Budget, peer: str) -> None:
        """Hold nothing yet, then in the name of `peer`; empty for this machine."""
        self._budget = budget
        self._peer = peer
        self._held_octets = 0
        self._whole = b""
        self._pieces: io.BytesIO | None = None
        self.full = False
        """The budget had no room; what came before is dropped and nothing more is held."""

    def add(self, piece: bytes) -> None:
        """Hold `piece`, if there is room."""
        if not piece or self.full:
            return
        if not self._budget.try_reserve(len(piece), self._peer):
            self.drop()
            self.full = True
            return
        self._held_octets += len(piece)
        if not self._whole and self._pieces is None:
            self._whole = piece  # most messages come in one piece and are never copied
            return
        if self._pieces is None:
            self._pieces = io.BytesIO()
            self._pieces.write(self._whole)
            self._whole = b""
        self._pieces.write(piece)

    def octets(self) -> bytes:
        """Return the whole message; BytesIO hands out its own buffer, without a copy."""
        if self._pieces is not None:
            self._whole = self._pieces.getvalue()
            self._pieces = None
        return self._whole

    def drop(self) -> None:
        """Let go of everything held."""
        self._budget.release(self._held_octets, self._peer)
        self._held_octets = 0
        self._whole = b""
        self._pieces = None


class Receiving(Commands):
    """A session that takes whole messages."""

    def __init__(self, door: Door, handler: Handler | None) -> None:
        """Hand transactions to `handler`."""
        super().__init__(door, handler)
        self._chunks: ChunkReader | None = None
        self._intake = Intake(door.budget, self.network)

    def abandon(self) -> None:
        """Drop the transaction and the content that came for it."""
        super().abandon()
        self._chunks = None
        self._intake.drop()
        self._intake = Intake(self.door.budget, self.network)

    def check_recipients_open(self) -> None:
        """Refuse RCPT once content has come.

        Raises:
            Rejection: a chunk was taken already.
        """
        if self._chunks is not None:
            raise bad_sequence("The message has begun")

    # -- octets

    def _begin_content(self) -> None:
        self.let_wait(DATA_BUFFER_OCTETS)
        self._content_until = self.loop.time() + self.policy.data_seconds
        self._content_octets = 0

    def _end_content(self) -> None:
        self.let_wait(AUTH_OCTETS)
        self._reset_timeout()

    async def _content(self, octets: int) -> bytes:
        """Return some content, within the time that the message has left.

        Octets buy time, and no more than `data_seconds` of it can be saved up: who sends much and
        then next to nothing does not hold the budget for longer than who sends nothing.
        """
        policy, now = self.policy, self.loop.time()
        left = self._content_until - now
        self._reset_timeout(max(min(left, policy.data_idle_seconds), 0.001))
        came = await self.read_some(octets)
        self._content_octets += len(came)
        self._content_until = min(
            self._content_until + len(came) / policy.data_octets_per_second,
            self.loop.time() + policy.data_seconds,
        )
        return came

    def _too_much(self, reply: Reply) -> None:
        """End a connection that sends what can be neither taken nor passed over."""
        self.say(reply.encode())
        self.end(status.TOO_MANY_ERRORS)

    # -- the commands

    async def smtp_DATA(self, arg: str) -> None:
        """Take a message up to CRLF.CRLF."""
        if arg:
            raise Rejection(status.NO_ARGUMENT)
        draft = self._complete_draft()
        if self._chunks is not None:
            raise bad_sequence("The message came in chunks so far")
        self.say(status.START_INPUT)
        await self.flush()
        reader = DataReader(self.policy.content)
        self._begin_content()
        while not reader.ended:
            self._intake.add(reader.feed(await self._content(DATA_BUFFER_OCTETS)))
            if reader.check.fault is not None:
                self._intake.drop()
                if self._content_octets > self.policy.drain_octets:
                    self._too_much(status.reply_to_fault(reader.check.fault))
                    return
        if reader.rest:
            self.unread(reader.rest)
        self._end_content()
        await self._finish(draft, reader.check.fault)

    def _complete_draft(self) -> Draft:
        if self.draft is None:
            raise bad_sequence("MAIL comes first")
        if not self.draft.asked:
            raise bad_sequence("No recipient was accepted")
        return self.draft

    async def smtp_BDAT(self, arg: str) -> None:
        """Take a chunk; the last one ends the message.

        A chunk is read whatever is wrong with it, or its octets would be taken for commands.
        """
        try:
            size, last = parse_bdat(arg)
        except Rejection as error:
            self._too_much(error.reply)  # nobody knows where the next command begins
            return
        if size > self.policy.drain_octets:
            self._too_much(status.reply_to_fault(Fault.TOO_LARGE))
            return
        try:
            draft = self._complete_draft()
        except Rejection:
            await self._skip(size)
            raise
        chunks = self._chunks
        if chunks is None:
            chunks = self._chunks = ChunkReader(self.policy.content)
        await self._take_chunk(chunks, size, last=last)
        if last:
            await self._finish(draft, chunks.check.fault)
        elif (failure := self._failure(chunks.check.fault)) is not None:
            raise Rejection(failure)  # RFC 3030 §2: the transaction stays failed until RSET or LAST
        else:
            self.say(Reply(Code.OK, Detail.OTHER, f"{size} octets received").encode())

    async def _take_chunk(self, chunks: ChunkReader, size: int, *, last: bool) -> None:
        await self.flush()
        self._begin_content()
        left = size
        while left:
            came = await self._content(min(left, DATA_BUFFER_OCTETS))
            left -= len(came)
            self._intake.add(chunks.feed(came, last=last and not left))
            if chunks.check.fault is not None:
                self._intake.drop()
        if last and not size:
            self._intake.add(chunks.feed(b"", last=True))
        self._end_content()

    async def _skip(self, size: int) -> None:
        await self.flush()
        self._begin_content()
        while size:
            size -= len(await self._content(min(size, DATA_BUFFER_OCTETS)))
        self._end_content()

    # -- the end of a message

    def _failure(self, fault: Fault | None) -> Reply | None:
        if fault is not None:
            return status.reply_to_fault(fault)
        return status.NO_ROOM if self._intake.full else None

    async def _finish(self, draft: Draft, fault: Fault | None) -> None:
        """Deliver what came, if it may be, and say what became of it."""
        failure = self._failure(fault)
        size = 0
        if failure is not None:
            replies = [failure]
            error = MailError(Condition.BAD_MESSAGE) if fault else MailError(Condition.BUSY)
            self._count([error] * len(draft.asked))
        else:
            octets = self._intake.octets()
            size = len(octets)
            replies = await self._deliver(draft, octets)
        self.abandon()
        self._reset_timeout()
        if self.policy.service is Service.LMTP and len(replies) == 1:
            replies *= len(draft.asked)  # RFC 2033 §4.2: one each, also of a failure of all
        if any(reply.code is Code.OK for reply in replies):
            self.count_message(size)
        else:
            self.refusals += 1
            self._errors += 1
        for reply in replies:
            self.say(reply.encode())

    async def _deliver(self, draft: Draft, octets: bytes) -> list[Reply]:
        token = secrets.token_hex(8)
        if hops(octets) > MAX_HOPS:
            return [status.LOOP]
        transaction = Transaction(
            draft.sender,
            tuple(draft.recipients),
            Plaintext(octets),
            self._received(draft, token),
            draft.all_asked(),
            self.client(utf8=draft.smtputf8) if self.policy.service is Service.MX else None,
        )
        self.delivering = True
        try:
            async with asyncio.timeout(self.policy.delivery_seconds):
                outcomes = await draft.handler.deliver(transaction)
        except MailError as error:
            outcomes = [error]
        except TimeoutError:
            outcomes = [Transient(Condition.BUSY, "This takes too long, try again later")]
        except Exception as error:  # noqa: BLE001 -- a bug becomes an incident (STYLE §6)
            return [incident.report(error, service=self.policy.service, peer=self.ip)]
        finally:
            self.delivering = False
        self._count(outcomes if len(outcomes) > 1 else outcomes * len(draft.asked))
        return self._replies_for(outcomes, token)

    def _received(self, draft: Draft, token: str) -> bytes:
        hop, now = self.hop(utf8=draft.smtputf8), datetime.now(UTC)
        if self.policy.service is Service.SUBMISSION:
            return received_from_user(hop.protocol, token=token, at=now)
        only = draft.asked[0].address if len(draft.asked) == 1 else None
        return received(hop, by=self.policy.hostname, token=token, recipient=only, at=now)

    def _replies_for(self, outcomes: list[MailError | None], token: str) -> list[Reply]:
        """Say each outcome (LMTP), or all of them in one reply (`retries` has the reasons)."""
        taken = Reply(Code.OK, Detail.OTHER, f"Ok: id {token}")
        if self.policy.service is Service.LMTP:
            return [taken if error is None else status.reply_to(error) for error in outcomes]
        if all(outcome is None for outcome in outcomes):
            return [taken]
        error = one_error(outcomes)
        return [status.PARTLY_DELIVERED if error is None else status.reply_to(error)]

    def _count(self, outcomes: list[MailError | None]) -> None:
        """Count what became of each recipient."""
        service = self.policy.service.value
        for error in outcomes:
            if error is None:
                COUNTS.came(service, "accepted")
            else:
                outcome = "deferred" if status.is_transient(error) else "refused"
                COUNTS.came(service, outcome, error.condition.name.lower())
