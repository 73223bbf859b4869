"""One entry of the audit log and the octets that are hashed (PRIVACY §17). Pure.

    h[n] = SHA-256("zegel-audit" ‖ instance 16 ‖ n 8 ‖ h[n-1] 32 ‖ length 4 ‖ canonical entry)

The canonical entry is JSON with sorted keys, no spaces and ASCII only, and holds its own number, so
that an entry put in another's place is told from one that was edited.
"""

import base64
import binascii
import hashlib
import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum

from mailserver.model.errors import Condition, Corrupt
from mailserver.model.ids import AccountId

HASH_OCTETS = 32
GENESIS = bytes(HASH_OCTETS)
"""h[0]: what the first entry is chained to."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_LINK = struct.Struct(">16sQ32sI")

Fact = str | int
Facts = Mapping[str, Fact]


class Event(Enum):
    """What happened; the value is what is stored, so never change one."""

    SIGN_IN = "sign-in"
    SIGN_IN_FAILURES = "sign-in-failures"
    DOMAIN_ADDED = "domain-added"
    DOMAIN_REMOVED = "domain-removed"
    ACCOUNT_ADDED = "account-added"
    ACCOUNT_ERASED = "account-erased"
    ERASURE_ASKED = "erasure-asked"
    ERASURE_CANCELLED = "erasure-cancelled"
    RESTRICTED = "restricted"
    RESTRICTION_LIFTED = "restriction-lifted"
    ADDRESS_ADDED = "address-added"
    ADDRESS_REMOVED = "address-removed"
    GROUP_CHANGED = "group-changed"
    DOMAIN_CHANGED = "domain-changed"
    FORWARD_CHANGED = "forward-changed"
    SENDING_FROZEN = "sending-frozen"
    SENDING_UNFROZEN = "sending-unfrozen"
    CREDENTIAL_ADDED = "credential-added"
    CREDENTIAL_REMOVED = "credential-removed"
    PASSWORD_CHANGED = "password-changed"  # noqa: S105 (the name of an event)
    PASSWORD_RESET = "password-reset"  # noqa: S105
    RESET_ASKED = "reset-asked"
    RESET_DENIED = "reset-denied"
    VAULT_OPENED = "vault-opened"
    FACTOR_CHANGED = "factor-changed"
    ESCROW_CHANGED = "escrow-changed"
    ESCROW_OPENED = "escrow-opened"
    IDENTITY_LINKED = "identity-linked"
    INVITED = "invited"
    ROLE_CHANGED = "role-changed"
    ACCOUNT_KEY_MADE = "account-key-made"
    MASTER_KEY_ROTATED = "master-key-rotated"
    KEY_MISMATCH = "key-mismatch"
    SIGNING_KEY_MADE = "signing-key-made"
    SIGNING_KEY_ROTATED = "signing-key-rotated"
    BREACH_SUSPECTED = "breach-suspected"
    CONFIGURATION_CHANGED = "configuration-changed"
    EXPORTED = "exported"
    EXPORT_FETCHED = "export-fetched"
    TRACED = "traced"
    RULE_CHANGED = "rule-changed"
    QUEUE_STEERED = "queue-steered"
    REGISTER_CHANGED = "register-changed"
    CONSENT_CHANGED = "consent-changed"
    RETENTION_RUN = "retention-run"
    BACKUP_RUN = "backup-run"
    LOG_PRUNED = "log-pruned"
    LOG_RESUMED = "log-resumed"


SERVER = "server"
OPERATOR = "operator"
"""Who acted, where it was no account: the server by itself, or whoever holds its command line."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened; `actor` is `server`, `operator`, or `account:` and an id in hex."""

    number: int
    at: datetime
    event: Event
    actor: str
    account_id: AccountId | None = None
    facts: Facts = field(default_factory=dict)
    personal: bytes = b""
    """Personal fields, sealed under the subject's key (`subjects`); empty for none."""


def account_actor(account_id: AccountId) -> str:
    """Name an account as the one who acted."""
    return f"account:{account_id.hex()}"


def encode(entry: Entry) -> bytes:
    """Write the canonical entry."""
    fields: dict[str, object] = {
        "n": entry.number,
        "at": (entry.at - _EPOCH) // _MICROSECOND,
        "event": entry.event.value,
        "actor": entry.actor,
        "facts": dict(entry.facts),
    }
    if entry.account_id is not None:
        fields["account"] = entry.account_id.hex()
    if entry.personal:
        fields["personal"] = base64.b64encode(entry.personal).decode("ascii")
    return json.dumps(fields, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def decode(octets: bytes) -> Entry:
    """Read a canonical entry.

    Raises:
        Corrupt: these octets are none.
    """
    try:
        fields = json.loads(octets)
        account = fields.get("account")
        entry = Entry(
            number=int(fields["n"]),
            at=_EPOCH + fields["at"] * _MICROSECOND,
            event=Event(fields["event"]),
            actor=str(fields["actor"]),
            account_id=None if account is None else AccountId(bytes.fromhex(account)),
            facts=fields["facts"],
            personal=base64.b64decode(fields.get("personal", ""), validate=True),
        )
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error, OverflowError):
        raise Corrupt(Condition.DAMAGED, "these octets are no audit entry") from None
    if encode(entry) != octets:
        raise Corrupt(Condition.DAMAGED, "this audit entry is not in its canonical form")
    return entry


def link(instance: bytes, number: int, previous: bytes, entry: bytes) -> bytes:
    """Return h[n] of the canonical `entry` with that number."""
    head = _LINK.pack(instance, number, previous, len(entry))
    return hashlib.sha256(b"zegel-audit" + head + entry).digest()
