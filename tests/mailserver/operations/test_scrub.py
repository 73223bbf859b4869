"""The scrubber: a flipped bit is found without a key, a walk goes on where it stopped."""

import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from mailserver.operations import scrub
from mailserver.operations.scrub import EVERY, Scrubber, named
from mailserver.privacy.breach import Detector
from mailserver.runtime.clock import ManualClock
from mailserver.store.checksums import BEGINNING, Checksums, Position, Walked
from tests.support.books import books_of
from tests.support.mail import MailNode, append, letter, open_mail


@pytest.fixture
async def mail(mail_url: str, keystore_url: str, tmp_path: Path) -> AsyncIterator[MailNode]:
    async with open_mail(mail_url, keystore_url, tmp_path, ManualClock()) as node:
        yield node


async def fill(mail: MailNode, letters: int = 3) -> None:
    account = await mail.account()
    await append(account, *(letter(str(n), body=f"number {n}") for n in range(letters)))


async def execute(mail: MailNode, statement: str, **values: object) -> None:
    database = mail.node.store.database
    await database.write(lambda connection: connection.execute(text(statement), values))


async def flip(mail: MailNode, blob: int) -> None:
    query = text("SELECT data FROM blobs WHERE blob_id = :blob")
    database = mail.node.store.database
    data = await database.read(lambda c: c.execute(query, {"blob": blob}).scalar_one())
    forged = data[:-1] + bytes([data[-1] ^ 1])
    update = "UPDATE blobs SET data = :data WHERE blob_id = :blob"
    await execute(mail, update, data=forged, blob=blob)


async def test_sound_mail_is_walked_through_whole(mail: MailNode) -> None:
    await fill(mail)
    found = await books_of(mail.node).scrubber.run()
    assert (found.objects, found.damages) == (3, ())
    assert found.octets > 0


async def test_t_br_3_a_flipped_bit_opens_one_suspicion(mail: MailNode) -> None:
    await fill(mail)
    await flip(mail, 2)
    books = books_of(mail.node)
    for _ in range(2):
        (damage,) = (await books.scrubber.run()).damages
        assert (damage.blob_id, damage.lost) == (2, False)
    (breach,) = await books.breaches.listing()
    assert breach.detector is Detector.SCRUB
    assert breach.occurrences == (named(damage),)
    (line,) = [str(found.what) for found in await mail.node.store.check()]
    assert breach.occurrences[0].endswith(line)  # `zegel check` says the same words


async def test_a_lost_file_is_found_and_an_expunged_one_is_not(mail: MailNode) -> None:
    account = await mail.account()
    await append(account, *(letter(body=secrets.token_hex(150_000)) for _ in range(2)))
    store = mail.node.store
    for object_id in store.blob_store.stored():
        store.blob_store.delete(object_id)
    assert len((await books_of(mail.node).scrubber.run()).damages) == 2
    await execute(mail, "DELETE FROM blobs WHERE blob_id = 1")
    assert len((await books_of(mail.node).scrubber.run()).damages) == 1


@pytest.mark.long
async def test_a_walk_goes_on_where_it_stopped_and_begins_anew_a_day_later(
    mail: MailNode,
) -> None:
    await fill(mail)
    checksums, clock = Stepwise(mail.node.store.checksums), mail.node.clock
    mark: dict[str, Any] = {}

    async def load() -> dict[str, Any]:
        return dict(mark)

    async def save(new: dict[str, Any]) -> None:
        mark.update(new)

    async def tell(_objects: list[str]) -> None:
        raise AssertionError("nothing is damaged")

    scrubber = Scrubber(checksums, clock, load=load, save=save, tell=tell)
    checksums.dies_after = 2
    with pytest.raises(InterruptedError):
        await scrubber.tend()
    assert (mark["done"], mark["blob"]) == (False, 2)
    assert checksums.seen == [BEGINNING.blob_id, 1]
    checksums.dies_after = 100
    walked = await Scrubber(checksums, clock, load=load, save=save, tell=tell).tend()
    assert walked is not None
    assert (walked.objects, mark["done"]) == (1, True)
    assert await scrubber.tend() is None
    clock.advance(EVERY)
    again = await scrubber.tend()
    assert again is not None
    assert again.objects == 3


class Stepwise(Checksums):
    """Looks at one blob a step, and dies after some steps, as a process may."""

    def __init__(self, real: Checksums) -> None:
        self._real = real
        self.dies_after = 100
        self.seen: list[int] = []

    async def walk(self, behind: Position, limit: int) -> Walked:
        if len(self.seen) >= self.dies_after:
            raise InterruptedError
        self.seen.append(behind.blob_id)
        return await self._real.walk(behind, min(limit, 1))


def test_the_walk_is_slow() -> None:
    assert scrub.STEP / scrub.REST.total_seconds() <= 400
