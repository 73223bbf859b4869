"""An administrator's session: a row that only the browser's cookie finds, and that opens no key.

It lies in the table of sessions, for no account, under the hash of its cookie's selector; of the
cookie's secret it has a hash. It names the administrator by his row, so that a session ends with
him, and his roles are always those that his row has now.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256

from mailserver.crypto.sign import same
from mailserver.model.sealed import Guarded
from mailserver.vault.administrators import INSTANCE
from mailserver.vault.canonical import at, decode, encode, instant, mismatch, octets, reading, text
from mailserver.vault.codes import SessionToken
from mailserver.vault.master import MasterKeys
from mailserver.vault.records import RowName, SealedRow, Table, open_row, seal_row

KIND = "admin"


class AdminStage(StrEnum):
    """How far a sign-in has come."""

    ENROL = "enrol"
    """The password was right, and there is no second factor yet: it is set up first."""
    FACTOR = "factor"
    """The password was right; the second factor is outstanding."""
    OPEN = "open"


@dataclass(frozen=True, slots=True, repr=False)
class AdminSessionRecord:
    """What a session says."""

    admin: bytes
    """The row id of whose it is."""
    stage: AdminStage
    commit: bytes
    made_at: datetime
    expires_at: datetime
    seen_at: datetime
    """When it was last used, to the minute."""
    factor_at: datetime | None = None
    agent: str = ""
    peer: str = ""
    failures: int = 0
    seed: bytes = b""
    """A TOTP seed that was shown and not yet confirmed."""

    def __repr__(self) -> str:
        """Name the stage, never the browser or its network."""
        return f"<administrator's session, {self.stage.value}>"


def commit_of(token: SessionToken) -> bytes:
    """Return what the row keeps of its cookie's secret: 256 random bits."""
    return sha256(b"zegel administrator session" + token.secret).digest()


def is_cookie_of(record: AdminSessionRecord, token: SessionToken) -> bool:
    """Say whether `token` is the cookie of that session."""
    return same(commit_of(token), record.commit)


def seal_admin_session(master: MasterKeys, row_id: bytes, record: AdminSessionRecord) -> SealedRow:
    """Seal a session's row."""
    members: dict[str, object] = {
        "admin": text(record.admin),
        "agent": record.agent,
        "commit": text(record.commit),
        "expires": record.expires_at.isoformat(),
        "factor": instant(record.factor_at),
        "failures": record.failures,
        "kind": KIND,
        "made": record.made_at.isoformat(),
        "peer": record.peer,
        "seed": text(record.seed),
        "seen": record.seen_at.isoformat(),
        "stage": record.stage,
    }
    return seal_row(master, _row_name(row_id), encode(members))


def open_admin_session(master: MasterKeys, row_id: bytes, sealed: Guarded) -> AdminSessionRecord:
    """Open a session's row.

    Raises:
        Corrupt: KEY_MISMATCH: it is not authentic, or no administrator's.
    """
    with reading():
        row = decode(open_row(master, _row_name(row_id), sealed))
        if row["kind"] != KIND:
            raise mismatch()
        return AdminSessionRecord(
            admin=octets(row["admin"]),
            stage=AdminStage(row["stage"]),
            commit=octets(row["commit"]),
            made_at=datetime.fromisoformat(row["made"]),
            expires_at=datetime.fromisoformat(row["expires"]),
            seen_at=datetime.fromisoformat(row["seen"]),
            factor_at=at(row["factor"]),
            agent=row["agent"],
            peer=row["peer"],
            failures=row["failures"],
            seed=octets(row["seed"]),
        )


def _row_name(row_id: bytes) -> RowName:
    return RowName(Table.SESSION, INSTANCE, row_id, row_id)
