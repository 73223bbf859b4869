"""The consent desk over a node, and the letters that it queued."""

import email
import email.policy
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any

from mailserver.accounts.directory import addresses_of
from mailserver.app.registers import Books
from mailserver.mail.outgoing import Outgoing
from mailserver.mail.report_sending import Author
from mailserver.model.address import Address
from mailserver.model.envelope import RemoteReply
from mailserver.model.ids import AccountId
from mailserver.privacy.consent import Person, Reach, Said, Text
from mailserver.privacy.consent_desk import ConsentDesk
from mailserver.runtime.settings import load
from tests.support.accounts import Node
from tests.support.books import books_of
from tests.support.outgoing import over

NEWS = "Once a month we write to you about new tides."
OUTSIDE = Address.parse("bram@elsewhere.test")
_TAKEN = RemoteReply("taken", 250)


@dataclass
class Asking:
    """A desk, and what it works with."""

    node: Node
    books: Books
    desk: ConsentDesk
    outgoing: Outgoing

    async def text(self, purpose: str = "news", version: str = "1", language: str = "en") -> Text:
        """Add a text."""
        return await self.books.consents.texts.add(purpose, language, version, NEWS)

    async def ask(self, address: Address = OUTSIDE, text: Text | None = None) -> str:
        """Ask somebody, and return the token of the letter's link."""
        await self.desk.ask(address, text or await self.current())
        links = [link_of(one) for one in await self.letters() if one["To"] == str(address)]
        (link,) = [one for one in links if "/confirm/" in one]  # beside receipts
        return link.rpartition("/")[2]

    async def current(self) -> Text:
        """Return what is asked now for the news."""
        return await self.books.consents.texts.current("news", "en")

    async def letters(self) -> list[EmailMessage]:
        """Take the letters out of the queue."""
        found = []
        for due in await self.outgoing.due(100):
            octets = (await self.outgoing.content(due)).reveal()
            message = email.message_from_bytes(octets, policy=email.policy.default)
            found.append(message)
            await self.outgoing.delivered(due, _TAKEN)
        return found

    async def said(self, address: Address = OUTSIDE, purpose: str = "news") -> list[Said]:
        """Return what somebody said to a purpose, in order."""
        consents = self.books.consents
        for course in await consents.of(await self.person(address)):
            if course.purpose == purpose:
                return [one.said for one in await consents.events(course)]
        return []

    async def consenters(self) -> list[str]:
        """Return who agrees to the news now."""
        return [one.address for one in await self.desk.audience("news", Reach.CONSENTED)]

    async def person(self, address: Address = OUTSIDE) -> Person:
        """Return whose address it is."""
        return await self.books.consents.person(address)


def link_of(letter: EmailMessage) -> str:
    """Return the one link of a letter."""
    lines = str(letter.get_content()).splitlines()
    (link,) = [line for line in lines if line.startswith("https://")]
    return link


def asking(node: Node, **settings: Any) -> Asking:
    """Make the desk of a node that asks for `news`."""
    wanted: dict[str, Any] = {
        "consent__purposes": ("news", "offers"),
        "relay__enabled": True,
        "web__public_url": "https://mail.example.org",
        "organisation__name": "Tides B.V.",
    }
    wanted |= settings
    books, outgoing = books_of(node, **wanted), over(node)

    async def author() -> Author | None:
        return Author("example.org", "mx.example.org")

    async def main_address(account_id: AccountId) -> str:
        return str(addresses_of(await node.keyring.account(account_id))[0])

    desk = ConsentDesk(
        books.consents,
        books.consent_ending,
        node.store,
        outgoing,
        node.master.instance_guard,
        author,
        main_address,
        load(None, {}, {name.replace("__", "."): value for name, value in wanted.items()}),
        node.clock,
    )
    return Asking(node, books, desk, outgoing)
