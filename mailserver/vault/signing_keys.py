"""Domains' signing keys under the instance's guard, bound to the place where they are published.

Domain and selector name the guarded object, so a row that is moved to another domain or selector
does not open.
"""

import hashlib

from mailserver.crypto.dkim import PrivateKey
from mailserver.model.ids import ObjectId
from mailserver.model.sealed import Guarded
from mailserver.vault.guard import InstanceGuard, Kind

_OBJECT_OCTETS = 16


def seal_signing_key(guard: InstanceGuard, domain: str, selector: str, key: PrivateKey) -> Guarded:
    """Guard a key under the current master key."""
    return guard.seal(Kind.DKIM_KEY, _object(domain, selector), key.encode())


def open_signing_key(
    guard: InstanceGuard, domain: str, selector: str, guarded: Guarded
) -> PrivateKey:
    """Return the key that was guarded for that domain and selector.

    Raises:
        Corrupt: it was altered, is of another place, or its master key is gone.
    """
    return PrivateKey.load(guard.open(Kind.DKIM_KEY, _object(domain, selector), guarded))


def _object(domain: str, selector: str) -> ObjectId:
    place = f"{selector}._domainkey.{domain}".encode()
    return ObjectId(hashlib.sha256(place).digest()[:_OBJECT_OCTETS])
