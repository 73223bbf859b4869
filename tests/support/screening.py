"""The way in for strangers' mail: authentication, screening and delivery, over real DNS."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from mailserver.accounts.sending import Span
from mailserver.mail.delivery import Recipient
from mailserver.mail.inbound import Inbound
from mailserver.mail.incoming import Incoming
from mailserver.mail.spam import Spam
from mailserver.model.address import Address
from mailserver.model.client import Client
from mailserver.model.errors import MailError
from mailserver.model.sealed import Plaintext
from mailserver.runtime.resolver import Resolver
from mailserver.runtime.settings import Settings, load
from mailserver.store.sending import Count
from tests.support.dns import DnsServer, txt
from tests.support.mail import RECEIVED, MailNode, letter

HOST = "mx.example.org"
GOOD_IP, BAD_IP = "198.51.100.7", "203.0.113.9"
RECORDS: Mapping[str, Sequence[str]] = {
    "there.test": [txt(f"v=spf1 ip4:{GOOD_IP} -all"), f"A {GOOD_IP}"],
    "_dmarc.there.test": [txt("v=DMARC1; p=none")],
    "refusing.test": [txt(f"v=spf1 ip4:{GOOD_IP} -all")],
    "_dmarc.refusing.test": [txt("v=DMARC1; p=reject")],
    "careful.test": [txt(f"v=spf1 ip4:{GOOD_IP} -all")],
    "_dmarc.careful.test": [txt("v=DMARC1; p=quarantine")],
    "7.100.51.198.in-addr.arpa": ["PTR mx.there.test."],
    "mx.there.test": [f"A {GOOD_IP}"],
}
"""there.test sends from `GOOD_IP`, which has its name; `BAD_IP` is nobody's."""


def settings_for(**overrides: Any) -> Settings:
    """Return settings of screening; `__` in a name stands for a dot."""
    values: dict[str, Any] = {"hostname": HOST, "relay.enabled": False}
    values.update({name.replace("__", "."): value for name, value in overrides.items()})
    return load(None, {}, values)


def stranger(ip: str = BAD_IP, helo: str = "mail.nobody.test") -> Client:
    """Return a client."""
    return Client(ip, helo, tls=None, esmtp=True, utf8=False)


def friend() -> Client:
    """Return the server of there.test."""
    return stranger(GOOD_IP, "mx.there.test")


def mail_from(address: str, subject: str = "Tuesday", body: str = "Words.", **fields: str) -> bytes:
    """Write a proper message."""
    given = {
        "From": f"Bob <{address}>",
        "Date": "Thu, 1 Jan 2026 11:00:00 +0000",
        "Message_ID": "<1@there.test>",
    }
    return letter(subject, body, **(given | fields))


@dataclass
class Mx:
    """What stands behind the MX."""

    mail: MailNode
    inbound: Inbound
    spam: Spam
    resolver: Resolver

    async def take(
        self,
        octets: bytes,
        *addresses: str,
        client: Client | None = None,
        sender: str | None = "bob@there.test",
    ) -> list[MailError | None]:
        """Take a message as it comes over the wire."""
        recipients = await self.recipients(*addresses)
        return await self.inbound.deliver(_incoming(octets, client, sender), recipients)

    async def judged(
        self, octets: bytes, client: Client | None = None, sender: str | None = "bob@there.test"
    ) -> Incoming:
        """Return a message with what is thought of it, before it is delivered."""
        incoming = _incoming(octets, client, sender)
        assert incoming.client is not None
        return await self.inbound._judged(incoming, incoming.client, await self.recipients())

    async def recipients(self, *addresses: str) -> list[Recipient]:
        """Find recipients, alice where none are named."""
        wanted = addresses or ("alice@example.org",)
        return [await self.inbound.recipient(Address.parse(each)) for each in wanted]


def _incoming(octets: bytes, client: Client | None, sender: str | None) -> Incoming:
    path = Address.parse(sender) if sender else None
    return Incoming(Plaintext(octets), path, RECEIVED, client=client or friend())


def mx_of(mail: MailNode, resolver: Resolver, settings: Settings, **trust: frozenset[str]) -> Mx:
    """Put an MX before a node."""
    node = mail.node
    spam = Spam(
        settings, node.store, node.master.instance_guard, resolver, node.offload, node.clock
    )
    inbound = Inbound(mail.delivery, resolver, spam, node.offload, node.clock, HOST, **trust)
    return Mx(mail, inbound, spam, resolver)


@asynccontextmanager
async def mx(
    mail: MailNode, dns: DnsServer, trust: frozenset[str] = frozenset(), **settings: Any
) -> AsyncIterator[Mx]:
    """Put an MX before a node for the length of a block."""
    made = mx_of(
        mail, dns.resolver(mail.node.clock), settings_for(**settings), trusted_sealers=trust
    )
    try:
        yield made
    finally:
        await made.spam.close()


async def wrote(mail: MailNode, account: str, address: str) -> None:
    """Let an account have written to somebody, as its sending is counted."""
    holder = (await mail.delivery.recipient(Address.parse(account))).holder
    assert holder is not None
    hashes = {holder.guard.correspondent_hash(Address.parse(address))}
    strangers = Count(Span.STRANGERS, timedelta(days=1), 0)
    await mail.node.store.sending.charge(
        holder.identity.account, [], hashes=hashes, strangers=strangers
    )


def field_of(octets: bytes, name: bytes) -> str:
    """Return the unfolded value of the first field of that name; empty without one."""
    header = octets.partition(b"\r\n\r\n")[0].replace(b"\r\n ", b" ").replace(b"\r\n\t", b" ")
    for line in header.split(b"\r\n"):
        found, _, value = line.partition(b":")
        if found.lower() == name.lower():
            return value.strip().decode()
    return ""
