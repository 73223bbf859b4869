"""Two people with letters, so that there is something to look at (`operations/letters.py`)."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from mailserver.accounts.app_passwords import AppPasswords
from mailserver.accounts.login import Logins
from mailserver.accounts.provisioning import Provisioning
from mailserver.mail.delivery import Delivery, Incoming
from mailserver.model.address import Address
from mailserver.model.errors import Conflict
from mailserver.model.sealed import Plaintext
from mailserver.operations.letters import BRAM, NOOR, letters
from mailserver.protocol.smtp.trace import Hop, received
from mailserver.runtime.clock import Clock
from mailserver.vault.records import Scope

DOMAIN = "demo.test"
QUOTA_OCTETS = 1 << 30
_HERE = "127.0.0.1"


class Services(Protocol):
    """What is needed of an open house."""

    @property
    def clock(self) -> Clock:
        """What time it is."""
        ...

    @property
    def provisioning(self) -> Provisioning:
        """Makes accounts."""
        ...

    @property
    def logins(self) -> Logins:
        """Opens them."""
        ...

    @property
    def app_passwords(self) -> AppPasswords:
        """Makes what a mail program signs in with."""
        ...

    @property
    def delivery(self) -> Delivery:
        """Brings letters."""
        ...


@dataclass(frozen=True, slots=True, repr=False)
class Person:
    """Somebody of the demonstration, and how to read his mail."""

    address: Address
    password: Plaintext
    app_password: Plaintext


async def fill(
    services: Services, progress: Callable[[int, int], None], corpus: Path | None = None
) -> list[Person]:
    """Make the people and deliver their letters; `progress` is told how many of how many.

    The `.eml` files of `corpus` go to each of the two in turn, after the letters of our own.

    Raises:
        Conflict: ALREADY_EXISTS, they were made before.
    """
    with suppress(Conflict):  # the domain alone is no demonstration: the people decide
        await services.provisioning.add_domain(DOMAIN)
    people = [await _add(services, name) for name in (NOOR, BRAM)]
    now = services.clock.now()
    all_letters = [*letters(DOMAIN, now), *_found(corpus)]
    for number, (reader, sender, octets) in enumerate(all_letters, 1):
        to = Address(reader, DOMAIN)
        hop = Hop(helo=Address.parse(sender).domain, ip=_HERE, protocol="LMTP")
        line = received(hop, by="localhost", token=secrets.token_hex(8), recipient=to, at=now)
        message = Incoming(Plaintext(octets), Address.parse(sender), line)
        recipient = await services.delivery.recipient(to)
        for failure in await services.delivery.deliver(message, [recipient]):
            if failure is not None:
                raise failure
        progress(number, len(all_letters))
    return people


def _found(corpus: Path | None) -> Iterator[tuple[str, str, bytes]]:
    """Yield (reader, envelope sender, octets) of the messages in a directory."""
    paths = sorted(corpus.glob("*.eml")) if corpus is not None else []
    for number, path in enumerate(paths):
        yield (NOOR, BRAM)[number % 2], f"corpus@{DOMAIN}", path.read_bytes()


async def _add(services: Services, name: str) -> Person:
    address = Address(name, DOMAIN)
    password = Plaintext(secrets.token_urlsafe(18).encode())
    await services.provisioning.add_user(address, password, quota_octets=QUOTA_OCTETS)
    lease = await services.logins.password(str(address), password, peer=_HERE)
    try:
        made = await services.app_passwords.add(lease, [Scope.IMAP, Scope.SMTP], label="demo")
    finally:
        await lease.close()
    return Person(address, password, made.secret)
