"""Documents that prove something to those who have no server: JSON, signed, verified offline.

Each is signed with the key that signs the audit log (Ed25519). What is signed begins with the kind
of the document, so that none is taken for one of another kind.
"""

import json
from collections.abc import Mapping
from typing import Any

from mailserver.crypto.sign import SIGNATURE_OCTETS, SigningKey, verify
from mailserver.model.errors import Condition, PeerFault

DOCUMENT_OCTETS = 1 << 20


def sign(key: SigningKey, kind: bytes, said: Mapping[str, Any]) -> str:
    """Write a document of a kind, signed with `key`."""
    signature = key.sign(kind + _canonical(said)).hex()
    signed = {**said, "key": key.public.hex(), "signature": signature}
    return json.dumps(signed, indent=1, ensure_ascii=False) + "\n"


def check(public: bytes, kind: bytes, schema: int, text: str) -> dict[str, Any]:
    """Return what a document of a kind says, if the owner of `public` signed it.

    Raises:
        PeerFault: BAD_SYNTAX, it is no such document.
        Corrupt: DAMAGED, it was altered, or another signed it.
    """
    try:
        said = json.loads(text)
        signature = bytes.fromhex(said.pop("signature"))
        said.pop("key")
        if said["schema"] != schema or len(signature) != SIGNATURE_OCTETS:
            raise ValueError
    except (ValueError, KeyError, TypeError, AttributeError):
        raise PeerFault(Condition.BAD_SYNTAX, "this is no such document") from None
    verify(public, signature, kind + _canonical(said))
    return dict(said)


def _canonical(said: Mapping[str, Any]) -> bytes:
    return json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()
