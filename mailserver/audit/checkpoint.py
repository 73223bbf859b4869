"""Signed checkpoints: the chain's end at a time, under a key that only the secrets file holds.

A copy of one, kept elsewhere, proves later that the log still begins with those entries (PRIVACY
§17). The key is Ed25519; its public half is what the other place needs to verify.
"""

import json
import struct
from datetime import UTC, datetime, timedelta
from pathlib import Path

from mailserver.audit.head import End
from mailserver.crypto.secret import SecretKey
from mailserver.crypto.sign import SEED_OCTETS, SigningKey, verify
from mailserver.model.errors import Condition, Misconfigured, PeerFault
from mailserver.runtime import secret_file
from mailserver.store.audit import CheckpointRow

EVERY = timedelta(hours=1)
EVERY_ENTRIES = 1_000
_KEY_NAME = "audit key file"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_STATEMENT = struct.Struct(">16sQ32sQ")


def statement(instance: bytes, end: End, at: datetime) -> bytes:
    """Write what is signed; `at` counts in whole seconds."""
    seconds = int((at - _EPOCH).total_seconds())
    return b"zegel-audit-checkpoint" + _STATEMENT.pack(instance, end.number, end.hash, seconds)


def signed(key: SigningKey, instance: bytes, end: End, now: datetime) -> CheckpointRow:
    """Sign that the chain of `instance` ends at `end` now."""
    at = now.replace(microsecond=0)
    return CheckpointRow(end.number, at, end.hash, key.sign(statement(instance, end, at)))


def check(public: bytes, instance: bytes, checkpoint: CheckpointRow) -> End:
    """Return the end that `checkpoint` vouches for.

    Raises:
        Corrupt: DAMAGED, the signature does not hold.
    """
    end = End(checkpoint.number, checkpoint.hash)
    verify(public, checkpoint.signature, statement(instance, end, checkpoint.at))
    return end


def written(checkpoint: CheckpointRow) -> str:
    """Write a checkpoint as one line of JSON, to be kept somewhere else."""
    return json.dumps(
        {
            "entry": checkpoint.number,
            "at": checkpoint.at.isoformat(),
            "hash": checkpoint.hash.hex(),
            "signature": checkpoint.signature.hex(),
        }
    )


def read(text: str) -> CheckpointRow:
    """Read what `written` wrote; whether it is genuine, `check` says.

    Raises:
        PeerFault: BAD_SYNTAX, it is no checkpoint.
    """
    try:
        found = json.loads(text)
        return CheckpointRow(
            int(found["entry"]),
            datetime.fromisoformat(found["at"]),
            bytes.fromhex(found["hash"]),
            bytes.fromhex(found["signature"]),
        )
    except (ValueError, KeyError, TypeError):
        raise PeerFault(Condition.BAD_SYNTAX, "this file holds no audit checkpoint") from None


def load_key(path: Path) -> SigningKey:
    """Read the signing key.

    Raises:
        Misconfigured: there is none, others may read it, or it is not one of ours.
    """
    seed = secret_file.read(path, _KEY_NAME)
    if len(seed) != SEED_OCTETS:
        raise Misconfigured("the audit key file is not one of ours")
    return SigningKey(SecretKey(seed))


def create_key(path: Path) -> SigningKey:
    """Make a key and write it to a new file of mode 0400, durable when this returns.

    Raises:
        Conflict: the file exists; it is never overwritten.
        Misconfigured: it cannot be written.
    """
    seed = SecretKey.random(SEED_OCTETS)
    secret_file.create(path, seed.octets, _KEY_NAME)
    return SigningKey(seed)
