"""A wrap of each kind, and all rows of an account as a thief has them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from mailserver.crypto.context import Kind
from mailserver.crypto.kdf import hkdf
from mailserver.crypto.suite import Suite
from mailserver.model.ids import AccountId, new_object_id
from mailserver.model.sealed import Guarded, Plaintext
from mailserver.vault import credentials, records
from mailserver.vault.account_key import AccountKey
from mailserver.vault.codes import SessionToken, new_app_password_secret, new_recovery_code
from mailserver.vault.credentials import NewWrap
from mailserver.vault.epochs import Deposits
from mailserver.vault.records import RowName, Scope, Table, WrapRecord
from tests.support.vault import NOW, Email, Person, a_master

PASSWORD = Plaintext("correct horse bättery staple".encode())
APP_PASSWORD = new_app_password_secret()
CODE = new_recovery_code()
TOKEN = SessionToken.random()
MEMBER = Person(a_master())
CHEAP = 1
"""Argon2 parameters that are allowed and quick."""


@dataclass(frozen=True)
class Credential:
    """How one kind of wrap is made, opened, and tried with a wrong secret."""

    make: Callable[[AccountKey, AccountId], NewWrap]
    open: Callable[[AccountId, bytes, WrapRecord], AccountKey | None]
    wrong: Callable[[AccountId, bytes, WrapRecord], AccountKey | None]


CREDENTIALS = {
    "password": Credential(
        lambda key, account: credentials.make_password_wrap(
            key, account, PASSWORD, NOW, parameters=CHEAP
        ),
        lambda account, row, record: credentials.open_password_wrap(account, row, record, PASSWORD),
        lambda account, row, record: credentials.open_password_wrap(
            account, row, record, Plaintext(b"correct horse battery staple")
        ),
    ),
    "app password": Credential(
        lambda key, account: credentials.make_app_password_wrap(
            key, account, APP_PASSWORD, frozenset({Scope.IMAP}), NOW
        ),
        lambda account, row, record: credentials.open_app_password_wrap(
            account, row, record, APP_PASSWORD
        ),
        lambda account, row, record: credentials.open_app_password_wrap(
            account,
            row,
            record,
            Plaintext(APP_PASSWORD.reveal()[:7] + b"22-2222-2222-2222-2222-2222-2222"),
        ),
    ),
    "recovery code": Credential(
        lambda key, account: credentials.make_recovery_wrap(key, account, CODE, NOW),
        lambda account, row, record: credentials.open_recovery_wrap(account, row, record, CODE),
        lambda account, row, record: credentials.open_recovery_wrap(
            account, row, record, new_recovery_code()
        ),
    ),
    "session": Credential(
        lambda key, account: credentials.make_session_wrap(
            key, account, TOKEN, NOW, NOW + timedelta(days=1)
        ),
        lambda account, row, record: credentials.open_session_wrap(account, row, record, TOKEN),
        lambda account, row, record: credentials.open_session_wrap(
            account, row, record, SessionToken(TOKEN.selector, bytes(32))
        ),
    ),
    "member": Credential(
        lambda key, account: credentials.make_member_wrap(key, account, MEMBER.identity, NOW),
        lambda account, row, record: credentials.open_member_wrap(
            account, row, record, MEMBER.account, [MEMBER.key()]
        ),
        lambda account, row, record: credentials.open_member_wrap(
            account, row, record, MEMBER.account, [AccountKey.random(Suite.HYBRID)]
        ),
    ),
}


@dataclass(frozen=True)
class Loot:
    """All that one account has left on disks, with what it stands for."""

    person: Person
    account_row: Guarded
    wraps: list[tuple[RowName, Guarded, WrapRecord]]
    emails: list[Email]
    content_key: bytes
    """Of the owner's epoch: in no row, for the control."""
    sealed: list[bytes]
    """Every sealed object and content key."""
    guarded: list[bytes]


async def loot() -> Loot:
    person = Person(a_master())
    deposits = Deposits(person.marks)
    deposit = await person.deliver(deposits, b"canary summary", b"canary body", b"canary tail")
    deposits.close()
    account = person.unlock()
    own = await person.append(account, b"canary summary", b"canary body", b"canary tail")
    key = await account.owner_key(person.epochs.create)
    segment = key.seal_segment(new_object_id(), b"canary segment")
    wraps = []
    for credential in CREDENTIALS.values():
        made = credential.make(person.key(), person.account)
        name = RowName(Table.WRAP, person.account, made.row_id, made.selector)
        wraps.append(
            (name, records.seal_wrap(person.master, name, made.record).sealed, made.record)
        )
    return Loot(
        person,
        records.seal_account(person.master, person.account, person.record).sealed,
        wraps,
        [deposit, own],
        bytes(account._opened[own.epoch].key.octets),
        [
            *(part for email in (deposit, own) for part in (email.summary, email.body, email.tail)),
            segment,
            *(row.sealed for row in person.epochs.rows),
        ],
        [
            account.guard.seal_name(Kind.MAILBOX_NAME, "canary mailbox"),
            person.master.instance_guard.seal(Kind.DKIM_KEY, new_object_id(), b"canary key"),
        ],
    )


def private_of(amk: bytes) -> bytes:
    return bytes(hkdf(amk, b"zegel account pair\x01", 96))
