"""The relay at work: due entries leased, sent, and what became of each written down.

Theory. One loop leases what is due, as much as there is room for; recipients of one message who
share a destination go in one transaction. What a worker leased it settles, each row once: dropped
when delivered or failed (with the report to the sender in the same commit), put back when not.
A destination none of whose hosts can be spoken with is given a rest, so that its other mail does
not wait for the same deadlines one by one.

On the way down nothing more is leased, transactions that are under way may end, and what is left
is given back. A worker that dies instead loses its leases by time (`mail.outgoing.LEASE`); a
message is then sent twice where the other server had it and we could not write that down.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from mailserver.mail.outgoing import TEND, Outgoing
from mailserver.mail.parcels import Due, Parcel
from mailserver.model.address import canonical_domain
from mailserver.model.envelope import RemoteReply
from mailserver.model.errors import Absent, Corrupt, MailError, PeerFault
from mailserver.model.ids import QueueId
from mailserver.outbound.bounce import Bounces
from mailserver.outbound.client import Outcome, Package, Verdict
from mailserver.outbound.local import Local
from mailserver.outbound.pool import Pool
from mailserver.outbound.sending import Sending, Sent
from mailserver.protocol.mime.authors import authors
from mailserver.protocol.mime.dsn import Action
from mailserver.protocol.mime.headers import header_fields
from mailserver.protocol.smtp.client import Needs, content, own_word
from mailserver.runtime.background import Background, background
from mailserver.runtime.clock import Clock
from mailserver.runtime.log import get_logger
from mailserver.runtime.offload import Offload

RECIPIENTS = 100  # of a transaction: what RFC 5321 §4.5.3.1.8 has every server take
LARGE_OCTETS = 256 * 1024  # above this, signing and dot-stuffing leave the event loop
MANDATORY_FAILS = timedelta(hours=24)  # PRIVACY §7
FIRST_REST = timedelta(minutes=1)
LONGEST_REST = timedelta(minutes=30)
DOWN_AT_ONCE = 10_000
_LOOK_AGAIN_SECONDS = 2.0  # when the queue could not be read
_LONGEST_LOOK_SECONDS = 60.0  # when reading it breaks again and again

Sign = Callable[[str, bytes], Awaitable[bytes]]
"""Returns header fields to put on top of a message of a domain; none where it has no keys."""

log = get_logger("outbound")


async def unsigned(domain: str, message: bytes) -> bytes:
    """Sign nothing: for a server whose domains have no keys."""
    return b""


class Runner:
    """Sends what is due."""

    def __init__(
        self,
        outgoing: Outgoing,
        sending: Sending,
        pool: Pool,
        local: Local,
        bounces: Bounces,
        *,
        clock: Clock,
        offload: Offload,
        sign: Sign = unsigned,
        at_once: int = 100,
        grace: timedelta = timedelta(seconds=20),
        first_rest: timedelta = FIRST_REST,
    ) -> None:
        """Take from `outgoing`, send with `sending`, deliver what is ours with `local`.

        Args:
            outgoing: the queue.
            sending: takes messages to other servers.
            pool: its conversations, which are looked after and closed here.
            local: takes reports to our own people.
            bounces: writes them.
            clock: says when mail expires and how long destinations rest.
            offload: for large messages.
            sign: makes the signatures, right before a message leaves.
            at_once: recipients being served at the same time.
            grace: how long transactions may take to end when the server stops.
            first_rest: of a destination that cannot be spoken with; each is twice the one before.
        """
        self._outgoing = outgoing
        self._sending = sending
        self._pool = pool
        self._local = local
        self._bounces = bounces
        self._clock = clock
        self._offload = offload
        self._sign = sign
        self._at_once = at_once
        self._grace = grace
        self._first_rest = first_rest
        self._held: dict[QueueId, Due] = {}
        self._changed = asyncio.Event()
        self._down: dict[str, tuple[int, datetime]] = {}
        self._ending = False

    async def run(self) -> None:
        """Send until cancelled; then let transactions end, and give back what is left."""
        try:
            async with background() as tasks:
                tasks.create_task(tasks.every(TEND, self._outgoing.tend))
                tasks.create_task(tasks.every(timedelta(seconds=5), self._pool.tend))
                try:
                    await self._lease(tasks)
                except asyncio.CancelledError:
                    await self._drain()
                    raise
        finally:
            await self._pool.close()
            await self._give_back(list(self._held.values()))

    async def _lease(self, tasks: Background) -> None:
        pause = _LOOK_AGAIN_SECONDS
        while True:
            room = self._at_once - len(self._held)
            if room <= 0:
                self._changed.clear()
                await self._changed.wait()
                continue
            try:
                dues = await self._outgoing.due(room)
                if not dues:
                    await self._outgoing.wait()
            except MailError as error:
                log.warning("queue cannot be read", condition=error.condition)
                await asyncio.sleep(_LOOK_AGAIN_SECONDS)
                continue
            except Exception as bug:  # mail waits for ever where the loop ends: it goes on, slowly
                log.error("incident", incident=secrets.token_hex(4), exc_info=bug)
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_LOOK_SECONDS)
                continue
            pause = _LOOK_AGAIN_SECONDS
            self._held.update((due.queue_id, due) for due in dues)
            for group in grouped(dues):
                tasks.create_task(self._serve(group))

    async def _drain(self) -> None:
        log.info("relay stops", recipients=len(self._held))
        self._ending = True
        try:
            async with asyncio.timeout(self._grace.total_seconds()):
                while self._held:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            log.warning("transactions cut short", recipients=len(self._held))

    async def _serve(self, group: Sequence[Due]) -> None:
        """Send one message to one destination, and settle its rows."""
        try:
            await self._send(group)
        except MailError as error:
            log.error("recipients not settled", condition=error.condition, recipients=len(group))
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)
            await self._give_back(group)
        except Exception:
            # Not given back: what breaks here would break again at once.
            broken = Outcome(Verdict.LATER, own_word("4.3.0", "Something broke; it was logged"))
            for due in self._left(group):
                await self._write_down(due, broken, None)
            raise
        finally:
            if not self._ending:  # else what is left is given back at the end, all together
                for due in group:
                    self._held.pop(due.queue_id, None)
            self._changed.set()

    def _left(self, group: Sequence[Due]) -> list[Due]:
        return [due for due in group if due.queue_id in self._held]

    async def _give_back(self, dues: Sequence[Due]) -> None:
        left = self._left(dues)
        try:
            if left:
                await self._outgoing.give_back(left)
            for due in left:
                self._held.pop(due.queue_id, None)
        except MailError as error:  # then the leases end by time
            log.error("leases not given back", condition=error.condition, recipients=len(left))

    async def _send(self, group: Sequence[Due]) -> None:
        first = group[0]
        try:
            message = await self._outgoing.content(first)
        except Absent:  # cancelled, or its account erased, since it was leased
            await self._give_back(group)
            return
        except Corrupt as error:
            log.error("queued message is damaged", condition=error.condition)
            await self._settle(group, _alike(group, "4.3.0", "The message cannot be read"), b"")
            return
        if await self._local.is_local(first.domain):
            outcomes = [await self._local.deliver(due, message) for due in group]
            sent = Sent(tuple(outcomes), is_final=True)
        else:
            sent = await self._relay(group, message.reveal())
            await self._note(first.domain, sent)
        await self._settle(group, sent, message.reveal())

    async def _relay(self, group: Sequence[Due], message: bytes) -> Sent:
        envelope = group[0].envelope
        recipients = tuple(due.recipient for due in group)
        domain = author_domain(message) or (envelope.sender.domain if envelope.sender else "")
        signed = await self._sign(domain, message) + message
        try:
            if len(signed) > LARGE_OCTETS:
                octets = await self._offload(content, signed)
            else:
                octets = content(signed)
        except PeerFault as fault:
            return _alike(group, "5.6.0", fault.text)
        needs = Needs.of(envelope, recipients, signed)
        return await self._sending.send(
            group[0].domain, Package(envelope, recipients, needs, octets)
        )

    async def _note(self, domain: str, sent: Sent) -> None:
        """Give a destination that cannot be spoken with a rest, longer each time."""
        if not sent.unreachable:
            self._down.pop(domain, None)
            return
        now = self._clock.now()
        times, until = self._down.pop(domain, (0, now))
        begins = now >= until  # else it was under way when the rest began: one failure, not many
        if begins:
            until = now + min(self._first_rest * 2 ** min(times, 10), LONGEST_REST)
            times += 1
        while len(self._down) >= DOWN_AT_ONCE:
            self._down.pop(next(iter(self._down)))
        self._down[domain] = times, until
        if begins:
            await self._outgoing.rest(domain, until)

    async def _settle(self, group: Sequence[Due], sent: Sent, message: bytes) -> None:
        """Write down what became of each; the first row of each kind takes the report along.

        If the server dies between two rows, those left are tried and reported once more: a report
        may come twice, and none is lost.
        """
        told: dict[Action, list[tuple[Due, RemoteReply]]] = {}
        ends: list[tuple[Due, Outcome, Action | None]] = []
        for due, each in zip(group, sent.outcomes, strict=True):
            end = self._at_its_end(due, each, sent)
            action = self._bounces.wanted(due, end, sent)
            if action is not None:
                told.setdefault(action, []).append((due, end.said))
            ends.append((due, end, action))
        parcels = {
            action: await self._bounces.write(action, concerned, message)
            for action, concerned in told.items()
        }
        for due, end, action in ends:
            parcel = None if action is None else parcels.pop(action, None)
            await self._write_down(due, end, parcel)

    async def _write_down(self, due: Due, end: Outcome, parcel: Parcel | None) -> None:
        match end.verdict:
            case Verdict.DELIVERED:
                await self._outgoing.delivered(due, end.said, report=parcel)
            case Verdict.LATER:
                await self._outgoing.deferred(due, end.said, report=parcel)
            case Verdict.NEVER:
                await self._outgoing.failed(due, end.said, report=parcel)
        self._held.pop(due.queue_id, None)

    def _at_its_end(self, due: Due, each: Outcome, sent: Sent) -> Outcome:
        """Say whether it is too late to try again."""
        if each.verdict is not Verdict.LATER:
            return each
        now = self._clock.now()
        if now >= due.expires_at:
            return Outcome(Verdict.NEVER, replace(each.said, status="4.4.7"))
        if sent.mandatory and sent.insecure and now - due.queued_at >= MANDATORY_FAILS:
            return Outcome(Verdict.NEVER, replace(each.said, status="5.7.10"))
        return each


def grouped(dues: Iterable[Due]) -> list[list[Due]]:
    """Put together the recipients of one message who share a destination, at most RECIPIENTS."""
    groups: dict[tuple[bytes, str], list[list[Due]]] = {}
    for due in dues:
        alike = groups.setdefault((due.message_id, due.domain), [[]])
        if len(alike[-1]) >= RECIPIENTS:
            alike.append([])
        alike[-1].append(due)
    return [group for alike in groups.values() for group in alike]


def author_domain(message: bytes) -> str:
    """Say which domain's keys sign a message: its author's; empty where there is none."""
    end = message.find(b"\r\n\r\n")
    listed = authors(header_fields(message if end < 0 else message[: end + 2])).listed
    try:
        return canonical_domain(listed[0].domain) if listed else ""
    except PeerFault:
        return ""


def _alike(group: Sequence[Due], status: str, text: str) -> Sent:
    verdict = Verdict.NEVER if status.startswith("5") else Verdict.LATER
    return Sent((Outcome(verdict, own_word(status, text)),) * len(group))
