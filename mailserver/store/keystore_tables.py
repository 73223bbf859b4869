"""The tables of the keystore, a database of its own (PRIVACY §1).

Every table has the same five columns, because the keystore knows nothing of what its rows say:
`sealed` is ciphertext under MASTER that binds table, account and row id, and the vault opens it.
In clear stand the account, the row id, the hash that selects a row and the number of the master
key (kid; 0 where the row has no MASTER layer). A row of an address or a domain has the hash of its
name in the account's place, so that it is found like an account's. `revision` tells other processes
that something changed; it says nothing about anybody.
"""

from enum import Enum

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, Table

from mailserver.store.columns import ACCOUNT_OCTETS, Class, Retention, classified

metadata = MetaData()

ROW_ID_OCTETS = 64
SELECTOR_OCTETS = 32


class Rows(Enum):
    """A table of sealed rows; the value is its name, which the vault binds into each row."""

    ACCOUNTS = "accounts"
    """One row an account: addresses, generations, guard key, factors, policy."""
    WRAPS = "wraps"
    """One row a credential: whatever opens an account master key."""
    SESSIONS = "sessions"
    """One row a web session; its row id is the hash of the cookie's selector."""
    ADMINS = "admins"
    """Credentials of administrators, who are identities without a mailbox."""
    CUSTODIANS = "custodians"
    """Escrow custodians and their public keys."""
    HEADS = "heads"
    """Where the audit chain ends."""
    META = "meta"
    """What the instance says of itself: its id, its own settings."""
    ADDRESSES = "addresses"
    """One row an address: which account has it, or whom it stands for."""
    DOMAINS = "domains"
    """One row a domain that has any: its roles, its catch-all, its policy."""
    TOMBS = "tombs"
    """One row an address that was taken from an account: for how long it is not given away."""
    FACTORS = "factors"
    """One row an account that has second factors: what they are checked against."""
    LINKS = "links"
    """One row a single-use link: an invitation, or a reset."""
    VAULTS = "vaults"
    """What opened an account before a reset without its recovery code; for 90 days."""
    SEEN = "seen"
    """When each web session was last used."""
    ESCROW = "escrow"
    """The organisation's recovery: its policy, who saw the notice, and openings that are asked."""


def _sealed_rows(rows: Rows) -> Table:
    """Declare one table of authenticated rows."""
    kept: Retention = "account" if rows in _OF_ACCOUNTS else "instance"
    owner: Class = "none"
    if rows in _OF_ACCOUNTS:
        owner = "clear"
    elif rows in _OF_ADDRESSES:
        owner = "pseudonym"
    return Table(
        rows.value,
        metadata,
        Column(
            "account_id",
            LargeBinary(ACCOUNT_OCTETS),
            primary_key=True,
            info=classified(owner, "whose row it is, or the hash of what it is about", kept),
        ),
        Column(
            "row_id",
            LargeBinary(ROW_ID_OCTETS),
            primary_key=True,
            info=classified("none", "names the row within the account", kept),
        ),
        Column(
            "selector",
            LargeBinary(SELECTOR_OCTETS),
            nullable=False,
            info=classified("pseudonym", "finds a credential without trying each", kept),
        ),
        Column(
            "kid",
            BigInteger,
            nullable=False,
            info=classified("none", "which master key seals the row; 0 for none", kept),
        ),
        Column(
            "sealed",
            LargeBinary,
            nullable=False,
            info=classified("guarded", "the row itself, sealed and authenticated", kept),
        ),
        Index(f"ix_{rows.value}_selector", "selector"),
        sqlite_with_rowid=False,
    )


_OF_ACCOUNTS = frozenset(
    {
        *(Rows.ACCOUNTS, Rows.WRAPS, Rows.SESSIONS, Rows.FACTORS, Rows.VAULTS, Rows.SEEN),
        Rows.ESCROW,
    }
)
_OF_ADDRESSES = frozenset({Rows.ADDRESSES, Rows.TOMBS, Rows.LINKS})

TABLES: dict[Rows, Table] = {rows: _sealed_rows(rows) for rows in Rows}

revision = Table(
    "revision",
    metadata,
    Column(
        "id",
        Integer,
        primary_key=True,
        info=classified("none", "the one row of this table", "instance"),
    ),
    Column(
        "number",
        BigInteger,
        nullable=False,
        info=classified("none", "rises with each change, so that caches notice", "instance"),
    ),
)
