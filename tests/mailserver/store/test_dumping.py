"""A dump has every row, and fills a database of either engine with them."""

from pathlib import Path
from typing import Any

import pytest

from mailserver.model.errors import Corrupt
from mailserver.store.dumping import dump, frames, load
from mailserver.store.engine import open_database
from mailserver.store.migrate import Which, head, migrate
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
