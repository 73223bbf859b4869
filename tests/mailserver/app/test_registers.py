"""The books of a whole server: regular work goes through, and a broken log is suspected once."""

from pathlib import Path

import pytest
from sqlalchemy import text

from mailserver.privacy.breach import Detector
from tests.support.house import add_person, house_in


@pytest.mark.long
async def test_t_br_3_a_log_that_somebody_altered_is_found_by_the_daily_look(
    tmp_path: Path,
) -> None:
    async with house_in(tmp_path) as house:
        await add_person(house, "noor")
        books = house.books
        for work in (books.retention.tend, books.scrubber.tend, books.suspicions.look):
            await work()
        assert await books.breaches.remind() == []
        assert await books.verify_log()
        assert await books.breaches.listing() == []
        change = text("UPDATE audit SET event = 'other' WHERE seq = 2")
        await house.store.database.write(lambda connection: connection.execute(change))
        for _ in range(2):
            assert not await books.verify_log()
        (found,) = await books.breaches.listing()
        assert (found.detector, found.occurrences) == (Detector.AUDIT, ("edited at entry 2",))
