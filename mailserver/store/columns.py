"""How a column is declared: its type and, always, what kind of personal data it is.

Each column says its class (PRIVACY §4), why it is kept and until when; a test refuses a column
that does not. The privacy notes and the register of processing are generated from these three.
"""

from typing import Any, Literal

from sqlalchemy import BigInteger, Column, LargeBinary, SmallInteger, Text
from sqlalchemy.types import TypeEngine

Class = Literal["none", "clear", "guarded", "sealed", "pseudonym"]
Retention = Literal[
    "account",
    "message",
    "mailbox",
    "changes",
    "index",
    "domain",
    "audit",
    "instance",
    "queue",
    "policy",
    "reputation",
    "greylist",
    "correspondents",
    "report",
    "observation",
    "history",
    "upload",
    "register",
    "push",
    "export",
    "consent",
]
"""Until the named thing is gone; `changes` is `changes.KEPT`, `audit` the set audit period.

`report` is 30 days; `observation` until it is reported, four days at most.
`queue` is until the last recipient has the message or it expired: five days, if nobody held it.
`policy` is as long as its own domain says, a year at most. `reputation` is 13 weeks, and
`correspondents` 400 days, after the last mail; `greylist` is two days, 35 once they came back.
`history`, of sign-ins, is 90 days; `upload` is an hour; `push` and `export` a week at most.
`register` is what its register says: a breach five years after it was closed. `consent` is 24
months after its end, seven days where it was never confirmed. Each one's row stands in
`privacy.retention_rows`.
"""

ACCOUNT_OCTETS = 16
OBJECT_OCTETS = 16
HASH_OCTETS = 16


def classified(pd: Class, purpose: str, retention: Retention) -> dict[str, Any]:
    """Say what a column holds, for `Column.info`."""
    return {"pd": pd, "purpose": purpose, "retention": retention}


def column(
    name: str,
    kind: TypeEngine[Any] | type[TypeEngine[Any]],
    pd: Class,
    purpose: str,
    retention: Retention,
    *,
    key: bool = False,
    optional: bool = False,
) -> Column[Any]:
    """Declare a column: NOT NULL unless `optional`, part of the primary key if `key`."""
    return Column(
        name,
        kind,
        primary_key=key,
        autoincrement=False,
        nullable=optional,
        info=classified(pd, purpose, retention),
    )


def account_key(retention: Retention = "account") -> Column[Any]:
    """Declare the column that begins every per-account key, so that the schema shards by it."""
    return column(
        "account_id",
        LargeBinary(ACCOUNT_OCTETS),
        "clear",
        "whose row it is; 16 random octets",
        retention,
        key=True,
    )


def number(
    name: str, purpose: str, retention: Retention, *, key: bool = False, pd: Class = "none"
) -> Column[Any]:
    """Declare a counter or a number of ours, 63 bits."""
    return column(name, BigInteger, pd, purpose, retention, key=key)


def small(name: str, purpose: str, retention: Retention, *, pd: Class = "none") -> Column[Any]:
    """Declare a code or a set of bits, 15 bits."""
    return column(name, SmallInteger, pd, purpose, retention)


def instant(name: str, purpose: str, retention: Retention, *, pd: Class = "clear") -> Column[Any]:
    """Declare an instant: microseconds since 1970, UTC (`instants.py`)."""
    return column(name, BigInteger, pd, purpose, retention)


def sealed(name: str, purpose: str, retention: Retention, *, optional: bool = False) -> Column[Any]:
    """Declare ciphertext that only a credential of the account opens."""
    return column(name, LargeBinary, "sealed", purpose, retention, optional=optional)


def guarded(name: str, purpose: str, retention: Retention) -> Column[Any]:
    """Declare ciphertext that the running server opens."""
    return column(name, LargeBinary, "guarded", purpose, retention)


def hashed(name: str, purpose: str, retention: Retention, *, key: bool = False) -> Column[Any]:
    """Declare a keyed hash (HMAC under the account's guard key, cut to 16 octets)."""
    return column(name, LargeBinary(HASH_OCTETS), "pseudonym", purpose, retention, key=key)


def object_name(retention: Retention) -> Column[Any]:
    """Declare the random name to which a sealed object's ciphertext is bound (PRIVACY §2)."""
    return column(
        "object_id",
        LargeBinary(OBJECT_OCTETS),
        "none",
        "random name that the ciphertext is bound to",
        retention,
    )


def text(
    name: str, pd: Class, purpose: str, retention: Retention, *, key: bool = False
) -> Column[Any]:
    """Declare a text of ours."""
    return column(name, Text, pd, purpose, retention, key=key)


def epoch(retention: Retention, *, key: bool = False) -> Column[Any]:
    """Declare the number of the content key that seals the row's ciphertext."""
    return number("epoch", "which content key seals it", retention, key=key)
