"""Accounts that the server opens by itself: `key_mode=server` (PRIVACY §1, "server").

Their key is wrapped under HKDF(MASTER, "inst"), so that whoever signs in by an identity provider
alone finds it open; and so does the operator, who is shown as able to. No other account has such a
wrap. Leaving this mode makes a new generation of the key.
"""

import secrets
from dataclasses import replace
from datetime import datetime

from mailserver.crypto.context import Kind
from mailserver.crypto.secret import KEY_OCTETS, SecretKey
from mailserver.model.errors import Condition, Corrupt
from mailserver.model.ids import AccountId, ObjectId
from mailserver.model.sealed import Guarded
from mailserver.vault.account_key import AccountKey
from mailserver.vault.credentials import NewWrap
from mailserver.vault.guard import InstanceGuard
from mailserver.vault.records import WrapKind, WrapRecord, decode_wrap, encode_wrap

_ROW_OCTETS = 16


def make_server_wrap(
    guard: InstanceGuard, key: AccountKey, account: AccountId, made_at: datetime
) -> NewWrap:
    """Wrap `key` for the server itself."""
    row_id = secrets.token_bytes(_ROW_OCTETS)
    record = WrapRecord(
        kind=WrapKind.SERVER,
        generation=key.generation,
        suite=key.suite,
        kdf=0,
        salt=b"",
        commit=b"",
        sealed_key=guard.seal(Kind.ACCOUNT_KEY, ObjectId(row_id), account + bytes(key.amk.octets)),
        made_at=made_at,
    )
    return NewWrap(row_id, b"", record)


def open_server_wrap(
    guard: InstanceGuard, account: AccountId, row_id: bytes, record: WrapRecord
) -> AccountKey:
    """Open an account's key as the server may.

    Raises:
        Corrupt: KEY_MISMATCH, it is another account's, or was altered.
    """
    try:
        if record.kind is not WrapKind.SERVER:
            raise Corrupt(Condition.KEY_MISMATCH)
        whole = guard.open(Kind.ACCOUNT_KEY, ObjectId(row_id), Guarded(record.sealed_key))
    except Corrupt:
        raise _mismatch() from None
    if whole[: len(account)] != account or len(whole) != len(account) + KEY_OCTETS:
        raise _mismatch()
    amk = SecretKey(bytearray(whole[len(account) :]))
    return AccountKey(amk, record.generation, record.suite)


def under_current(guard: InstanceGuard, row_id: bytes, encoded: bytes) -> bytes:
    """Return a wrap's encoded record, the server's own wrap under the current master key.

    Raises:
        Corrupt: it was altered.
    """
    record = decode_wrap(encoded)
    if record.kind is not WrapKind.SERVER:
        return encoded
    name = ObjectId(row_id)
    whole = guard.open(Kind.ACCOUNT_KEY, name, Guarded(record.sealed_key))
    sealed = guard.seal(Kind.ACCOUNT_KEY, name, whole)
    return encode_wrap(replace(record, sealed_key=sealed))


def _mismatch() -> Corrupt:
    return Corrupt(Condition.KEY_MISMATCH, "the server's copy of an account key is not authentic")
