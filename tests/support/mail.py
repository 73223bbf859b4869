"""Mail of one node: delivery and opened accounts over real stores and keys."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from mailserver.mail.account import Account
from mailserver.mail.delivery import Delivery, Incoming
from mailserver.mail.office import Office
from mailserver.mail.submission import Submission
from mailserver.model.address import Address
from mailserver.model.errors import MailError
from mailserver.model.message import Flag, Message, NewMessage, StoreMode
from mailserver.model.sealed import Plaintext
from mailserver.runtime.background import background
from mailserver.runtime.clock import ManualClock
from mailserver.vault.epochs import DepositMarks, Deposits
from tests.support.accounts import PASSWORD, PEER, Node, open_node

RECEIVED = b"Received: by mx.example.org; Mon, 2 Mar 2026 09:00:00 +0000\r\n"
EVERYTHING = [(1, 0xFFFF_FFFF)]


def letter(subject: str = "Seal", body: str = "Words.", **fields: str) -> bytes:
    """Write a small message; `fields` are further header fields, `_` for `-`."""
    head = {"From": "Bob <bob@elsewhere.test>", "To": "alice@example.org", "Subject": subject}
    head |= {name.replace("_", "-"): value for name, value in fields.items()}
    lines = [f"{name}: {value}" for name, value in head.items()]
    return ("\r\n".join(lines) + "\r\n\r\n" + body + "\r\n").encode()


@dataclass
class MailNode:
    """The services of mail on a node of accounts."""

    node: Node
    office: Office
    delivery: Delivery
    submission: Submission
    deposits: Deposits

    async def account(self, address: str = "alice@example.org") -> Account:
        """Make a user and return the opened account."""
        user = await self.node.user(address)
        return self.office.open(await self.node.unlocked(user))

    async def sign_in(self, address: str = "alice@example.org") -> Account:
        """Open an account with its password."""
        return self.office.open(await self.node.logins.password(address, PASSWORD, peer=PEER))

    async def deliver(
        self, octets: bytes, *addresses: str, sender: str | None = "bob@elsewhere.test"
    ) -> list[MailError | None]:
        """Deliver to addresses as the MX does."""
        recipients = [await self.delivery.recipient(Address.parse(each)) for each in addresses]
        reverse_path = Address.parse(sender) if sender else None
        incoming = Incoming(Plaintext(octets), reverse_path, RECEIVED)
        return await self.delivery.deliver(incoming, recipients)


async def messages(account: Account, name: str = "INBOX", **wanted: bool) -> list[Message]:
    """Fetch everything in a mailbox."""
    mailbox = await account.mailboxes.named(name)
    batches = account.messages.fetch(mailbox.id, EVERYTHING, **wanted)
    return [message async for batch in batches for message in batch]


async def append(account: Account, *octets: bytes, name: str = "INBOX") -> None:
    """Append messages to a mailbox."""
    mailbox = await account.mailboxes.named(name)
    await account.messages.append(mailbox.id, [NewMessage(Plaintext(each)) for each in octets])


async def something_happens(mail: MailNode, account: Account, dice: random.Random, n: int) -> None:
    """Do one thing that a mail program, a delivery or the reader might do."""
    boxes = await account.mailboxes.listing()
    box, other = dice.choice(boxes), dice.choice(boxes)
    low = dice.randint(1, 12)
    some = [(low, low + dice.randint(0, 3))]
    match dice.randint(0, 9):
        case 0 | 1:
            fields = {"Message_ID": f"<{n}@x>", "References": f"<{dice.randint(0, n)}@x>"}
            await mail.deliver(letter(str(n), **fields), "alice@example.org")
        case 2:
            await append(account, letter(str(n), Message_ID=f"<{n}@x>"), name=box.name)
        case 3 | 4:
            mark = dice.choice([Flag.SEEN, Flag.FLAGGED, Flag.DELETED, Flag.DRAFT])
            mode = dice.choice([StoreMode.ADD, StoreMode.REMOVE])
            words = frozenset(dice.choice([(), ("a",), ("a", "b")]))
            await account.messages.store(box.id, some, mode, mark, words)
        case 5:
            await account.messages.copy(box.id, some, other.id)
        case 6:
            await account.messages.move(box.id, some, other.id)
        case 7:
            await account.messages.expunge(box.id)
        case 8:
            await account.mailboxes.create(f"Box {n}")
        case _ if box.name.startswith("Box"):
            if dice.random() < 0.5:
                await account.mailboxes.delete(box.name)
            else:
                await account.mailboxes.rename(box.name, f"Box {n}")


@asynccontextmanager
async def open_mail(
    database_url: str, keystore_url: str, directory: Path, clock: ManualClock
) -> AsyncIterator[MailNode]:
    """Open a node and its mail; end it with no task left."""
    node = await open_node(database_url, keystore_url, directory, clock)
    deposits = Deposits(DepositMarks(node.master))
    try:
        async with background() as tasks:
            delivery = Delivery(node.store, node.directory, deposits, node.offload)
            office = Office(node.store, node.offload, tasks)
            yield MailNode(node, office, delivery, Submission(delivery), deposits)
            await asyncio.sleep(0)
    finally:
        deposits.close()
        await node.close()
