"""A house whose alerts are read instead of sent, by a clock that stands still."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

from mailserver.app.alarms import Watch, watch
from mailserver.app.house import House, open_house
from mailserver.mail.parcels import Due
from mailserver.model.envelope import RemoteReply
from mailserver.operations.alerts import OVER_AFTER
from mailserver.operations.doctor.finding import Finding
from mailserver.runtime.clock import ManualClock
from mailserver.runtime.tls import create_self_signed
from tests.support.house import made, settings_in

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
MOMENT = timedelta(seconds=1)
IT, OFFICER, OTHER = "it@elsewhere.test", "officer@else.test", "other@away.test"
TAKEN = RemoteReply("taken", 250)

Told = list[tuple[str, str]]


class Desk:
    """A house, its watch, and what it wrote."""

    def __init__(self, house: House, clock: ManualClock) -> None:
        self.house = house
        self.clock = clock
        self.findings: list[Finding] = []
        self.letters: dict[str, EmailMessage] = {}
        self.watch: Watch = watch(house, examine=self.examine)
        house.outgoing.on_lost = self.watch.alerts.lost

    async def examine(self) -> list[Finding]:
        return list(self.findings)

    async def look(self, after: timedelta = MOMENT, *, arrive: bool = True) -> Told:
        """Look a while later; return what was told, by kind.

        What was written is in `letters`, by reader; else in the queue, where it does not `arrive`.
        """
        self.clock.advance(after)
        told: Told = [(one.kind.value, one.what) for one in await self.watch.look()]
        self.letters = {}
        for due, message in await self.waiting() if arrive else ():
            if message["Auto-Submitted"] is None:
                await self.house.outgoing.give_back([due])
                continue
            assert str(due.recipient.address) not in self.letters, "two letters of one look"
            self.letters[str(due.recipient.address)] = message
            await self.house.outgoing.delivered(due, TAKEN)
        return told

    async def over(self) -> Told:
        """Look at once, and again when what is gone has been gone for long enough."""
        assert await self.look() == []
        return await self.look(OVER_AFTER)

    async def waiting(self) -> list[tuple[Due, EmailMessage]]:
        """Lease what is in the queue."""
        found = []
        for due in await self.house.outgoing.due(100):
            octets = (await self.house.outgoing.content(due)).reveal()
            message = message_from_bytes(octets, policy=default)
            assert isinstance(message, EmailMessage)
            found.append((due, message))
        return found


@asynccontextmanager
async def desk_in(directory: Path, **settings: Any) -> AsyncIterator[Desk]:
    """Open a house with a certificate of today and people to write to."""
    wanted = {"alerts__to": [IT], "organisation__contact": OFFICER, "relay__enabled": True}
    made_of = settings_in(directory, **(wanted | settings))
    await made(made_of)
    certify(directory, NOW)
    clock = ManualClock(NOW)
    async with open_house(made_of, clock) as house:
        yield Desk(house, clock)


def certify(directory: Path, at: datetime) -> None:
    """Put a certificate of that day, for a year, in the place of what was there."""
    for name in ("certificate.pem", "key.pem"):
        (directory / "tls" / name).unlink(missing_ok=True)
    (directory / "tls").mkdir(exist_ok=True)
    certificate, key = directory / "tls" / "certificate.pem", directory / "tls" / "key.pem"
    create_self_signed(certificate, key, "localhost", now=at)
