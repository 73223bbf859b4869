"""A process that appends until it is killed, and says what was acknowledged: for crash tests.

Arguments: database URL, blob directory, account in hex, mailbox, epoch. Prints a UID a line, each
after its append returned; some bodies are large enough for a file.
"""

import asyncio
import os
import sys
from pathlib import Path

from mailserver.model.ids import AccountId, EpochId, MailboxId
from mailserver.store.store import Store
from tests.support.store import House

CALLERS = 8


async def append_for_ever(house: House) -> None:
    """Append as one of several callers."""
    number = 0
    while True:
        number += 1
        body = os.urandom(100_000 if number % 5 == 0 else 2_000)
        done = await house.store.emails.append(house.email(body))
        os.write(1, b"%d\n" % done.uid)  # at once: a buffer would die with us


async def main(url: str, blobs: str, account: str, mailbox: str, epoch: str) -> None:
    """Append until the end."""
    store = await Store.open(url, Path(blobs))
    inbox = MailboxId(int(mailbox))
    house = House(store, AccountId(bytes.fromhex(account)), inbox, inbox, EpochId(int(epoch)))
    async with asyncio.TaskGroup() as callers:
        for _ in range(CALLERS):
            callers.create_task(append_for_ever(house))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
