"""Bringing a user's mail over from another IMAP server: resumable, in bounded memory, exact.

    list → plan → for each mailbox: which UIDs are new → windows of them → batches → stored

A window is one FETCH; its messages come as fast as they are sealed, for the wire holds the server
back. A batch is one transaction, and says in it how far the mailbox has come. So whatever ends a
run, the next one asks for what is missing and for nothing else. A message that cannot be brought
(too large, unreadable there, or one at which the server hangs up each time) is left behind, listed,
and the rest goes on.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

from mailserver.mail.arrivals import Arrivals
from mailserver.model.errors import Absent, PeerFault
from mailserver.model.ids import MailboxId
from mailserver.model.sealed import Plaintext
from mailserver.transfer.bringing import NOT_OPENED, Bringing, Suspects
from mailserver.transfer.imap import connect
from mailserver.transfer.imap_session import Session
from mailserver.transfer.naming import Plan, Planned, Target, plan
from mailserver.transfer.progress import Place, ranges
from mailserver.transfer.reach import ConnectionLost, Reach, Server
from mailserver.transfer.report import Report, Unwatched, Watcher

MESSAGE_OCTETS = 150 << 20  # what a setting may allow at most: nothing stays behind for a setting
ATTEMPTS = 5  # in a row without one message
FIRST_PAUSE_SECONDS = 1.0
SIZED_MESSAGES = 1_000  # at once, in a dry run

Connect = Callable[[], AbstractAsyncContextManager[Session]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be brought over."""

    source: bytes
    """The server and user, as `Arrivals.name` names them: whose marks count."""
    only: tuple[str, ...] = ()
    """Mailboxes by their names there; all of them where empty."""
    into: Target | None = None
    """Where everything goes; else into mailboxes of the same names."""
    delete: bool = False
    """Whether what came is deleted from the server."""
    again: bool = False
    """Whether a mailbox that was numbered anew is brought anew, at the price of doubles."""


@asynccontextmanager
async def signed_in(
    server: Server, reach: Reach, user: str, password: Plaintext
) -> AsyncIterator[Session]:
    """Be signed in at `server` for the length of a block. Raises as `connect` and `sign_in`."""
    session = Session(await connect(server, reach, MESSAGE_OCTETS))
    try:
        await session.sign_in(user, password)
        yield session
    finally:
        await session.close()


class Importing:
    """One transfer, through all its connections."""

    def __init__(
        self,
        connect: Connect,
        arrivals: Arrivals,
        wanted: Wanted,
        watcher: Watcher | None = None,
        pause_seconds: float = FIRST_PAUSE_SECONDS,
    ) -> None:
        """Bring `wanted` to `arrivals`, telling `watcher`; the first pause is `pause_seconds`."""
        self._connect = connect
        self._arrivals = arrivals
        self._wanted = wanted
        self._watcher = watcher or Unwatched()
        self._pause_seconds = pause_seconds
        self.report = Report()
        """What has come so far."""
        self._suspects = Suspects()
        self._finished: set[bytes] = set()
        self._connected = False

    async def run(self) -> Report:
        """Bring everything over that is not here yet, connecting anew where that is needed.

        Raises:
            ConnectionLost: not reached, or lost again and again; the next run goes on from here.
            Refused: it lets us not in, or the account is full.
            PeerFault: it does not speak IMAP.
        """
        failures, seconds = 0, self._pause_seconds
        while True:
            before = self._done()
            try:
                async with self._connect() as session:
                    await self._all(session)
                return self.report
            except (ConnectionLost, PeerFault):
                came = self._done() > before
                failures, seconds = (0, self._pause_seconds) if came else (failures + 1, seconds)
                if failures >= ATTEMPTS or not self._connected:
                    raise
            await asyncio.sleep(seconds)
            seconds *= 2

    def _done(self) -> int:
        return self.report.messages + self.report.left_count + len(self._finished)

    async def _all(self, session: Session) -> None:
        planned = await self._planned(session)
        source = self._wanted.source
        marks = await self._arrivals.progress(source)
        bringing = Bringing(
            session,
            self._arrivals,
            source,
            planned,
            self._suspects,
            self.report,
            self._watcher,
        )
        for each in planned.mailboxes:
            key = self._arrivals.name(source, each.source.raw)
            if key not in self._finished:
                known = Place.read(marks[key]) if key in marks else None
                wanted = self._wanted
                await bringing.bring(
                    self._placed(each), key, known, again=wanted.again, delete=wanted.delete
                )
                self._finished.add(key)

    async def _planned(self, session: Session) -> Plan:
        """Plan, and make what holds nothing by itself; what is left out is told once."""
        planned = await plan_of(session, self._wanted.only)
        if not self._connected:
            self._connected = True
            for name, why in planned.left_out:
                self.report.leave(name, "the whole mailbox", why)
        if self._wanted.into is None:
            for target in planned.empty:
                await self._arrivals.mailbox(target.name, target.role)
            for target in planned.subscribed:
                await self._arrivals.subscribe(target.name)
        return planned

    def _placed(self, planned: Planned) -> Planned:
        into = self._wanted.into
        return planned if into is None else Planned(planned.source, into)


async def plan_of(session: Session, only: tuple[str, ...] = ()) -> Plan:
    """Plan where everything at a server goes, or `only` some mailboxes of it."""
    found, subscribed = await session.mailboxes()
    return plan(
        found,
        await session.namespaces(),
        gmail=session.is_gmail,
        subscribed=subscribed,
        only=only,
    )


@dataclass(frozen=True, slots=True)
class Outlook:
    """What an import would bring of one mailbox."""

    name: str
    into: str
    messages: int
    new: int
    octets: int
    """Of the new ones, as the server counts them."""


async def dry_run(
    session: Session, arrivals: Arrivals, wanted: Wanted
) -> tuple[list[Outlook], list[tuple[str, str]]]:
    """Say what an import would bring, and what it would leave out; changes nothing anywhere."""
    planned = await plan_of(session, wanted.only)
    marks = await arrivals.progress(wanted.source)
    outlooks = []
    for each in planned.mailboxes:
        try:
            opened = await session.open(each.source)
        except Absent:
            planned.left_out.append((each.source.name, NOT_OPENED))
            continue
        key = arrivals.name(wanted.source, each.source.raw)
        known = Place.read(marks[key]) if key in marks else Place(opened.uid_validity, MailboxId(0))
        new: list[int] = []
        if known.uid_validity == opened.uid_validity and opened.messages:
            new = [uid for uid in await session.uids_after(known.last) if uid not in known.done]
        octets = 0
        for start in range(0, len(new), SIZED_MESSAGES):
            sizes = await session.sizes(ranges(new[start : start + SIZED_MESSAGES]))
            octets += sum(sizes.values())
        into = "by label" if each.by_labels else (wanted.into or each.target).name
        outlooks.append(Outlook(each.source.name, into, opened.messages, len(new), octets))
    return outlooks, planned.left_out
