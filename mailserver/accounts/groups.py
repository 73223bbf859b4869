"""What a group stands for: its members, those of groups among them, each once.

Groups may be in each other, in circles even; each is entered once, and there are bounds.
"""

from collections import deque

from mailserver.model.address import Address
from mailserver.model.errors import Condition, Refused
from mailserver.model.ids import AccountId
from mailserver.vault.receiving import GroupRecord, Posting

MOST_MEMBERS = 1_000  # of one group with all groups in it: what one message may become
MOST_GROUPS = 100


class Members:
    """The members of a group while they are gathered, and who may write to it."""

    def __init__(self, group: GroupRecord, *, inside_only: bool) -> None:
        """Begin with a group; `inside_only` leaves out members at other servers."""
        self._posting = group.posting
        self._domain = group.address.rpartition("@")[2]
        self._inside_only = inside_only
        self._entered: set[str] = set()
        self._waiting: deque[str] = deque()
        self._found: dict[str | AccountId, Address] = {}
        self._authors: set[str] = set()
        self.enter(group)

    @property
    def addresses(self) -> tuple[Address, ...]:
        """To whom a message goes on."""
        return tuple(self._found.values())

    def enter(self, group: GroupRecord) -> None:
        """Take the members of a group in, unless they are already."""
        if group.address in self._entered:
            return
        self._entered.add(group.address)
        self._waiting.extend(group.members)
        if len(self._entered) > MOST_GROUPS or len(self._waiting) > MOST_MEMBERS:
            raise _too_many()

    def next(self) -> Address | None:
        """Return a member that was not looked at yet; None when all were."""
        return Address.parse(self._waiting.popleft()) if self._waiting else None

    def add(self, address: Address) -> None:
        """Add a member."""
        self._add(address.key, address, (address.key,))

    def add_outside(self, address: Address) -> None:
        """Add a member at another server, unless mail may not go there."""
        if not self._inside_only:
            self.add(address)

    def add_account(self, address: Address, account: AccountId, keys: tuple[str, ...]) -> None:
        """Add an account under one of its addresses: it gets one copy, whatever others are in."""
        self._add(account, address, keys)

    def may_post(self, author: Address | None) -> bool:
        """Say whether mail by `author` is taken; None is somebody who proved nothing."""
        if self._posting is Posting.ANYBODY:
            return True
        if author is None:
            return False
        if self._posting is Posting.DOMAIN:
            return author.domain == self._domain
        plain = Address(author.local.partition("+")[0], author.domain)
        return bool({author.key, plain.key} & self._authors)

    def _add(self, who: str | AccountId, address: Address, keys: tuple[str, ...]) -> None:
        self._found.setdefault(who, address)
        self._authors.update(keys)
        if len(self._found) > MOST_MEMBERS:
            raise _too_many()


def _too_many() -> Refused:
    return Refused(Condition.LIMIT, "this address stands for too many")
