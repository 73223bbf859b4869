"""Secrets that people copy and browsers keep: app passwords, recovery codes, session tokens.

All are random, 160 bits or more, so they need no slow hash. What a person may type wrong (case,
blanks, dashes, an O for a zero) is mended before anything is derived.
"""

import base64
import binascii
import secrets
from dataclasses import dataclass
from hashlib import sha256
from typing import Never

from mailserver.model.errors import Condition, Refused
from mailserver.model.ids import AccountId
from mailserver.model.sealed import Plaintext

APP_PASSWORD_OCTETS = 20
APP_PASSWORD_OCTETS_AT_LEAST = 20  # as written
APP_PASSWORD_LETTERS_AT_LEAST = 16  # without blanks and dashes
SELECTING_CHARACTERS = 6  # 30 of 160 bits: the 130 others stay above the 128 that need no slow hash
SELECTOR_OCTETS = 16
BACKUP_CODES = 10
BACKUP_CODE_OCTETS = 10

_GROUP = 4
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_TO_CROCKFORD = str.maketrans(_BASE32, _CROCKFORD)
_FROM_CROCKFORD = str.maketrans(_CROCKFORD + "OIL", _BASE32 + "ABB")  # O reads 0; I, L read 1
_TYPED = frozenset(_CROCKFORD + "OIL")
_CODE_CHARACTERS = 32


def new_app_password_secret() -> Plaintext:
    """Make an app password: 160 bits as 8 groups of 4 lower-case base32 characters; shown once."""
    return Plaintext(_grouped(_base32(secrets.token_bytes(APP_PASSWORD_OCTETS)).lower()))


def normal_app_password(secret: Plaintext) -> bytes:
    """Return what an app password is derived from: lower case, without blanks and dashes."""
    return b"".join(secret.reveal().replace(b"-", b"").split()).lower()


def app_password_selector(account: AccountId, secret: Plaintext) -> bytes:
    """Return the 16 octets that find the row of an app password, from its first 6 characters."""
    selecting = normal_app_password(secret)[:SELECTING_CHARACTERS]
    return sha256(b"zegel app password selector" + account + selecting).digest()[:SELECTOR_OCTETS]


def new_recovery_code() -> Plaintext:
    """Make a recovery code: 160 bits as 8×4 Crockford base32 characters, and 2 that check them."""
    code = _base32(secrets.token_bytes(20)).translate(_TO_CROCKFORD)
    return Plaintext(_grouped(code) + b"-" + _check(code).encode())


def looks_like_app_password(secret: Plaintext) -> bool:
    """Say whether a secret has the form of an app password: 32 characters of base32."""
    normal = normal_app_password(secret).upper()
    return len(normal) == _CODE_CHARACTERS and set(normal.decode("latin-1")) <= set(_BASE32)


def is_recovery_code(secret: Plaintext) -> bool:
    """Say whether a secret is a recovery code, rightly typed; of which account is another matter.

    One other text in a thousand of that length passes.
    """
    try:
        recovery_octets(secret)
    except Refused:
        return False
    return True


def recovery_octets(code: Plaintext) -> bytearray:
    """Return the 20 octets a recovery code stands for; may be overwritten.

    Raises:
        Refused: AUTHENTICATION_FAILED: it is no recovery code, or mistyped; its last two
            characters tell, without a look at any account.
    """
    typed = "".join(code.reveal().decode("ascii", "replace").replace("-", "").split()).upper()
    plain = typed.translate(_FROM_CROCKFORD)
    written = plain.translate(_TO_CROCKFORD)
    if (
        len(typed) != _CODE_CHARACTERS + 2
        or not _TYPED.issuperset(typed)
        or written[_CODE_CHARACTERS:] != _check(written)
    ):
        raise Refused(Condition.AUTHENTICATION_FAILED, "the recovery code is mistyped")
    return bytearray(base64.b32decode(plain[:_CODE_CHARACTERS]))


def new_backup_codes() -> list[Plaintext]:
    """Make ten backup codes: 80 bits each, as 4 groups of 4 Crockford base32 characters."""
    made = (_base32(secrets.token_bytes(BACKUP_CODE_OCTETS)) for _ in range(BACKUP_CODES))
    return [Plaintext(_grouped(code.translate(_TO_CROCKFORD))) for code in made]


def backup_code_hash(account: AccountId, code: Plaintext) -> bytes:
    """Return what is kept of a backup code; 80 random bits, so that no slow hash is needed.

    What is no code at all hashes to what no code does.
    """
    typed = "".join(code.reveal().decode("ascii", "replace").replace("-", "").split()).upper()
    plain = typed.translate(_FROM_CROCKFORD)
    return sha256(b"zegel backup code" + account + plain.encode("utf-8", "replace")).digest()


@dataclass(frozen=True, slots=True, repr=False)
class SessionToken:
    """What a browser's cookie holds: 128 bits that select the session's row, 256 that open it."""

    selector: bytes
    secret: bytes

    @classmethod
    def random(cls) -> "SessionToken":
        """Make the token of a new session."""
        return cls(secrets.token_bytes(16), secrets.token_bytes(32))

    @property
    def row_id(self) -> bytes:
        """SHA-256 of the selector, so that a copied row gives no cookie."""
        return sha256(b"zegel session selector" + self.selector).digest()

    def cookie(self) -> Plaintext:
        """Write it as selector.secret in URL-safe base64 without padding."""
        return Plaintext(_url64(self.selector) + b"." + _url64(self.secret))

    @classmethod
    def parse(cls, cookie: Plaintext) -> "SessionToken":
        """Read a cookie's value.

        Raises:
            Refused: AUTHENTICATION_FAILED: it is no session token.
        """
        try:
            selector, secret = (
                base64.b64decode(part + b"=" * (-len(part) % 4), b"-_", validate=True)
                for part in cookie.reveal().split(b".")
            )
        except (binascii.Error, ValueError):
            raise _no_session() from None
        if len(selector) != 16 or len(secret) != 32:
            raise _no_session()
        return cls(selector, secret)

    def __repr__(self) -> str:
        """Never show it."""
        return "<session token>"

    def __reduce__(self) -> Never:
        """Refuse to be pickled or copied."""
        raise TypeError("a session token is not pickled or copied")


def _no_session() -> Refused:
    return Refused(Condition.AUTHENTICATION_FAILED, "this is no session")


def _base32(octets: bytes) -> str:
    return base64.b32encode(octets).decode()


def _grouped(text: str) -> bytes:
    return "-".join(text[n : n + _GROUP] for n in range(0, len(text), _GROUP)).encode()


def _check(code: str) -> str:
    """Return two characters, 10 bits, that tell a mistyped code; a hash, so that any slip shows."""
    checked = b"zegel recovery check" + code[:_CODE_CHARACTERS].encode()
    number = int.from_bytes(sha256(checked).digest()[:2])
    return _CROCKFORD[number >> 11] + _CROCKFORD[number >> 6 & 31]


def _url64(octets: bytes) -> bytes:
    return base64.urlsafe_b64encode(octets).rstrip(b"=")
