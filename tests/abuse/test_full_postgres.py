"""PostgreSQL's own disk fills up: refused for now, nothing lost, better by itself with room.

Full tables are an error of one statement. A full write-ahead log stops PostgreSQL altogether; then
somebody has to make room and start it again, and Zegel goes on by itself.
"""

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mailserver.store.store import Store
from tests.support import postgres
from tests.support.letters import Letters, doors, settled
from tests.support.server import Server
from tests.support.small_postgres import SmallPostgres, small_postgres
from tests.support.wire import Closed, RawWire

pytestmark = [
    pytest.mark.long,
    pytest.mark.timeout(300),
    pytest.mark.skipif(os.geteuid() != 0, reason="it mounts a disk, which takes root"),
]

LETTER = 12_000  # in a row; what is larger goes to files


@pytest.fixture
async def keystore() -> AsyncIterator[str]:
    """A keystore on an instance that has room."""
    server = postgres.server("keystore")
    url = await server.create_database()
    yield url
    await server.drop_database(url)


@contextmanager
def served(directory: Path, small: SmallPostgres, keystore: str) -> Iterator[Letters]:
    server = Server(directory, "--database", small.url, "--keystore", keystore, users=2)
    try:
        yield Letters(server.start())
        assert server.running
        assert server.stop() == 0
    finally:
        server.kill()
    assert "Traceback" not in server.words()


def until_refused(letters: Letters, lmtp: RawWire, mx: RawWire) -> set[bytes]:
    """Deliver until the disk refuses; return the beginnings of the refusals."""
    for _ in range(5_000):
        replies = {letters.send(lmtp, LETTER)[:9], letters.send(mx, LETTER)[:9]}
        if refused := {reply for reply in replies if not reply.startswith(b"250")}:
            return refused
    raise AssertionError("this disk does not fill")


async def assert_sound(small: SmallPostgres, letters: Letters) -> None:
    letters.assert_none_is_lost()
    store = await Store.open(small.url, letters.server.data / "blobs")
    try:
        assert await store.check() == []
    finally:
        await store.close()


async def test_full_tables_refuse_for_now_and_recover(tmp_path: Path, keystore: str) -> None:
    with small_postgres(megabytes=48, log=False) as small:
        if not small.mounted:
            pytest.skip("a mount namespace takes more rights here")
        small.create()
        small.start()
        await small.answering()
        await small.create_database()
        with served(tmp_path / "server", small, keystore) as letters:
            with doors(letters.server) as (lmtp, mx, imap):
                assert letters.send(mx, LETTER).startswith(b"250")
                small.fill()
                refused = until_refused(letters, lmtp, mx)
                refused |= {letters.send(wire, LETTER)[:9] for wire in (lmtp, mx)}
                assert refused == {b"452 4.3.1"}
                answer = letters.append(imap, LETTER)
                assert answer.startswith(
                    (b"a NO [UNAVAILABLE]", b"a NO [OVERQUOTA]", b"a NO [LIMIT]")
                )
                assert b"room" in answer
                assert imap.tagged(b"NOOP").startswith(b"t OK")
                letters.assert_the_same()  # reading goes on
                small.free()
                assert any(letters.send(lmtp, LETTER).startswith(b"250") for _ in settled())
                assert letters.send(mx, LETTER).startswith(b"250")
                assert letters.append(imap, LETTER).startswith(b"a OK")
            letters.assert_the_same()
            await assert_sound(small, letters)
            assert '"level":"error"' not in letters.server.words(), "a full disk is foreseen"
        assert small.running


async def test_a_full_write_ahead_log_loses_nothing_that_was_accepted(
    tmp_path: Path, keystore: str
) -> None:
    with small_postgres(megabytes=24, log=True) as small:
        if not small.mounted:
            pytest.skip("a mount namespace takes more rights here")
        small.create()
        small.start()
        await small.answering()
        await small.create_database()
        with served(tmp_path / "server", small, keystore) as letters:
            with doors(letters.server) as (lmtp, mx, imap):
                assert letters.send(mx, LETTER).startswith(b"250")
                small.fill()
                refused = until_refused(letters, lmtp, mx)
                refused |= {letters.send(wire, LETTER)[:9] for wire in (lmtp, mx)}
                assert {reply[:5] for reply in refused} <= {b"451 4", b"452 4"}
                assert letters.append(imap, LETTER).startswith(b"a NO [")
            for _ in settled():
                if not small.running:
                    break
            assert not small.running, "PostgreSQL does not go on without its log"
            small.free()
            small.start()  # as its supervisor would
            await small.answering()
            for _ in settled():
                try:
                    with doors(letters.server) as (lmtp, mx, imap):
                        if letters.send(lmtp, LETTER).startswith(b"250"):
                            assert letters.send(mx, LETTER).startswith(b"250")
                            assert letters.append(imap, LETTER).startswith(b"a OK")
                            break
                except (Closed, AssertionError):
                    continue
            else:
                pytest.fail("it does not go on by itself")
            await assert_sound(small, letters)
