"""A slow walk through everything stored, once a night: is each sealed object what was stored?

No key is needed, so it sees nothing; a flipped bit is found while a backup still has the letter,
and not when its reader wants it. It goes on where it stopped, rests between steps so that mail does
not wait for it, and begins anew a day after it began.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from mailserver.model.ids import AccountId
from mailserver.runtime.clock import Clock
from mailserver.runtime.log import get_logger
from mailserver.store.check import ALTERED, LOST
from mailserver.store.checksums import BEGINNING, Checksums, Damage, Position

EVERY = timedelta(days=1)
STEP = 100
"""Blobs looked at in one go."""
REST = timedelta(milliseconds=250)
"""Between two steps: 400 letters a second at the most."""
NAMED = 1_000
"""Damaged objects that one walk returns; the register is told of all."""

Load = Callable[[], Awaitable[dict[str, Any]]]
Save = Callable[[dict[str, Any]], Awaitable[None]]
Tell = Callable[[list[str]], Awaitable[None]]

log = get_logger("scrub")


@dataclass(frozen=True, slots=True)
class Scrubbed:
    """What a walk looked at."""

    objects: int
    octets: int
    damages: tuple[Damage, ...]


class Scrubber:
    """The walk."""

    def __init__(
        self, checksums: Checksums, clock: Clock, *, load: Load, save: Save, tell: Tell
    ) -> None:
        """Walk through `checksums`.

        Args:
            checksums: the stored objects.
            clock: says when a day is over.
            load: returns what `save` was given last, or nothing.
            save: keeps how far the walk has come.
            tell: is told of damaged objects, by their numbers.
        """
        self._checksums = checksums
        self._clock = clock
        self._load = load
        self._save = save
        self._tell = tell

    async def tend(self) -> Scrubbed | None:
        """Walk on where the last walk stopped, or begin one that is due; None: none is.

        Raises:
            Transient: an object cannot be read now; the walk goes on there the next time.
        """
        mark = await self._load()
        now = self._clock.now()
        begun = datetime.fromisoformat(mark["begun"]) if mark else None
        if begun is not None and mark["done"] and now - begun < EVERY:
            return None
        behind = BEGINNING
        if begun is None or mark["done"]:
            begun = now
        else:
            behind = Position(AccountId(bytes.fromhex(mark["account"])), mark["blob"])
        return await self._walk(begun, behind, REST)

    async def run(self) -> Scrubbed:
        """Walk through everything now, without rests; regular walks are as they were."""
        return await self._walk(None, BEGINNING, timedelta())

    async def _walk(self, begun: datetime | None, behind: Position, rest: timedelta) -> Scrubbed:
        objects = octets = 0
        damages: list[Damage] = []
        while True:
            step = await self._checksums.walk(behind, STEP)
            objects, octets = objects + step.looked_at, octets + step.octets
            damages = [*damages, *step.damages][:NAMED]
            if step.damages:
                log.error("stored objects are damaged", objects=len(step.damages))
                await self._tell([named(damage) for damage in step.damages])
            if begun is not None:
                await self._save(_mark(begun, step.behind))
            if step.behind is None:
                return Scrubbed(objects, octets, tuple(damages))
            behind = step.behind
            await asyncio.sleep(rest.total_seconds())


def named(damage: Damage) -> str:
    """Name a damaged object by its numbers."""
    what = LOST if damage.lost else ALTERED
    return f"account {damage.account_id.hex()}: blob {damage.blob_id}: {what}"


def _mark(begun: datetime, behind: Position | None) -> dict[str, Any]:
    account, blob = ("", 0) if behind is None else (behind.account_id.hex(), behind.blob_id)
    return {
        "begun": begun.isoformat(),
        "done": behind is None,
        "account": account,
        "blob": blob,
    }
