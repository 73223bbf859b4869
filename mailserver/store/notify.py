"""Telling of changes in order, also of those that another process made (PostgreSQL LISTEN/NOTIFY).

On SQLite there is one process: a change is told as its commit returns, and nothing here is used.
On PostgreSQL each transaction sends `node account modseq`, delivered at its commit. MODSEQs of an
account have no gaps, so that order is easy to keep: a change that follows the last one told is
told at once; if one is missing, those in between are made again from the change log first; what
was told already is not told twice. After a lost connection, the log says what was missed.

Only accounts that somebody here watches are followed (`watched`), for others' news nobody asks.
"""

import asyncio
import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from mailserver.model.errors import Absent, Condition, MailError, Transient
from mailserver.model.ids import AccountId, ModSeq
from mailserver.store.changes import AccountChange, counters
from mailserver.store.driver import Sql, fetch
from mailserver.store.faults import translated
from mailserver.store.log import rebuild
from mailserver.store.postgres import PostgresDatabase

CHANNEL = "zegel_changes"
START_SECONDS = 15.0
RECONNECT_SECONDS = 1.0
PROBE_SECONDS = 20.0  # how long a silently dead connection can go unnoticed
PENDING = 10_000  # news that wait; when more come, everything followed is caught up instead

Tell = Callable[[AccountChange], None]
Watched = Callable[[AccountId], bool]

_NOTIFY = Sql(f"SELECT pg_notify('{CHANNEL}', news) FROM unnest(?::text[]) AS t(news)")  # noqa: S608


class Notifier:
    """Tells each watched account's changes once and in MODSEQ order, whoever made them."""

    def __init__(self, database: PostgresDatabase, tell: Tell, watched: Watched) -> None:
        """Tell `tell` of changes in accounts for which `watched` is true."""
        self._database = database
        self._tell = tell
        self._watched = watched
        self._last: dict[AccountId, ModSeq] = {}
        self._behind: dict[AccountId, ModSeq] = {}
        self._missed = False
        self._wake = asyncio.Event()
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
        """Stop listening; raises what ended the listening, were it a bug."""
        if self._running is None:
            return
        self._running.cancel()
        with suppress(asyncio.CancelledError):
            await self._running

    def announce(self, connection: Connection, changes: Sequence[AccountChange]) -> None:
        """Send news of `changes` with the commit of the transaction they were made in."""
        news = [f"{self._node} {c.account_id.hex()} {c.modseq}" for c in changes]
        fetch(connection, _NOTIFY, (news,))

    def follow(self, account_id: AccountId, modseq: ModSeq) -> None:
        """Take it that everything up to `modseq` is known here, where nothing was told yet."""
        self._last.setdefault(account_id, modseq)

    def committed(self, change: AccountChange) -> None:
        """Tell of a change that this process committed, now if none before it is missing."""
        account_id, modseq = change.account_id, change.modseq
        if not self._follows(account_id):
            return
        last = self._last.setdefault(account_id, ModSeq(modseq - 1))
        if account_id in self._behind or modseq > last + 1:
            self._catch_up(account_id, modseq)
        elif modseq == last + 1:
            self._told(change)

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
            except Exception as error:  # the database comes back, and until then nothing is told
                if not isinstance(error, MailError) and translated(error) is None:
                    raise
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
                while not driver.is_closed():
                    await self._serve(connection)
            finally:
                driver.remove_termination_listener(self._broken)
                await connection.invalidate()  # nobody else may get a connection that listens

    def _broken(self, _connection: object) -> None:
        self._wake.set()

    async def _serve(self, connection: AsyncConnection) -> None:
        """Catch up with what is behind, then wait for more; a silent connection is probed."""
        if self._missed:
            self._missed = False
            for account_id in [owner for owner in self._last if self._follows(owner)]:
                await self._look_up(account_id)
        while self._behind:
            account_id, until = next(iter(self._behind.items()))
            await self._replay(account_id, until)
        self._wake.clear()
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                await self._wake.wait()
        except TimeoutError:
            await connection.exec_driver_sql("SELECT 1")

    async def _look_up(self, account_id: AccountId) -> None:
        """Ask how far an account is that was followed while nothing was heard."""
        try:
            now, _ = await self._database.read(partial(counters, account_id=account_id))
        except Absent:
            self._last.pop(account_id, None)  # it was deleted meanwhile
        else:
            self._behind[account_id] = now

    async def _replay(self, account_id: AccountId, until: ModSeq) -> None:
        """Tell what the log says after the last change told."""
        after = self._last.get(account_id)
        if after is not None and after < until:
            query = partial(rebuild, account_id=account_id, after=after, until=until)
            for change in await self._database.read(query):
                self._told(change)
            self._last[account_id] = max(until, self._last.get(account_id, until))
        if self._behind.get(account_id, until) <= until:
            self._behind.pop(account_id, None)
