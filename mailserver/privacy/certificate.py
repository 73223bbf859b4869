"""A certificate that an account was erased: what went, when, and what is kept on which ground.

It is one JSON document, signed with the key that signs the audit log (Ed25519), and names the entry
of that log in which the erasure stands. Whoever has the public half verifies it without this
server. It names nobody: an account's id tells nothing once its keys are gone. Source: GDPR Art. 17,
5(2).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from mailserver.crypto.sign import SigningKey
from mailserver.model.errors import Condition, PeerFault
from mailserver.model.ids import AccountId
from mailserver.privacy import signed

SCHEMA = 1
KEYSTORE_BACKUPS = timedelta(days=7)
"""How long a copy of the keystore may live: then no backup opens what was erased."""
CERTIFICATE_OCTETS = signed.DOCUMENT_OCTETS
_KIND = b"zegel-erasure-certificate"
_CATEGORIES = ("keys", "addresses", "mail", "contacts", "settings", "sign-ins")
_EXCEPTIONS = (
    ("hash of each address, for 12 months", "Art. 6(1)(f): mail must not reach another"),
    ("audit log, for 12 months; what named the person cannot be read any more", "Art. 5(2), 32"),
    ("what was asked for, in the register of requests, for 24 months", "Art. 5(2)"),
    ("letters already handed over to be sent, until sent or given up", "Art. 6(1)(b)"),
)
_PROOFS = (
    "proof of consents given or withdrawn, for 24 months",
    "Art. 7(1), 17(3)(e): what was agreed to must be shown",
)


@dataclass(frozen=True, slots=True)
class Erased:
    """What a certificate says of one account."""

    account_id: AccountId
    at: datetime
    """When its keys were gone from the keystore and its files."""
    counts: Mapping[str, int]
    audit_number: int
    audit_hash: bytes
    """Of the entry with that number, in which the erasure stands."""
    consents: int = 0
    """Of how many consents the proof is kept."""


def issue(key: SigningKey, erased: Erased) -> str:
    """Write a certificate, signed with `key`."""
    exceptions = (*_EXCEPTIONS, _PROOFS) if erased.consents else _EXCEPTIONS
    said: dict[str, Any] = {
        "schema": SCHEMA,
        "product": "zegel",
        "account": erased.account_id.hex(),
        "erased": erased.at.astimezone(UTC).isoformat(),
        "horizon": (erased.at + KEYSTORE_BACKUPS).astimezone(UTC).date().isoformat(),
        "categories": list(_CATEGORIES),
        "counts": dict(erased.counts),
        "exceptions": [{"what": what, "ground": ground} for what, ground in exceptions],
        "audit": {"entry": erased.audit_number, "hash": erased.audit_hash.hex()},
    }
    return signed.sign(key, _KIND, said)


def check(public: bytes, text: str) -> dict[str, Any]:
    """Return what a certificate says, if the owner of `public` signed it.

    Raises:
        PeerFault: BAD_SYNTAX, it is no certificate.
        Corrupt: DAMAGED, it was altered, or another signed it.
    """
    try:
        return signed.check(public, _KIND, SCHEMA, text)
    except PeerFault:
        raise PeerFault(Condition.BAD_SYNTAX, "this is no certificate of an erasure") from None
