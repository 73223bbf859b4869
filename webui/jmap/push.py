"""Changes of an account → StateChange objects, for whoever listens (RFC 8620 §7.1, §7.3).

A listener needs no key: it is told that something changed, never what. It ends when the account is
taken away or locked, for then nobody looks for a revocation any more; the client comes back and
shows its credential again.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from typing import Any, Protocol

import msgspec

from mailserver.mail.account import Account
from mailserver.mail.state import State
from mailserver.model.record import RecordKind
from webui.jmap.errors import RequestError

LISTENERS_EACH = 20
LISTENERS = 10_000
LOOK_SECONDS = 2.0  # how late a listener may notice that its account was given back
SHORTEST_PING = 30
LONGEST_PING = 900
RECORD_TYPES = {
    RecordKind.IDENTITY: "Identity",
    RecordKind.SUBMISSION: "EmailSubmission",
    RecordKind.ADDRESS_BOOK: "AddressBook",
    RecordKind.CARD: "ContactCard",
    RecordKind.SCRIPT: "SieveScript",
    RecordKind.PREFERENCE: "Preference",
}
MAIL_TYPES = ("Email", "EmailDelivery", "Mailbox", "Thread")


class Listeners:
    """How many listen, in one process."""

    def __init__(self) -> None:
        """Begin with nobody."""
        self._counts: dict[str, int] = {}

    def enter(self, account_id: str) -> None:
        """Count one more. Raises RequestError (limit)."""
        count = self._counts.get(account_id, 0)
        if count >= LISTENERS_EACH or sum(self._counts.values()) >= LISTENERS:
            raise RequestError("limit", "too many listen already", limit="maxConcurrentRequests")
        self._counts[account_id] = count + 1

    def leave(self, account_id: str) -> None:
        """Count one less."""
        left = self._counts.get(account_id, 1) - 1
        if left:
            self._counts[account_id] = left
        else:
            self._counts.pop(account_id, None)


class _EntriesChanged(Protocol):
    """What `types_of` looks at of entries that changed."""

    @property
    def appeared(self) -> Collection[object]: ...
    @property
    def vanished(self) -> Collection[object]: ...
    @property
    def flagged(self) -> Collection[object]: ...


class _Changed(Protocol):
    """What `types_of` looks at of a change, as it is told or as the log has it."""

    @property
    def entries(self) -> Collection[_EntriesChanged]: ...
    @property
    def mailboxes(self) -> Collection[object]: ...
    @property
    def emails_destroyed(self) -> Collection[object]: ...
    @property
    def records(self) -> Collection[int]: ...


def types_of(changes: Collection[_Changed] | None) -> set[str]:
    """Return the data types that changed; all of mail where it is not known."""
    if changes is None:
        return set(MAIL_TYPES)
    found: set[str] = set()
    for change in changes:
        found |= {RECORD_TYPES[RecordKind(kind)] for kind in change.records}
        if change.mailboxes:
            found.add("Mailbox")
        if change.entries or change.emails_destroyed:
            found |= {"Email", "Mailbox"}
        if change.emails_destroyed or any(e.appeared or e.vanished for e in change.entries):
            found.add("Thread")
        if any(entries.appeared for entries in change.entries):
            found.add("EmailDelivery")
        # An entry that is marked deleted, or no longer is, comes and goes for JMAP.
        if any(entries.flagged for entries in change.entries):
            found.add("Thread")
    return found


def state_change(account_id: str, types: Collection[str], state: State) -> dict[str, Any]:
    """Return a StateChange object."""
    states = {name: _named(name, state) for name in sorted(types)}
    return {"@type": "StateChange", "changed": {account_id: states}}


def _named(name: str, state: State) -> str:
    if name == "EmailDelivery":
        return str(state.email)
    return str(state.modseq) if name in RECORD_TYPES.values() else str(state)


class Told:
    """One listener's view of an account: wakes at changes and says which types they were of."""

    def __init__(self, account: Account, account_id: str) -> None:
        """Listen to `account`, which clients call `account_id`."""
        self._account = account
        self._account_id = account_id
        self._woken = asyncio.Event()
        self._over = False
        self.state: State | None = None

    @property
    def over(self) -> bool:
        """Whether the account was taken away or given back."""
        return self._over or self._account.closed

    def _end(self, _why: object) -> None:
        self._over = True
        self._woken.set()

    async def changes(
        self, wanted: Collection[str] | None, ping_seconds: float | None, *, at_once: bool = False
    ) -> AsyncIterator[dict[str, Any] | None]:
        """Yield StateChanges of the `wanted` types (None: all), and None when it is time to ping.

        `at_once` tells how it stands first.
        """
        loop = asyncio.get_running_loop()
        watch = await self._account.watch(self._woken.set)
        self._account.on_end(self._end)
        try:
            self.state = await self._account.emails.state()
            yield self._said(set(MAIL_TYPES), wanted) if at_once else {}
            ping_at = None if ping_seconds is None else loop.time() + ping_seconds
            while True:
                woken = await self._wait()
                if self.over:
                    return
                if woken:
                    types = types_of(watch.take())
                    self.state = await self._account.emails.state()
                    yield self._said(types, wanted)
                if ping_at is not None and ping_seconds and loop.time() >= ping_at:
                    ping_at = loop.time() + ping_seconds
                    yield None
        finally:
            watch.close()

    async def _wait(self) -> bool:
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                await self._woken.wait()
        except TimeoutError:
            return False
        self._woken.clear()
        return True

    def _said(self, types: set[str], wanted: Collection[str] | None) -> dict[str, Any]:
        told = types if wanted is None else types.intersection(wanted)
        if not told or self.state is None:
            return {}
        return state_change(self._account_id, told, self.state)


def ping_of(asked: int) -> float | None:
    """Return how often to ping, in seconds; None for a client that wants none."""
    return None if asked <= 0 else float(min(max(asked, SHORTEST_PING), LONGEST_PING))


async def events(
    told: Told,
    wanted: Collection[str] | None,
    ping_seconds: float | None,
    *,
    last_id: str | None,
    once: bool,
) -> AsyncIterator[bytes]:
    """Write changes as server-sent events; a client that comes back is told how it stands.

    Args:
        told: what is listened to.
        wanted: the types; None for all.
        ping_seconds: how often to ping.
        last_id: the id of the last event that the client saw (Last-Event-ID).
        once: end after the first change.
    """
    async for change in told.changes(wanted, ping_seconds, at_once=last_id is not None):
        if change is None:
            yield _event("ping", {"interval": int(ping_seconds or 0)}, None)
            continue
        if not change or str(told.state) == last_id:
            last_id = None
            yield b": listening\n\n"
            continue
        yield _event("state", change, str(told.state))
        if once:
            return


def _event(name: str, data: Mapping[str, Any], event_id: str | None) -> bytes:
    head = b"" if event_id is None else b"id: %b\n" % event_id.encode()
    return b"event: %b\n%bdata: %b\n\n" % (name.encode(), head, msgspec.json.encode(data))
