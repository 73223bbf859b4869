"""External accounts: servers that mail is fetched from regularly, whether or not its owner is here.

Credentials and where mail goes are guarded under the account's own guard key, so that erasing the
account ends them too. What comes is sealed as a delivery is. One worker leases an external account
and fetches for a bounded time; what is left then is the next one's, for every batch is marked. A
server that fails is asked ever more rarely, and the account's owner reads in words why.
"""

import asyncio
import json
import secrets
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from mailserver.accounts.keyring import Keyring, OpenedRow
from mailserver.audit.chain import Chain
from mailserver.audit.entry import Event, account_actor
from mailserver.mail.arrivals import Arrivals, name_of
from mailserver.model.errors import Condition, Conflict, Locked, MailError, Refused
from mailserver.model.ids import AccountId, ObjectId, new_object_id
from mailserver.model.sealed import Guarded, Plaintext
from mailserver.runtime.clock import Clock
from mailserver.runtime.log import get_logger
from mailserver.runtime.offload import Offload
from mailserver.runtime.settings import External, Tls
from mailserver.store.accounts import AccountRow, AccountState
from mailserver.store.external import Ended, ExternalRow, NewExternal
from mailserver.store.store import Store
from mailserver.transfer.importing import Importing, Wanted, signed_in
from mailserver.transfer.naming import Target
from mailserver.transfer.reach import Reach, Server
from mailserver.transfer.report import Report, Watcher
from mailserver.vault.epochs import Deposits
from mailserver.vault.guard import AccountGuard, Kind
from mailserver.vault.records import PublicIdentity

LEASE = timedelta(minutes=10)
LONGEST = timedelta(minutes=8)  # of one fetching; ends before the lease does
LONGEST_PAUSE = timedelta(days=1)
WORDS = 500

log = get_logger("external")


@dataclass(frozen=True, slots=True, repr=False)
class Source:
    """Where mail is fetched from, and what becomes of it."""

    host: str
    port: int
    tls: Tls
    user: str
    password: Plaintext
    mailboxes: tuple[str, ...] = ("INBOX",)
    """Which of the server's; all of them where empty."""
    into: str | None = None
    """Which of ours takes everything; else those of the same names."""
    delete: bool = False
    """Whether what was fetched is deleted from the server."""

    @property
    def server(self) -> Server:
        """The server."""
        return Server(self.host, self.port, self.tls)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a fetching went."""

    at: datetime | None
    ok: bool
    words: str
    messages: int = 0


@dataclass(frozen=True, slots=True)
class ExternalAccount:
    """An external account as its owner sees it; never its password."""

    id: ObjectId
    host: str
    port: int
    tls: Tls
    user: str
    mailboxes: tuple[str, ...]
    into: str | None
    delete: bool
    interval: timedelta
    next_at: datetime
    last: Outcome


@dataclass(frozen=True, slots=True)
class _Away:
    """An account as its mail is sealed while its owner is away (`mail.delivery.Destination`)."""

    identity: PublicIdentity
    guard: AccountGuard
    account: AccountRow


class ExternalAccounts:
    """The external accounts of this server, and the fetching from them."""

    def __init__(
        self,
        store: Store,
        keyring: Keyring,
        chain: Chain,
        deposits: Deposits,
        offload: Offload,
        clock: Clock,
        settings: External,
    ) -> None:
        """Glue those together."""
        self._store = store
        self._keyring = keyring
        self._chain = chain
        self._deposits = deposits
        self._offload = offload
        self._clock = clock
        self._settings = settings
        self._worker = secrets.token_bytes(16)
        self._running = 0

    @property
    def reach(self) -> Reach:
        """Which servers may be fetched from."""
        return Reach(private=self._settings.private_servers)

    async def add(self, account_id: AccountId, source: Source, interval: timedelta) -> ObjectId:
        """Add an external account, once the server let us in.

        Raises:
            Refused: the server may not be connected to, or does not take these credentials; or
                LIMIT, the interval is too short.
            Transient: it cannot be reached now.
            Conflict: LIMIT, the account has as many as it may.
        """
        shortest = timedelta(seconds=self._settings.shortest_interval_seconds)
        if interval < shortest:
            raise Refused(
                Condition.LIMIT, f"mail is fetched every {shortest.seconds} seconds at most"
            )
        async with signed_in(source.server, self.reach, source.user, source.password):
            pass
        guard = (await self._keyring.account(account_id)).guard
        external_id = new_object_id()
        new = NewExternal(
            external_id,
            guard.seal(Kind.EXTERNAL_ACCOUNT, external_id, _written(source)),
            _guarded(guard, external_id, Outcome(None, True, "nothing was fetched yet")),
            int(interval.total_seconds()),
        )
        await self._record(Event.CREDENTIAL_ADDED, account_id, external_id)
        await self._store.externals.add(account_id, new, at_most=self._settings.per_account)
        return external_id

    async def listing(self, account_id: AccountId) -> list[ExternalAccount]:
        """List those of an account, the oldest first."""
        guard = (await self._keyring.account(account_id)).guard
        return [_shown(guard, row) for row in await self._store.externals.listing(account_id)]

    async def remove(self, account_id: AccountId, external_id: ObjectId) -> None:
        """Remove one with its credentials; the mail that came stays.

        Raises:
            Absent: NO_SUCH_CREDENTIAL.
        """
        guard = (await self._keyring.account(account_id)).guard
        await self._store.externals.remove(account_id, external_id, name_of(guard, external_id))
        await self._record(Event.CREDENTIAL_REMOVED, account_id, external_id)

    async def fetch(
        self, account_id: AccountId, external_id: ObjectId, watcher: Watcher | None = None
    ) -> Outcome:
        """Fetch from one now, due or not.

        Raises:
            Absent: NO_SUCH_CREDENTIAL.
            Conflict: CHANGED_MEANWHILE, another worker is at it.
        """
        until = self._clock.now() + LEASE
        row = await self._store.externals.lease(
            account_id, external_id, worker=self._worker, until=until
        )
        if row is None:
            raise Conflict(Condition.CHANGED_MEANWHILE, "mail is being fetched from it right now")
        return await self._fetch(row, watcher)

    async def begin_due(self, begin: Callable[[Coroutine[Any, Any, None]], object]) -> int:
        """Begin to fetch what is due, each in a task that `begin` starts; returns how many."""
        free = self._settings.at_once - self._running
        if free <= 0:
            return 0
        rows = await self._store.externals.lease_due(
            free, worker=self._worker, until=self._clock.now() + LEASE
        )
        for row in rows:
            begin(self._fetch_due(row))
        return len(rows)

    async def _fetch_due(self, row: ExternalRow) -> None:
        self._running += 1
        try:
            outcome = await self._fetch(row, None)
            log.info("fetched", messages=outcome.messages, ok=outcome.ok)
        except MailError as error:  # ours, not the other server's: it is due again after the lease
            log.warning("not fetched", condition=error.condition)
        finally:
            self._running -= 1

    async def _fetch(self, row: ExternalRow, watcher: Watcher | None) -> Outcome:
        """Fetch by a lease, write down how it went, and give the lease back."""
        opened = await self._keyring.account(row.account_id)
        try:
            outcome, unfinished = await self._outcome(row, opened, watcher)
        except asyncio.CancelledError:  # the server stops: whoever comes next may begin at once
            ended = Ended(row.result, row.failures, row.next_at)
            await self._store.externals.end(row, ended, worker=self._worker)
            raise
        failures = 0 if outcome.ok else row.failures + 1
        pause = min(timedelta(seconds=row.interval_seconds) * 2 ** min(failures, 20), LONGEST_PAUSE)
        if outcome.ok:
            pause = timedelta() if unfinished else timedelta(seconds=row.interval_seconds)
        result = _guarded(opened.guard, row.external_id, outcome)
        ended = Ended(result, failures, self._clock.now() + pause)
        await self._store.externals.end(row, ended, worker=self._worker)
        return outcome

    async def _outcome(
        self, row: ExternalRow, opened: OpenedRow, watcher: Watcher | None
    ) -> tuple[Outcome, bool]:
        """Fetch for a bounded time; returns how it went, and whether there is more."""
        now = self._clock.now()
        try:
            importing = await self._importing(row, opened, watcher)
        except MailError as error:
            return Outcome(now, False, error.text[:WORDS]), False
        try:
            async with asyncio.timeout(LONGEST.total_seconds()):
                await importing.run()
        except TimeoutError:
            messages = importing.report.messages
            return Outcome(now, True, _counted(messages) + " fetched so far", messages), True
        except MailError as error:
            return Outcome(now, False, error.text[:WORDS], importing.report.messages), False
        return Outcome(now, True, _summed(importing.report), importing.report.messages), False

    async def _importing(
        self, row: ExternalRow, opened: OpenedRow, watcher: Watcher | None
    ) -> Importing:
        account = await self._store.accounts.get(row.account_id)
        if account.state is not AccountState.ACTIVE:
            raise Locked(Condition.NOT_ACTIVE, "the account is not active")
        source = _read(opened.guard, row)
        away = _Away(opened.identity, opened.guard, account)
        return Importing(
            lambda: signed_in(source.server, self.reach, source.user, source.password),
            Arrivals.for_absent(away, self._store, self._deposits, self._offload),
            Wanted(
                source=name_of(opened.guard, row.external_id),
                only=source.mailboxes,
                into=Target(source.into) if source.into else None,
                delete=source.delete,
                again=True,
            ),
            watcher,
        )

    async def _record(self, event: Event, account_id: AccountId, external_id: ObjectId) -> None:
        await self._chain.record(
            event,
            actor=account_actor(account_id),
            account_id=account_id,
            facts={"kind": "external", "credential": external_id.hex()},
        )


def _summed(report: Report) -> str:
    words = _counted(report.messages) + " fetched"
    if not report.left_count:
        return words
    first = report.left[0]
    return f"{words}, {report.left_count} left behind; {first.where}, {first.what}: {first.why}"[
        :WORDS
    ]


def _counted(messages: int) -> str:
    return "1 message" if messages == 1 else f"{messages:,} messages"


def _written(source: Source) -> bytes:
    told = {
        "host": source.host,
        "port": source.port,
        "tls": source.tls.value,
        "user": source.user,
        "password": source.password.reveal().decode("utf-8", "surrogateescape"),
        "mailboxes": list(source.mailboxes),
        "into": source.into,
        "delete": source.delete,
    }
    return json.dumps(told).encode()


def _read(guard: AccountGuard, row: ExternalRow) -> Source:
    told = json.loads(guard.open(Kind.EXTERNAL_ACCOUNT, row.external_id, row.settings))
    return Source(
        host=told["host"],
        port=told["port"],
        tls=Tls(told["tls"]),
        user=told["user"],
        password=Plaintext(told["password"].encode("utf-8", "surrogateescape")),
        mailboxes=tuple(told["mailboxes"]),
        into=told["into"],
        delete=told["delete"],
    )


def _guarded(guard: AccountGuard, external_id: ObjectId, outcome: Outcome) -> Guarded:
    told = {
        "at": outcome.at.isoformat() if outcome.at else None,
        "ok": outcome.ok,
        "words": outcome.words,
        "messages": outcome.messages,
    }
    octets = json.dumps(told).encode()
    return guard.seal(Kind.EXTERNAL_RESULT, external_id, octets)


def _shown(guard: AccountGuard, row: ExternalRow) -> ExternalAccount:
    source = _read(guard, row)
    told = json.loads(guard.open(Kind.EXTERNAL_RESULT, row.external_id, row.result))
    at = datetime.fromisoformat(told["at"]) if told["at"] else None
    return ExternalAccount(
        id=row.external_id,
        host=source.host,
        port=source.port,
        tls=source.tls,
        user=source.user,
        mailboxes=source.mailboxes,
        into=source.into,
        delete=source.delete,
        interval=timedelta(seconds=row.interval_seconds),
        next_at=row.next_at,
        last=Outcome(at, told["ok"], told["words"], told["messages"]),
    )
