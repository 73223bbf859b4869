"""A process that hands letters to the queue and sends them, to be killed at any moment.

    python -m tests.support.queue_worker URL DIRECTORY FIRST COUNT

It enqueues COUNT letters from number FIRST on and writes each number to `promised` once the queue
has it; at the same time it sends what is due by writing its number to `sent`, which is the other
server saying 250. With COUNT 0 it ends when the queue is empty.
"""

import asyncio
import os
import random
import sys
from datetime import timedelta
from pathlib import Path

from mailserver.crypto.aead import Aead
from mailserver.mail.backoff import Schedule
from mailserver.mail.outgoing import Due, Origin, Outgoing, Parcel
from mailserver.model.address import Address
from mailserver.model.envelope import Envelope, Onward, RemoteReply
from mailserver.model.errors import Absent, Condition
from mailserver.model.ids import AccountId
from mailserver.model.sealed import Plaintext
from mailserver.runtime.clock import SystemClock
from mailserver.runtime.log import configure
from mailserver.runtime.offload import Offload
from mailserver.store.queue_rows import Recover
from mailserver.store.store import Store
from mailserver.vault.guard import AccountGuard, InstanceGuard

PRODUCERS = 8
AT_ONCE = 16
LARGE_OCTETS = 100_000
"""Every tenth letter is as large, and lies outside of the database."""
_KEY = b"the same key in every life of it"
SENDER = Address("ann", "zegel.test")
BUSY = RemoteReply("later", 450, "4.2.0", "mx.there.test")
TAKEN = RemoteReply("ok", 250, "2.0.0", "mx.there.test")


class Book:
    """Numbers written down one a line; what was written outlives this process."""

    def __init__(self, path: Path) -> None:
        """Go on behind what is there."""
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def write(self, number: int) -> None:
        """Write one number, at once."""
        os.write(self._file, b"%d\n" % number)


async def guards(_: AccountId) -> AccountGuard:
    """Have no accounts."""
    raise Absent(Condition.NO_SUCH_USER)


async def produce(outgoing: Outgoing, origin: Origin, numbers: list[int], book: Book) -> None:
    """Hand letters over, one recipient each."""
    while numbers:
        number = numbers.pop()
        size = LARGE_OCTETS if number % 10 == 0 else 200
        text = Plaintext(
            b"Number: %d\r\n\r\n" % number + random.randbytes(size // 2).hex().encode()
        )
        to = [Onward(Address(f"n{number}", f"d{number % 7}.test"))]
        await outgoing.enqueue(Parcel(origin, Envelope(SENDER), text, to))
        book.write(number)


async def send(outgoing: Outgoing, due: Due, book: Book) -> None:
    """Be the relay and the other server in one."""
    message = (await outgoing.content(due)).reveal()
    number = int(message.partition(b"\r\n")[0].removeprefix(b"Number: "))
    assert due.recipient.address.local == f"n{number}"
    await asyncio.sleep(random.random() / 100)
    if random.random() < 0.2:
        await outgoing.deferred(due, BUSY)
        return
    book.write(number)
    await outgoing.delivered(due, TAKEN)


async def work(url: str, directory: Path, first: int, count: int) -> None:
    """Do all of it."""
    clock, offload = SystemClock(), Offload(2)
    store = await Store.open(url, directory / "blobs", clock=clock)
    guard = InstanceGuard({1: Aead(_KEY)}, 1, bytearray(_KEY))
    soon = Schedule(first=timedelta(milliseconds=20), longest=timedelta(milliseconds=50))
    outgoing = Outgoing(store, guards, guard, clock, offload, soon)
    await store.queue.ask(Recover())  # the process before this one is known to be dead
    origin, sent = Origin(None, guard), Book(directory / "sent")
    numbers = list(range(first, first + count))
    promised = Book(directory / "promised")
    async with asyncio.TaskGroup() as tasks:
        for _ in range(PRODUCERS if count else 0):
            tasks.create_task(produce(outgoing, origin, numbers, promised))
        while True:
            dues = await outgoing.due(AT_ONCE)
            async with asyncio.TaskGroup() as sending:
                for due in dues:
                    sending.create_task(send(outgoing, due, sent))
            if not dues and not numbers:
                if not count and not await store.queue.rows(1):
                    break
                await outgoing.wait()
    await store.close()
    offload.close()


if __name__ == "__main__":
    configure(level="warning")
    _, the_url, the_directory, the_first, the_count = sys.argv
    asyncio.run(work(the_url, Path(the_directory), int(the_first), int(the_count)))
