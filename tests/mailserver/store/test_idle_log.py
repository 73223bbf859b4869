"""SQLite's write-ahead log: an idle writer empties it, and is never in anybody's way."""

import asyncio
import threading
from pathlib import Path

from sqlalchemy import Connection

from mailserver.store.driver import Sql, fetch, run
from mailserver.store.engine import Database, open_database
from mailserver.store.sqlite import IDLE_SECONDS

INSERT = Sql("INSERT INTO notes (id) VALUES (?)")
ALL = Sql("SELECT id FROM notes ORDER BY id")


async def opened(path: Path) -> Database:
    database = await open_database(f"sqlite:///{path}")
    await database.write(lambda c: c.exec_driver_sql("CREATE TABLE notes (id INTEGER)"))
    return database


async def note(database: Database, number: int) -> None:
    await database.write(lambda c: run(c, INSERT, (number,)))


async def size(path: Path) -> int:
    return (await asyncio.to_thread(path.stat)).st_size


async def until_empty(path: Path) -> None:
    async with asyncio.timeout(30):
        while await size(path):  # noqa: ASYNC110 - a file tells nobody
            await asyncio.sleep(0.02)


async def test_an_idle_writer_empties_the_log(tmp_path: Path) -> None:
    database, log = await opened(tmp_path / "a.db"), tmp_path / "a.db-wal"
    await until_empty(log)
    sizes = []
    for number in range(3):
        await note(database, number)
        sizes.append(await size(log))
        await until_empty(log)
    assert (
        max(sizes) > 0
    )  # looked at before it was emptied; in other rounds that may have come first
    assert await database.read(lambda c: fetch(c, ALL)) == [(0,), (1,), (2,)]
    await database.close()


async def test_a_log_that_somebody_reads_waits_and_holds_up_no_write(tmp_path: Path) -> None:
    database, log = await opened(tmp_path / "a.db"), tmp_path / "a.db-wal"
    begun, may_end = threading.Event(), threading.Event()

    def read_long(connection: Connection) -> int:
        count = len(fetch(connection, ALL))
        begun.set()
        may_end.wait(30)
        return count + len(fetch(connection, ALL))

    reading = asyncio.create_task(database.read(read_long))
    await asyncio.to_thread(begun.wait)
    async with asyncio.timeout(30):
        for number in range(3):
            await note(database, number)
            await asyncio.sleep(IDLE_SECONDS * 2)
            assert await size(log) > 0
    may_end.set()
    assert await reading == 0
    await until_empty(log)
    assert await database.read(lambda c: fetch(c, ALL)) == [(0,), (1,), (2,)]
    await database.close()
