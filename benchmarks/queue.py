"""The outgoing queue by itself: handing over, and picking from queues of different lengths.

    python -m benchmarks.queue [--database URL] [--sizes 1000,10000,100000]

Prints one JSON document. `pick` is `Outgoing.due(100)` with its leases durable and its rows
opened; nine of ten rows go to one domain, so that picking meets both a crowd and the many.
`--database` names an empty PostgreSQL database; without it a new SQLite file is used.
"""

import argparse
import asyncio
import json
import secrets
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from mailserver.crypto.aead import Aead
from mailserver.mail.outgoing import Due, Origin, Outgoing, Parcel
from mailserver.model.address import Address
from mailserver.model.envelope import Envelope, Onward, RemoteReply
from mailserver.model.errors import Absent, Condition
from mailserver.model.ids import AccountId
from mailserver.model.sealed import Plaintext
from mailserver.runtime.clock import SystemClock
from mailserver.runtime.log import configure
from mailserver.runtime.offload import Offload
from mailserver.store.store import Store
from mailserver.vault.guard import AccountGuard, InstanceGuard

PICK = 100
ROUNDS = 8
PRODUCERS = 32
ENQUEUES = 6_400
MESSAGE = (
    b"Subject: hello\r\n\r\n" + b"All work and no play makes Jack a dull boy.\r\n" * 90
)  # 4 KB
SENDER = Envelope(Address("ann", "zegel.test"))
BUSY = RemoteReply("try again later", 450, "4.2.0", "mx.there.test")
TAKEN = RemoteReply("ok", 250, "2.0.0", "mx.there.test")
CROWD = "crowd.test"
OTHERS = 100
PER_DESTINATION = 1_000  # so that every pick finds its hundred


async def _nobody(_: AccountId) -> AccountGuard:
    raise Absent(Condition.NO_SUCH_USER)


@asynccontextmanager
async def queue(url: str, directory: Path) -> AsyncIterator[tuple[Outgoing, Origin]]:
    """Open an empty queue; its mail is the instance's."""
    store = await Store.open(url, directory / "blobs", migrate=True)
    store.queue.per_destination = PER_DESTINATION
    offload = Offload(2)
    key = secrets.token_bytes(32)
    guard = InstanceGuard({1: Aead(key)}, 1, bytearray(key))
    try:
        yield Outgoing(store, _nobody, guard, SystemClock(), offload), Origin(None, guard)
    finally:
        await store.close()
        offload.close()


def parcel(origin: Origin, domains: Sequence[str], *, later: timedelta | None = None) -> Parcel:
    """Make one submission."""
    release = None if later is None else SystemClock().now() + later
    to = [Onward(Address(f"user{n}", domain)) for n, domain in enumerate(domains)]
    return Parcel(origin, SENDER, Plaintext(MESSAGE), to, release)


async def fill(outgoing: Outgoing, origin: Origin, rows: int) -> None:
    """Queue `rows` recipients, a hundred to a message."""
    domains = [CROWD if n % 10 else f"other{n // 10 % OTHERS}.test" for n in range(rows)]
    groups = [domains[n : n + PICK] for n in range(0, rows, PICK)]
    for n in range(0, len(groups), PRODUCERS):
        some = groups[n : n + PRODUCERS]
        await asyncio.gather(*(outgoing.enqueue(parcel(origin, group)) for group in some))


def milliseconds(took: Sequence[float]) -> dict[str, float]:
    """Return the middle and the worst, in milliseconds."""
    ordered = sorted(took)
    return {
        "p50_ms": round(statistics.median(ordered) * 1_000, 2),
        "p99_ms": round(ordered[int(len(ordered) * 0.99)] * 1_000, 2),
    }


async def timed(work: Callable[[], Awaitable[object]]) -> float:
    """Return the seconds that `work` takes."""
    begun = time.perf_counter()
    await work()
    return time.perf_counter() - begun


async def picking(outgoing: Outgoing) -> dict[str, object]:
    """Measure picks, and what is said of the rows after them."""
    picks, settles, found = [], [], 0
    for round_ in range(ROUNDS):
        dues: list[Due] = []

        async def pick(into: list[Due] = dues) -> None:
            into += await outgoing.due(PICK)

        picks.append(await timed(pick))
        found += len(dues)
        if round_ % 2:
            words = [outgoing.deferred(due, BUSY) for due in dues]
        else:
            words = [outgoing.delivered(due, TAKEN) for due in dues]  # type: ignore[misc]
        settles.append(await timed(lambda: asyncio.gather(*words)))  # noqa: B023
    return {
        "rows_per_pick": found // ROUNDS,
        "pick": milliseconds(picks),
        "settle_rows_per_s": round(found / sum(settles)),
    }


async def enqueuing(outgoing: Outgoing, origin: Origin) -> dict[str, object]:
    """Measure submissions of one recipient each, durable one by one, from many producers."""
    left = iter(range(ENQUEUES))

    async def produce() -> None:
        for n in left:
            domains = [f"other{n % OTHERS}.test"]
            await outgoing.enqueue(parcel(origin, domains, later=timedelta(hours=1)))

    took = await timed(lambda: asyncio.gather(*(produce() for _ in range(PRODUCERS))))
    return {"producers": PRODUCERS, "per_s": round(ENQUEUES / took)}


async def idle(outgoing: Outgoing) -> dict[str, float]:
    """Measure picks that find nothing: what a quiet server with a long queue does all day."""
    return milliseconds([await timed(lambda: outgoing.due(PICK)) for _ in range(ROUNDS)])


async def measure(database: str, sizes: Sequence[int]) -> dict[str, object]:
    """Measure at each size, the smallest first, on one growing queue."""
    figures: dict[str, object] = {}
    with tempfile.TemporaryDirectory(prefix="zegel-queue-") as name:
        directory = Path(name)
        url = database or f"sqlite:///{directory / 'queue.db'}"
        async with queue(url, directory) as (outgoing, origin):
            figures["enqueue"] = await enqueuing(outgoing, origin)
            figures["nothing_due"] = {str(ENQUEUES): await idle(outgoing)}
            filled = 0
            for size in sizes:
                await fill(outgoing, origin, size - filled)
                filled = size
                figures[f"queue_{size}"] = await picking(outgoing)
    return figures


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", default="")
    parser.add_argument("--sizes", default="1000,10000,100000")
    given = parser.parse_args()
    configure(level="warning")
    sizes = [int(size) for size in given.sizes.split(",")]
    print(json.dumps(asyncio.run(measure(given.database, sizes)), indent=1))


if __name__ == "__main__":
    main()
