"""Telling of changes in order, also of those that another process made (PostgreSQL LISTEN/NOTIFY).

On SQLite there is one process: a change is told as its commit returns, and nothing here is used.
On PostgreSQL each process says `node account modseq` soon after its commits, a hundred times a
second at most and once for each account. Not with the commit: PostgreSQL lets one transaction that
notifies commit at a time, and that would undo group commit on several lanes (ADR 10).

MODSEQs of an account have no gaps, so that order is easy to keep: a change that follows the last
one told is told at once; if one is missing, those in between are made again from the change log
first; what was told already is not told twice. A process that dies between a commit and its news,
or a connection that is lost, costs a delay and nothing else: whatever is followed is looked up
every `LOOK_SECONDS`, and after each reconnection.

Only accounts that somebody here watches are followed (`watched`), for others' news nobody asks.
"""

import asyncio
import secrets
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from mailserver.model.errors import Condition, MailError, Transient
from mailserver.model.ids import AccountId, ModSeq
from mailserver.store.changes import AccountChange, counters
from mailserver.store.driver import Lookup, Sql
from mailserver.store.faults import translated
from mailserver.store.log import rebuild
from mailserver.store.postgres import PostgresDatabase

CHANNEL = "zegel_changes"
START_SECONDS = 15.0
RECONNECT_SECONDS = 1.0
BATCH_SECONDS = 0.01  # news of that long go together
LOOK_SECONDS = 10.0  # how late news may be whose teller died, or that a silent connection lost
LAST_WORD_SECONDS = 2.0
PENDING = 10_000  # news that wait; when more come, everything followed is caught up instead

Tell = Callable[[AccountChange], None]
Watched = Callable[[AccountId], bool]

_NOTIFY = Sql(f"SELECT pg_notify('{CHANNEL}', news) FROM unnest(?::text[]) AS t(news)")  # noqa: S608
_STATES = Lookup("account_id, modseq", "accounts", [("account_id", "bytea")])


class Notifier:
    """Tells each watched account's changes once and in MODSEQ order, whoever made them."""

    def __init__(self, database: PostgresDatabase, tell: Tell, watched: Watched) -> None:
        """Tell `tell` of changes in accounts for which `watched` is true."""
        self._database = database
        self._tell = tell
        self._watched = watched
        self._last: dict[AccountId, ModSeq] = {}
        self._behind: dict[AccountId, ModSeq] = {}
        self._unsaid: dict[AccountId, ModSeq] = {}
        self._missed = False
        self._wake = asyncio.Event()
        self._speak = asyncio.Event()
        self._silent = asyncio.Event()
        self._silent.set()
        self._listening = asyncio.Event()
        self._node = secrets.token_hex(8)
        self._running: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to listen; returns when nothing can be missed any more.

        Raises:
            Transient: UNAVAILABLE, the database does not answer.
        """
        # Like the lanes' task, this one belongs to the object, and close() waits for its end.
        self._running = asyncio.create_task(self._run(), name="store-notify")
        try:
            async with asyncio.timeout(START_SECONDS):
                await self._listening.wait()
        except TimeoutError as late:
            await self.close()
            raise Transient(Condition.UNAVAILABLE, "the store is not available") from late

    async def close(self) -> None:
        """Say what is unsaid and stop listening; raises what ended the listening, were it a bug."""
        if self._running is None:
            return
        with suppress(TimeoutError):  # the others look for themselves, after a while
            async with asyncio.timeout(LAST_WORD_SECONDS):
                await self._silent.wait()
        self._running.cancel()
        with suppress(asyncio.CancelledError):
            await self._running

    async def follow(self, account_id: AccountId) -> None:
        """Tell every change of a watched account that commits after this returns.

        Else the first change heard of would be the first told: one of this process could pass, and
        so hide, an older one of another process.

        Raises:
            Absent: NO_SUCH_USER.
            Transient: the database does not answer.
        """
        if account_id not in self._last:
            query = partial(counters, account_id=account_id)
            modseq, _ = await self._database.read(query, snapshot=False)
            self._last.setdefault(account_id, modseq)

    def committed(self, change: AccountChange) -> None:
        """Tell of a change that this process committed, now if none before it is missing."""
        account_id, modseq = change.account_id, change.modseq
        self._say(account_id, modseq)
        if not self._follows(account_id):
            return
        last = self._last.setdefault(account_id, ModSeq(modseq - 1))
        if account_id in self._behind or modseq > last + 1:
            self._catch_up(account_id, modseq)
        elif modseq == last + 1:
            self._told(change)

    def _say(self, account_id: AccountId, modseq: ModSeq) -> None:
        """Have the other processes told, of the account's newest change alone."""
        if account_id in self._unsaid or len(self._unsaid) < PENDING:  # else they look themselves
            self._unsaid[account_id] = modseq
        self._silent.clear()
        self._speak.set()

    def _follows(self, account_id: AccountId) -> bool:
        """Say whether somebody watches; forget where the account stood if nobody does."""
        if self._watched(account_id):
            return True
        self._last.pop(account_id, None)
        self._behind.pop(account_id, None)
        return False

    def _told(self, change: AccountChange) -> None:
        self._last[change.account_id] = change.modseq
        self._tell(change)

    def _catch_up(self, account_id: AccountId, modseq: ModSeq) -> None:
        """Have the task read the log up to `modseq`."""
        if len(self._behind) >= PENDING:
            self._missed = True
        else:
            self._behind[account_id] = max(modseq, self._behind.get(account_id, modseq))
        self._wake.set()

    def _heard(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        """Take one notification; runs on the event loop."""
        node, owner, number = str(payload).split(" ")
        account_id, modseq = AccountId(bytes.fromhex(owner)), ModSeq(int(number))
        if node == self._node or not self._follows(account_id):
            return
        last = self._last.setdefault(account_id, ModSeq(modseq - 1))
        if modseq > last:
            self._catch_up(account_id, modseq)

    async def _run(self) -> None:
        """Listen for ever, over as many connections as it takes."""
        while True:
            try:
                await self._listen()
            except* Exception as errors:  # noqa: BLE001 (the database comes back; bugs are raised)
                _raise_bugs(errors)
            self._missed = True
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _listen(self) -> None:
        """Listen on one connection until it breaks."""
        engine: AsyncEngine = self._database.engine
        async with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
            driver: Any = (await connection.get_raw_connection()).driver_connection
            await driver.add_listener(CHANNEL, self._heard)
            driver.add_termination_listener(self._broken)
            self._listening.set()
            try:
                async with asyncio.TaskGroup() as tasks:
                    following = tasks.create_task(self._keep_up())
                    while not driver.is_closed():
                        await self._speak_up(connection)
                    following.cancel()
            finally:
                driver.remove_termination_listener(self._broken)
                await connection.invalidate()  # nobody else may get a connection that listens

    def _broken(self, _connection: object) -> None:
        self._speak.set()

    async def _speak_up(self, connection: AsyncConnection) -> None:
        """Wait for something to say and say it; a connection that is long silent is probed."""
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                await self._speak.wait()
        except TimeoutError:
            await connection.exec_driver_sql("SELECT 1")
            return
        self._speak.clear()
        said = dict(self._unsaid)
        if said:
            news = [f"{self._node} {owner.hex()} {modseq}" for owner, modseq in said.items()]
            await connection.exec_driver_sql(_NOTIFY.postgres, (news,))
        for account_id, modseq in said.items():
            if self._unsaid[account_id] == modseq:
                del self._unsaid[account_id]
        if not self._unsaid:
            self._silent.set()
        await asyncio.sleep(BATCH_SECONDS)

    async def _keep_up(self) -> None:
        """Catch up with what is behind, now and again with everything that is followed."""
        loop = asyncio.get_running_loop()
        look_at = loop.time() + LOOK_SECONDS
        while True:
            if self._missed or loop.time() >= look_at:
                self._missed = False
                look_at = loop.time() + LOOK_SECONDS
                await self._look_up()
            while self._behind:
                account_id, until = next(iter(self._behind.items()))
                await self._replay(account_id, until)
            if self._missed:
                continue
            self._wake.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout_at(look_at):
                    await self._wake.wait()

    async def _look_up(self) -> None:
        """Ask how far the followed accounts are; one that was deleted is followed no more."""
        followed = [owner for owner in tuple(self._last) if self._follows(owner)]
        if not followed:
            return
        keys = [(owner,) for owner in followed]
        rows = await self._database.read(lambda c: _STATES.rows(c, keys), snapshot=False)
        states = {AccountId(owner): ModSeq(modseq) for owner, modseq in rows}
        for owner in followed:
            if owner not in states:
                self._last.pop(owner, None)
            elif states[owner] > self._last.get(owner, states[owner]):
                self._catch_up(owner, states[owner])

    async def _replay(self, account_id: AccountId, until: ModSeq) -> None:
        """Tell what the log says after the last change told."""
        after = self._last.get(account_id)
        if after is not None and after < until:
            query = partial(rebuild, account_id=account_id, after=after, until=until)
            for change in await self._database.read(query):
                if change.modseq > self._last.get(account_id, after):
                    self._told(change)
            self._last[account_id] = max(until, self._last.get(account_id, until))
        if self._behind.get(account_id, until) <= until:
            self._behind.pop(account_id, None)


def _raise_bugs(errors: BaseExceptionGroup[Exception]) -> None:
    """Raise what is neither ours nor a fault of the database."""
    _, bugs = errors.split(lambda error: isinstance(error, MailError) or bool(translated(error)))
    if bugs is not None:
        raise bugs
