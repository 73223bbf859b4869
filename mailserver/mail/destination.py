"""Who gets mail: what delivery must know of an account while its owner is away."""

from typing import Protocol

from mailserver.model.address import Address
from mailserver.store.accounts import AccountRow
from mailserver.vault.guard import AccountGuard
from mailserver.vault.records import PublicIdentity


class Destination(Protocol):
    """An account to seal mail to."""

    @property
    def identity(self) -> PublicIdentity:
        """Whom to seal to."""
        ...

    @property
    def guard(self) -> AccountGuard:
        """What thread and mailbox hashes are keyed with."""
        ...

    @property
    def account(self) -> AccountRow:
        """Its quota, and how much of it is used."""
        ...


class Addressee(Destination, Protocol):
    """An account to which mail is addressed."""

    @property
    def addresses(self) -> tuple[Address, ...]:
        """Every address that is theirs, their own name first."""
        ...

    @property
    def language(self) -> str:
        """In which its owner is written to; empty for English."""
        ...


class Standing(Protocol):
    """What an address of ours stands for."""

    @property
    def holder(self) -> Addressee | None:
        """The account that gets its mail; None where it stands for others."""
        ...

    @property
    def onward(self) -> tuple[Address, ...]:
        """To whom its mail goes on: a group's members, each once."""
        ...

    def may_post(self, author: Address | None) -> bool:
        """Say whether mail by `author` is taken; None is somebody who proved nothing."""
        ...


class Directory(Protocol):
    """Who has an address, by authenticated rows of the keystore (`accounts` keeps it)."""

    async def resolve(self, address: Address) -> Standing:
        """Return what an address stands for: account, group, role, or the domain's catch-all.

        Raises:
            Refused: LIMIT, it stands for too many.
            MailError: as `find`; Locked also where nobody answers a role yet.
        """
        ...

    async def takes(self, address: Address) -> bool:
        """Say whether mail for `address` is ours to deliver."""
        ...

    async def find(self, address: Address) -> Addressee:
        """Return the account of a local address, a `+detail` in its local part ignored.

        Raises:
            Absent: NO_SUCH_DOMAIN, the domain is not ours; NO_SUCH_USER, nobody has it.
            Locked: NOT_ACTIVE, its sign-up is not finished.
            Corrupt: KEY_MISMATCH, what the keystore says cannot be trusted.
        """
        ...

    async def is_local(self, domain: str) -> bool:
        """Say whether mail for `domain` is ours to deliver."""
        ...
