"""Personal fields of audit entries: sealed under a key of the account they speak of (PRIVACY §17).

The key is HKDF(guard key, "audit"), so it goes with the account's keystore row: the fields can then
no longer be read, and the chain, which hashes the ciphertext, still verifies.
"""

import json
from collections.abc import Mapping

from mailserver.crypto.aead import Aead
from mailserver.crypto.context import FORMAT, NO_SUITE, FieldId, Kind, Origin, context
from mailserver.crypto.padding import pad, unpad
from mailserver.model.errors import Condition, Corrupt
from mailserver.model.ids import AccountId, ObjectId, new_object_id
from mailserver.model.sealed import Plaintext

_NAME_OCTETS = 16


class Subject:
    """Whom an entry speaks of; kept no longer than it is needed."""

    __slots__ = ("_cipher", "account_id")

    def __init__(self, account_id: AccountId, audit_key: bytes | bytearray) -> None:
        """Load the account's key (`AccountGuard.audit_key`)."""
        self.account_id = account_id
        self._cipher = Aead(audit_key)

    def seal(self, fields: Mapping[str, str]) -> bytes:
        """Seal `fields`; nothing, where there are none."""
        if not fields:
            return b""
        name = new_object_id()
        plain = pad(json.dumps(dict(fields), sort_keys=True).encode())
        return name + self._cipher.seal(plain, self._context(name))

    def open(self, personal: bytes) -> dict[str, Plaintext]:
        """Return the fields of an entry.

        Raises:
            Corrupt: they are another account's, or were altered.
        """
        if not personal:
            return {}
        name = ObjectId(personal[:_NAME_OCTETS])
        if len(name) != _NAME_OCTETS:
            raise Corrupt(Condition.DAMAGED, "personal audit fields are cut short")
        plain = unpad(self._cipher.open(personal[_NAME_OCTETS:], self._context(name)))
        return {key: Plaintext(str(text).encode()) for key, text in json.loads(plain).items()}

    def _context(self, name: ObjectId) -> bytes:
        return context(
            Kind.AUDIT_DETAIL,
            Origin.GUARD,
            self.account_id,
            name,
            FieldId.VALUE,
            FORMAT,
            0,
            NO_SUITE,
        )

    def __repr__(self) -> str:
        """Never show the key."""
        return f"<audit subject {self.account_id.hex()}>"
