"""Credentials: each wraps the account key under its holder's secret, and a login is the unwrap.

    root     from the secret, by Argon2id (password) or HKDF (whatever is random)
    commit   HKDF(root, "commit"), compared in constant time first: GCM does not commit to its key
    wrap     AES-256-GCM(HKDF(root, "wrap" ‖ kind), AMK), bound to account, row and generation

A wrong secret and a wrong kind of record give the same error; a wrap that fails behind a right
commit was altered and gives `Corrupt`. There is no second password hash to steal, and the commit
itself lies under the master key in its row. An app password for sending only is a verifier without
the key, for it sits in printers. Functions here do no I/O; those that hash a password take 0.1 s or
more, off the event loop.
"""

import secrets
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256

from mailserver.crypto.aead import Aead
from mailserver.crypto.context import FORMAT, FieldId, Kind, Origin, context
from mailserver.crypto.hpke import PublicKey
from mailserver.crypto.kdf import ARGON2_CURRENT, SALT_OCTETS, argon2id, hkdf, needs_upgrade
from mailserver.crypto.secret import SecretKey, overwrite
from mailserver.crypto.sign import same
from mailserver.crypto.suite import Suite
from mailserver.model.errors import Condition, Corrupt, Refused
from mailserver.model.ids import AccountId, ObjectId
from mailserver.model.sealed import Plaintext
from mailserver.vault.account_key import AccountKey
from mailserver.vault.codes import (
    APP_PASSWORD_LETTERS_AT_LEAST,
    APP_PASSWORD_OCTETS_AT_LEAST,
    SessionToken,
    app_password_selector,
    normal_app_password,
    recovery_octets,
)
from mailserver.vault.records import PublicIdentity, Scope, WrapKind, WrapRecord

PASSWORD_COST = ARGON2_CURRENT
"""Which Argon2id parameters a new password's wrap is made with; an octet of `crypto.kdf`."""
_RANDOM_SECRET = 0  # in `kdf`: no Argon2
_SENDING_ONLY = frozenset({Scope.SMTP})


@dataclass(frozen=True, slots=True)
class NewWrap:
    """A wrap to be stored: its row's name, what finds it within the account, and its record."""

    row_id: bytes
    selector: bytes
    record: WrapRecord


def make_password_wrap(
    key: AccountKey,
    account: AccountId,
    password: Plaintext,
    made_at: datetime,
    *,
    parameters: int = PASSWORD_COST,
) -> NewWrap:
    """Wrap `key` under the account password (UTF-8).

    Raises:
        Refused: WEAK_PASSWORD: it is not UTF-8.
        Corrupt: `parameters` is not on the allow-list.
    """
    normal = _normal_password(password)
    if normal is None:
        raise Refused(Condition.WEAK_PASSWORD, "the password is not UTF-8 text")
    salt = secrets.token_bytes(SALT_OCTETS)
    root = argon2id(normal, salt, parameters)
    record = replace(_record(WrapKind.PASSWORD, key, salt, made_at), kdf=parameters)
    return _sealed(key, account, secrets.token_bytes(16), b"", record, root)


def open_password_wrap(
    account: AccountId, row_id: bytes, record: WrapRecord, password: Plaintext
) -> AccountKey:
    """Open the account's key by its password.

    Raises:
        Refused: AUTHENTICATION_FAILED.
        Corrupt: the record names Argon2 parameters that are not allowed.
    """
    normal = _normal_password(password)
    root = argon2id(normal or b"", record.salt, record.kdf)
    return _opened(account, row_id, record, WrapKind.PASSWORD, root)


def spend_password(password: Plaintext) -> None:
    """Do the work of `open_password_wrap` where there is no user, so that time tells nothing."""
    root = argon2id(_normal_password(password) or b"", bytes(SALT_OCTETS), ARGON2_CURRENT)
    hkdf(root, b"commit")


def password_outdated(record: WrapRecord) -> bool:
    """Tell whether a password wrap is to be made anew while its password is in hand."""
    return needs_upgrade(record.kdf)


def make_app_password_wrap(
    key: AccountKey,
    account: AccountId,
    secret: Plaintext,
    scopes: frozenset[Scope],
    made_at: datetime,
    *,
    label: str = "",
    cidrs: tuple[str, ...] = (),
    expires_at: datetime | None = None,
) -> NewWrap:
    """Wrap `key` under the app password `secret`; for scope smtp alone make a mere verifier.

    Raises:
        ValueError: the secret has less than 20 characters, or there is no scope. (Real mail is for
            secrets of `new_app_password_secret` only.)
    """
    normal = normal_app_password(secret)
    short = (
        len(secret) < APP_PASSWORD_OCTETS_AT_LEAST or len(normal) < APP_PASSWORD_LETTERS_AT_LEAST
    )
    if short or not scopes:
        raise ValueError("an app password has 20 characters or more, and a scope")
    salt = secrets.token_bytes(SALT_OCTETS)
    record = replace(
        _record(WrapKind.APP_PASSWORD, key, salt, made_at),
        scopes=scopes,
        cidrs=cidrs,
        expires_at=expires_at,
        label=label,
    )
    selector = app_password_selector(account, secret)
    root = hkdf(normal, b"zegel app password", salt=salt)
    return _sealed(key, account, secrets.token_bytes(16), selector, record, root)


def open_app_password_wrap(
    account: AccountId, row_id: bytes, record: WrapRecord, secret: Plaintext
) -> AccountKey | None:
    """Open the account's key by an app password; None where it is right but for sending only.

    Scope, network and expiry are the caller's to check.

    Raises:
        Refused: AUTHENTICATION_FAILED.
    """
    root = hkdf(normal_app_password(secret), b"zegel app password", salt=record.salt)
    if record.scopes == _SENDING_ONLY:
        _compare(record, WrapKind.APP_PASSWORD, root)
        overwrite(root)
        return None
    return _opened(account, row_id, record, WrapKind.APP_PASSWORD, root)


def spend_app_password(account: AccountId, secret: Plaintext) -> None:
    """Do the work of an app password that selects no row, so that the time tells nothing."""
    app_password_selector(account, secret)
    root = hkdf(normal_app_password(secret), b"zegel app password", salt=bytes(SALT_OCTETS))
    same(hkdf(root, b"commit"), bytes(32))


def make_recovery_wrap(
    key: AccountKey, account: AccountId, code: Plaintext, made_at: datetime
) -> NewWrap:
    """Wrap `key` under a recovery code from `new_recovery_code`.

    Raises:
        Refused: AUTHENTICATION_FAILED: it is no recovery code.
    """
    salt = secrets.token_bytes(SALT_OCTETS)
    record = _record(WrapKind.RECOVERY, key, salt, made_at)
    root = _recovery_root(code, salt)
    return _sealed(key, account, secrets.token_bytes(16), b"", record, root)


def open_recovery_wrap(
    account: AccountId, row_id: bytes, record: WrapRecord, code: Plaintext
) -> AccountKey:
    """Open the account's key by its recovery code; `UnlockedAccount` proves it before use.

    Raises:
        Refused: AUTHENTICATION_FAILED.
    """
    root = _recovery_root(code, record.salt)
    key = _opened(account, row_id, record, WrapKind.RECOVERY, root)
    key.unproven = (
        True  # the row has no master-key layer: whoever writes the keystore could plant one
    )
    return key


def make_session_wrap(
    key: AccountKey,
    account: AccountId,
    token: SessionToken,
    made_at: datetime,
    expires_at: datetime,
) -> NewWrap:
    """Wrap `key` under the secret in a browser's cookie; the row is named by `token.row_id`."""
    salt = secrets.token_bytes(SALT_OCTETS)
    record = replace(_record(WrapKind.SESSION, key, salt, made_at), expires_at=expires_at)
    root = hkdf(token.secret, b"zegel session", salt=salt)
    return _sealed(key, account, token.row_id, token.row_id, record, root)


def open_session_wrap(
    account: AccountId, row_id: bytes, record: WrapRecord, token: SessionToken
) -> AccountKey:
    """Open the account's key by a session's cookie.

    Raises:
        Refused: AUTHENTICATION_FAILED.
    """
    root = hkdf(token.secret, b"zegel session", salt=record.salt)
    return _opened(account, row_id, record, WrapKind.SESSION, root)


def make_member_wrap(
    key: AccountKey, account: AccountId, member: PublicIdentity, made_at: datetime
) -> NewWrap:
    """Seal the key of the shared mailbox `account` to a member's public key.

    Raises:
        Corrupt: KEY_MISMATCH: the member's public key is none.
    """
    row_id = secrets.token_bytes(16)
    info = _member_context(account, row_id, member.account, member.generation, member.suite)
    record = replace(
        _record(WrapKind.MEMBER, key, b"", made_at),
        sealed_key=PublicKey(member.suite, member.public).seal(key.amk.octets, info),
        member=(member.account, member.generation),
    )
    return NewWrap(row_id, b"", record)


def open_member_wrap(
    account: AccountId,
    row_id: bytes,
    record: WrapRecord,
    member: AccountId,
    keys: Iterable[AccountKey],
) -> AccountKey:
    """Open a shared mailbox's key by the account keys of `member`.

    Raises:
        Refused: AUTHENTICATION_FAILED: the wrap is another member's, or of a generation that is not
        in `keys`.
    """
    if record.kind is WrapKind.MEMBER and record.member and record.member[0] == member:
        for own in keys:
            if own.generation == record.member[1]:
                info = _member_context(account, row_id, member, own.generation, own.suite)
                try:
                    amk = own.pair.open(record.sealed_key, info)
                except Corrupt:
                    raise _refused() from None
                return AccountKey(SecretKey(amk), record.generation, record.suite)
    raise _refused()


def _record(kind: WrapKind, key: AccountKey, salt: bytes, made_at: datetime) -> WrapRecord:
    """Begin a record; `_sealed` fills in commit and wrap."""
    return WrapRecord(
        kind=kind,
        generation=key.generation,
        suite=key.suite,
        kdf=_RANDOM_SECRET,
        salt=salt,
        commit=b"",
        sealed_key=b"",
        made_at=made_at,
    )


def _sealed(
    key: AccountKey,
    account: AccountId,
    row_id: bytes,
    selector: bytes,
    record: WrapRecord,
    root: bytearray,
) -> NewWrap:
    """Fill in commit and wrap, and overwrite `root`."""
    sealed_key = b""
    if record.kind is not WrapKind.APP_PASSWORD or record.scopes != _SENDING_ONLY:
        cipher = _wrap_cipher(root, record.kind)
        sealed_key = cipher.seal(key.amk.octets, _wrap_context(account, row_id, record))
    commit = bytes(hkdf(root, b"commit"))
    overwrite(root)
    return NewWrap(row_id, selector, replace(record, commit=commit, sealed_key=sealed_key))


def _opened(
    account: AccountId, row_id: bytes, record: WrapRecord, kind: WrapKind, root: bytearray
) -> AccountKey:
    """Unwrap the account's key, and overwrite `root`."""
    _compare(record, kind, root)
    cipher = _wrap_cipher(root, kind)
    overwrite(root)
    amk = cipher.open(record.sealed_key, _wrap_context(account, row_id, record))
    return AccountKey(SecretKey(amk), record.generation, record.suite)


def _compare(record: WrapRecord, kind: WrapKind, root: bytearray) -> None:
    """Refuse, and overwrite `root`, unless the record was made with it."""
    commit = hkdf(root, b"commit")
    if not same(commit, record.commit) or record.kind is not kind:
        overwrite(root)
        raise _refused()


def _wrap_cipher(root: bytearray, kind: WrapKind) -> Aead:
    key = hkdf(root, b"wrap" + bytes([kind]))
    try:
        return Aead(key)
    finally:
        overwrite(key)


def _wrap_context(account: AccountId, row_id: bytes, record: WrapRecord) -> bytes:
    return context(
        Kind.WRAP,
        Origin.CREDENTIAL,
        account,
        _row_object(row_id),
        FieldId.MASTER_KEY,
        FORMAT,
        record.generation,
        record.suite,
    )


def _member_context(
    account: AccountId, row_id: bytes, member: AccountId, generation: int, suite: Suite
) -> bytes:
    return context(
        Kind.WRAP,
        Origin.CREDENTIAL,
        account,
        _row_object(row_id + member),
        FieldId.MASTER_KEY,
        FORMAT,
        generation,
        suite,
    )


def _row_object(row_id: bytes) -> ObjectId:
    """Name a row by 16 octets, whatever the length of its id."""
    return ObjectId(sha256(b"zegel wrap" + row_id).digest()[:16])


def _recovery_root(code: Plaintext, salt: bytes) -> bytearray:
    octets = recovery_octets(code)
    try:
        return hkdf(octets, b"zegel recovery code", salt=salt)
    finally:
        overwrite(octets)


def _normal_password(password: Plaintext) -> bytes | None:
    """Return the password in NFC, for keyboards differ in accents; None if it is not UTF-8."""
    try:
        return unicodedata.normalize("NFC", password.reveal().decode()).encode()
    except UnicodeDecodeError:
        return None


def _refused() -> Refused:
    return Refused(Condition.AUTHENTICATION_FAILED, "the credential is not right")
