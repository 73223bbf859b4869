"""Escrow wraps: what two custodians open together, and neither alone (PRIVACY §1, §5; ADR 27).

    S1, S2   32 random octets each, HPKE-sealed to one custodian each, bound to account, row,
             generation, custodian and place; a commit to each tells a right half from a wrong one
    root     HKDF(S1 ‖ S2, "zegel escrow")
    wrap     as every credential's: commit, then AES-256-GCM(HKDF(root, "wrap" ‖ kind), AMK)

The halves are random, so a commit to one tells nothing of it. Only who holds the account key makes
a wrap: the server alone cannot add one.
"""

import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from hashlib import sha256

from mailserver.crypto.aead import Aead
from mailserver.crypto.context import FORMAT, FieldId, Kind, Origin, context
from mailserver.crypto.hpke import KeyPair, PublicKey
from mailserver.crypto.kdf import hkdf
from mailserver.crypto.secret import SecretKey, overwrite
from mailserver.crypto.sign import same
from mailserver.crypto.suite import Suite
from mailserver.model.errors import Condition, Refused
from mailserver.model.ids import AccountId, ObjectId
from mailserver.vault.account_key import AccountKey
from mailserver.vault.credentials import NewWrap
from mailserver.vault.custodians import CustodianKey
from mailserver.vault.records import Half, WrapKind, WrapRecord

CUSTODIANS = 2
HALF_OCTETS = 32
WRAPS = sha256(b"zegel escrow wrap").digest()
"""The selector of every escrow wrap: they end together when escrow is turned off."""
_ROW_OCTETS = 16


def make_escrow_wrap(
    key: AccountKey, account: AccountId, custodians: Sequence[CustodianKey], made_at: datetime
) -> NewWrap:
    """Wrap `key` under two new halves, one sealed to each of two custodians.

    Raises:
        ValueError: they are not two, or the same one twice.
        Corrupt: KEY_MISMATCH: a public key is none.
    """
    if len(custodians) != CUSTODIANS or len({one.id for one in custodians}) != CUSTODIANS:
        raise ValueError("an escrow wrap is for two custodians")
    row_id = secrets.token_bytes(_ROW_OCTETS)
    record = WrapRecord(
        kind=WrapKind.ESCROW,
        generation=key.generation,
        suite=key.suite,
        kdf=0,
        salt=b"",
        commit=b"",
        sealed_key=b"",
        made_at=made_at,
    )
    secret, halves = bytearray(), []
    for number, custodian in enumerate(custodians):
        half = bytearray(secrets.token_bytes(HALF_OCTETS))
        info = half_info(account, row_id, record.generation, custodian, number)
        sealed = PublicKey(custodian.suite, custodian.public).seal(half, info)
        halves.append(Half(custodian.id, sealed, bytes(_half_commit(half))))
        secret += half
        overwrite(half)
    root = _root(secret)
    overwrite(secret)
    sealed_key = _cipher(root).seal(key.amk.octets, _wrap_context(account, row_id, record))
    commit = bytes(hkdf(root, b"commit"))
    overwrite(root)
    made = replace(record, halves=tuple(halves), commit=commit, sealed_key=sealed_key)
    return NewWrap(row_id, WRAPS, made)


def open_half(
    pair: KeyPair, account: AccountId, row_id: bytes, generation: int, number: int, sealed: bytes
) -> bytearray:
    """Open one half by its custodian's pair, on his own machine.

    Raises:
        Corrupt: DAMAGED, it is another's half, or of another place, or was altered.
    """
    key = CustodianKey(pair.suite, pair.public_octets)
    return bytearray(pair.open(sealed, half_info(account, row_id, generation, key, number)))


def check_half(record: WrapRecord, custodian: bytes, half: bytearray) -> None:
    """See that a half is the one that this custodian was to open.

    Raises:
        Refused: AUTHENTICATION_FAILED.
    """
    for each in record.halves:
        if each.custodian == custodian and same(_half_commit(half), each.commit):
            return
    raise _refused()


def open_escrow_wrap(
    account: AccountId, row_id: bytes, record: WrapRecord, halves: Sequence[bytearray]
) -> AccountKey:
    """Open the account's key by both halves, in the order of the record; they are overwritten.

    Raises:
        Refused: AUTHENTICATION_FAILED.
        Corrupt: the wrap was altered.
    """
    secret = bytearray().join(halves)
    for half in halves:
        overwrite(half)
    root = _root(secret)
    overwrite(secret)
    if record.kind is not WrapKind.ESCROW or not same(hkdf(root, b"commit"), record.commit):
        overwrite(root)
        raise _refused()
    cipher = _cipher(root)
    overwrite(root)
    amk = cipher.open(record.sealed_key, _wrap_context(account, row_id, record))
    return AccountKey(SecretKey(bytearray(amk)), record.generation, record.suite)


def half_info(
    account: AccountId, row_id: bytes, generation: int, custodian: CustodianKey, number: int
) -> bytes:
    """What a half is bound to: it opens in no other place, and for no other custodian."""
    return _context(
        account, row_id + bytes([number]) + custodian.id, generation, Suite(custodian.suite)
    )


def _wrap_context(account: AccountId, row_id: bytes, record: WrapRecord) -> bytes:
    return _context(account, row_id, record.generation, record.suite)


def _context(account: AccountId, named: bytes, generation: int, suite: Suite) -> bytes:
    place = ObjectId(sha256(b"zegel escrow wrap" + named).digest()[:16])
    kind, field = Kind.WRAP, FieldId.MASTER_KEY
    return context(kind, Origin.CREDENTIAL, account, place, field, FORMAT, generation, suite)


def _half_commit(half: bytearray) -> bytearray:
    return hkdf(half, b"zegel escrow half commit")


def _root(secret: bytearray) -> bytearray:
    return hkdf(secret, b"zegel escrow")


def _cipher(root: bytearray) -> Aead:
    key = hkdf(root, b"wrap" + bytes([WrapKind.ESCROW]))
    try:
        return Aead(key)
    finally:
        overwrite(key)


def _refused() -> Refused:
    return Refused(Condition.AUTHENTICATION_FAILED, "this half is not right")
