"""An outgoing queue over a store, with accounts' guards made up, and letters to put into it."""

import secrets
from collections.abc import Sequence
from datetime import datetime

from mailserver.crypto.aead import Aead
from mailserver.mail.backoff import Schedule
from mailserver.mail.outgoing import Origin, Outgoing, Parcel
from mailserver.model.address import Address
from mailserver.model.envelope import Envelope, Notify, Onward, RemoteReply
from mailserver.model.errors import Absent, Condition
from mailserver.model.ids import AccountId
from mailserver.model.sealed import Plaintext
from mailserver.runtime.clock import Clock
from mailserver.runtime.offload import Offload
from mailserver.store.store import Store
from mailserver.vault.guard import AccountGuard, InstanceGuard
from tests.support.accounts import Node

SENDER = Address("ann", "zegel.test")
MESSAGE = b"From: ann@zegel.test\r\nSubject: hello\r\n\r\nHello.\r\n"
BUSY = RemoteReply("try again later", 450, "4.2.0", "mx.there.test")
GONE = RemoteReply("<bob@there.test>: no such user", 550, "5.1.1", "mx.there.test")
TAKEN = RemoteReply("ok", 250, "2.0.0", "mx.there.test")


class Guards:
    """The guards of accounts, as the keystore would keep them: they outlive a restart."""

    def __init__(self) -> None:
        """Begin with the instance's alone."""
        key = secrets.token_bytes(32)
        self.instance = InstanceGuard({1: Aead(key)}, 1, bytearray(key))
        self._keys: dict[AccountId, AccountGuard] = {}

    def add(self, account: AccountId) -> AccountGuard:
        """Make the guard of an account."""
        return self._keys.setdefault(account, AccountGuard(secrets.token_bytes(32), account))

    def drop(self, account: AccountId) -> None:
        """Erase an account's keys."""
        del self._keys[account]

    async def of(self, account: AccountId) -> AccountGuard:
        """Find a guard."""
        if account not in self._keys:
            raise Absent(Condition.NO_SUCH_USER)
        return self._keys[account]


def outgoing(
    store: Store, guards: Guards, clock: Clock, offload: Offload, schedule: Schedule | None = None
) -> Outgoing:
    """Make a queue over `store`, as one process of several would."""
    return Outgoing(store, guards.of, guards.instance, clock, offload, schedule)


def over(node: Node) -> Outgoing:
    """Make the queue of a node of accounts."""

    async def guard_of(account_id: AccountId) -> AccountGuard:
        return (await node.keyring.account(account_id)).guard

    return Outgoing(node.store, guard_of, node.master.instance_guard, node.clock, node.offload)


def onward(text: str, notify: Notify | None = None) -> Onward:
    """Name a recipient."""
    return Onward(Address.parse(text), notify)


def parcel(
    guards: Guards,
    account: AccountId | None,
    recipients: Sequence[str | Onward] = ("bob@there.test",),
    *,
    message: bytes = MESSAGE,
    sender: Address | None = SENDER,
    release_at: datetime | None = None,
) -> Parcel:
    """Make a submission."""
    guard = guards.instance if account is None else guards.add(account)
    return Parcel(
        Origin(account, guard),
        Envelope(sender),
        Plaintext(message),
        [onward(each) if isinstance(each, str) else each for each in recipients],
        release_at,
    )
