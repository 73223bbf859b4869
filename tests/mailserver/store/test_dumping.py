"""A dump has every row, and fills a database of either engine with them."""

from pathlib import Path
from typing import Any

import pytest

from mailserver.model.errors import Corrupt, Misconfigured
from mailserver.store.dumping import dump, frames, load
from mailserver.store.engine import open_database
from mailserver.store.migrate import (
    Which,
    begin_restore,
    end_restore,
    head,
    migrate,
    require_current,
    settle_schema,
)
from mailserver.store.store import Store
from tests.support.store import build


async def dumped(store: Store) -> list[bytes]:
    pieces: list[bytes] = []
    revision, counts = await dump(store.database, Which.MAIN, pieces.append)
    assert revision == head(Which.MAIN)
    assert counts["mailboxes"] >= 1
    return pieces


async def test_what_was_dumped_is_loaded_on_another_engine(store: Store, tmp_path: Path) -> None:
    await build(store)
    pieces = await dumped(store)
    url = f"sqlite:///{tmp_path / 'again.sqlite3'}"
    await migrate(url, Which.MAIN)
    other = await open_database(url)
    try:
        await load(other, Which.MAIN, frames(pieces))
        again: list[bytes] = []
        await dump(other, Which.MAIN, again.append)
        assert again == pieces
        await load(other, Which.MAIN, frames(pieces))  # what was there goes
    finally:
        await other.close()


async def test_a_dump_that_is_cut_or_altered_is_refused(store: Store, tmp_path: Path) -> None:
    await build(store)
    whole = b"".join(await dumped(store))
    url = f"sqlite:///{tmp_path / 'again.sqlite3'}"
    await migrate(url, Which.MAIN)
    other = await open_database(url)
    parsed = list(frames([whole]))
    rows = next(n for n, each in enumerate(parsed) if each[0] == "rows")
    bad: list[list[list[Any]]] = [
        parsed[:-1],
        parsed[:rows] + parsed[rows + 1 :],
        [*parsed, ["table", "emails", ["account_id"]]],
        [["rows", [[1]]], *parsed],
        [["table", "sqlite_master", ["sql"]], *parsed],
        [["table", "emails", ["no_such_column"]], *parsed],
        [["nothing"], *parsed],
    ]
    try:
        for each in bad:
            with pytest.raises(Corrupt):
                await load(other, Which.MAIN, each)
    finally:
        await other.close()
    for octets in (whole[:-1], b"\xff\xff\xff\xff", b"\0\0\0\1\xc1"):
        with pytest.raises(Corrupt):
            list(frames([octets]))


OLD = "0010"


async def test_a_dump_of_an_older_schema_is_brought_up_to_date(tmp_path: Path) -> None:
    database = await open_database(f"sqlite:///{tmp_path / 'again.sqlite3'}")
    row: list[Any] = [["table", "domains", ["name", "created_at"]], ["rows", [["example.test", 1]]]]
    try:
        with pytest.raises(Misconfigured, match="newer version"):
            await begin_restore(database, Which.MAIN, "9999")
        await begin_restore(database, Which.MAIN, OLD)
        assert await load(database, Which.MAIN, [*row, ["end", {"domains": 1}]]) == {"domains": 1}
        await settle_schema(database, Which.MAIN, OLD)
        with pytest.raises(Misconfigured, match="not restored to the end"):
            await require_current(database, Which.MAIN)
        await end_restore(database, Which.MAIN)
        await require_current(database, Which.MAIN)
        _, counts = await dump(database, Which.MAIN, lambda _: None)
        assert counts["domains"] == 1
        with pytest.raises(Misconfigured, match="empty place"):
            await begin_restore(database, Which.MAIN, OLD)
    finally:
        await database.close()
