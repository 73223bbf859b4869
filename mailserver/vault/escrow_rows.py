"""The keystore's rows of the organisation's recovery: what decides who may be opened, and how.

    policy    one row of the instance: that escrow is on, why, and the text that people are shown
    seen      of an account: which notice its owner saw; a wrap is made for that notice alone
    renewal   of an account: a custodian left, so that new keys are to be made
    request   of an account: an opening that was asked for, and its answers, sealed to its key

All are sealed under the master key. A request with one answer opens nothing, master key or not: the
other half is with a custodian.
"""

from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256

from mailserver.crypto.kdf import hkdf
from mailserver.crypto.sign import same
from mailserver.model.errors import PeerFault
from mailserver.model.ids import AccountId
from mailserver.model.sealed import Guarded
from mailserver.vault.account_key import AccountKey
from mailserver.vault.administrators import INSTANCE
from mailserver.vault.canonical import at, decode, encode, instant, mismatch, octets, reading, text
from mailserver.vault.custodians import CustodianRecord
from mailserver.vault.escrow_request import Request
from mailserver.vault.master import MasterKeys
from mailserver.vault.records import RowName, SealedRow, Table, open_row, seal_row

POLICY_ROW = sha256(b"zegel escrow policy").digest()
SEEN_ROW = sha256(b"zegel escrow seen").digest()
RENEWAL_ROW = sha256(b"zegel escrow renewal").digest()
REQUESTS = sha256(b"zegel escrow request").digest()
"""The selector of requests, whose row ids are their own; the others' selector is their row id."""


@dataclass(frozen=True, slots=True)
class PolicyRecord:
    """That escrow is on, and on what terms."""

    reason: str
    policy: str
    """What everybody is shown."""
    dpia: str
    """Where the assessment of its impact is. Source: GDPR Art. 35."""
    since: datetime


@dataclass(frozen=True, slots=True)
class SeenRecord:
    """Which notice an owner saw."""

    digest: bytes
    seen_at: datetime
    proof: bytes
    """By the account's own key: whoever holds the master key alone cannot say that it was seen."""

    def is_by(self, key: AccountKey, account: AccountId) -> bool:
        """Say whether the owner saw it, in a session that `key` was open in."""
        return same(self.proof, seen_proof(key, account, self.digest))


@dataclass(frozen=True, slots=True, repr=False)
class RequestRecord:
    """An opening."""

    number: int
    """Of its entry in the register."""
    request: Request
    seed: bytearray
    """Of the pair that answers are sealed to; empty once the export was made."""
    answers: dict[bytes, bytes] = field(default_factory=dict)
    opened_at: datetime | None = None
    export_seed: bytearray = field(default_factory=bytearray)
    """Of the pair that the export is sealed to; empty until it was made."""

    @property
    def is_spent(self) -> bool:
        """Whether the one export was made."""
        return bool(self.export_seed)


def notice_digest(policy: PolicyRecord, custodians: tuple[CustodianRecord, ...]) -> bytes:
    """Return what names a notice: another text, or another custodian, is another notice."""
    keys = sorted([one.name, one.key.id.hex()] for one in custodians)
    members: dict[str, object] = {"policy": policy.policy, "reason": policy.reason, "keys": keys}
    return sha256(b"zegel escrow notice" + encode(members)).digest()


def seen_proof(key: AccountKey, account: AccountId, digest: bytes) -> bytes:
    """Return what only an open session of the account can say of a notice."""
    return bytes(hkdf(key.amk.octets, b"zegel escrow notice" + account + digest))


def seal_policy(master: MasterKeys, record: PolicyRecord) -> SealedRow:
    """Seal the policy's row."""
    members: dict[str, object] = {
        "dpia": record.dpia,
        "policy": record.policy,
        "reason": record.reason,
        "since": record.since.isoformat(),
    }
    return seal_row(master, _fixed(INSTANCE, POLICY_ROW), encode(members))


def open_policy(master: MasterKeys, sealed: Guarded) -> PolicyRecord:
    """Open the policy's row. Raises Corrupt (KEY_MISMATCH)."""
    with reading():
        row = decode(open_row(master, _fixed(INSTANCE, POLICY_ROW), sealed))
        since = datetime.fromisoformat(row["since"])
        return PolicyRecord(row["reason"], row["policy"], row["dpia"], since)


def seal_seen(master: MasterKeys, account: AccountId, record: SeenRecord) -> SealedRow:
    """Seal what an owner saw."""
    members: dict[str, object] = {
        "digest": record.digest.hex(),
        "proof": text(record.proof),
        "seen": instant(record.seen_at),
    }
    return seal_row(master, _fixed(account, SEEN_ROW), encode(members))


def open_seen(master: MasterKeys, account: AccountId, sealed: Guarded) -> SeenRecord:
    """Open what an owner saw. Raises Corrupt (KEY_MISMATCH)."""
    with reading():
        row = decode(open_row(master, _fixed(account, SEEN_ROW), sealed))
        seen_at = datetime.fromisoformat(row["seen"])
        return SeenRecord(bytes.fromhex(row["digest"]), seen_at, octets(row["proof"]))


def seal_renewal(master: MasterKeys, account: AccountId, since: datetime) -> SealedRow:
    """Seal that an account needs new keys."""
    return seal_row(master, _fixed(account, RENEWAL_ROW), encode({"since": instant(since)}))


def check_renewal(master: MasterKeys, account: AccountId, sealed: Guarded) -> None:
    """See that it is authentic. Raises Corrupt (KEY_MISMATCH)."""
    with reading():
        decode(open_row(master, _fixed(account, RENEWAL_ROW), sealed))


def seal_request(master: MasterKeys, record: RequestRecord) -> SealedRow:
    """Seal a request's row."""
    members: dict[str, object] = {
        "answers": {who.hex(): text(sealed) for who, sealed in record.answers.items()},
        "export": text(bytes(record.export_seed)),
        "number": record.number,
        "opened": instant(record.opened_at),
        "request": text(record.request.encode()),
        "seed": text(bytes(record.seed)),
    }
    return seal_row(master, _of_request(record.request.account, record.request.id), encode(members))


def open_request(
    master: MasterKeys, account: AccountId, row_id: bytes, sealed: Guarded
) -> RequestRecord:
    """Open a request's row. Raises Corrupt (KEY_MISMATCH)."""
    with reading():
        row = decode(open_row(master, _of_request(account, row_id), sealed))
        try:
            request = Request.parse(octets(row["request"]))
        except PeerFault:
            raise mismatch() from None
        return RequestRecord(
            number=row["number"],
            request=request,
            seed=bytearray(octets(row["seed"])),
            answers={bytes.fromhex(who): octets(half) for who, half in row["answers"].items()},
            opened_at=at(row["opened"]),
            export_seed=bytearray(octets(row["export"])),
        )


def _fixed(account: AccountId, row_id: bytes) -> RowName:
    return RowName(Table.ESCROW, account, row_id, row_id)


def _of_request(account: AccountId, row_id: bytes) -> RowName:
    return RowName(Table.ESCROW, account, row_id, REQUESTS)
