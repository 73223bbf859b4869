"""Web sessions: rows that only the browser's cookie opens, and devices that are known (PRIVACY §6).

    session  the account key, wrapped under the cookie's secret; what was shown to open it, and when
    trust    that a browser signed in to this account before; it opens nothing

Both lie in the table of sessions under the hash of their cookie's selector. A copied row gives no
cookie, and a cookie without its row opens nothing.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256

from mailserver.crypto.sign import same
from mailserver.model.ids import AccountId
from mailserver.model.sealed import Guarded
from mailserver.vault.canonical import at, decode, encode, instant, mismatch, octets, reading, text
from mailserver.vault.codes import SessionToken
from mailserver.vault.master import MasterKeys
from mailserver.vault.records import (
    RowName,
    SealedRow,
    Table,
    WrapRecord,
    decode_wrap,
    encode_wrap,
    open_row,
    seal_row,
)


class Stage(StrEnum):
    """How far a sign-in has come."""

    FACTOR = "factor"
    """The password was right; the second factor is outstanding, and nothing may be opened."""
    OPEN = "open"


class Vouching(StrEnum):
    """What an identity provider had to do with a sign-in."""

    NONE = ""
    IDENTITY = "identity"
    """It said who it is."""
    FACTOR = "factor"
    """It asked for a second factor, too, and that counts."""


@dataclass(frozen=True, slots=True, repr=False)
class SessionRecord:
    """A web session; `wrap` holds the account key under the cookie's secret."""

    wrap: WrapRecord
    stage: Stage
    idle: timedelta
    stay: bool = False
    factor_at: datetime | None = None
    """When a second factor, or a password where there is none, was last shown."""
    agent: str = ""
    """What the browser calls itself, cut; its owner sees it in the list of sessions."""
    peer: str = ""
    challenge: bytes = b""
    """What a passkey is asked to sign next; each is good for one answer."""
    challenge_at: datetime | None = None
    failures: int = 0
    """Wrong second factors within this session."""
    seed: bytes = b""
    """A TOTP seed that was shown and not yet confirmed."""
    vouching: Vouching = Vouching.NONE

    def __repr__(self) -> str:
        """Name the stage, never the browser or its network."""
        return f"<web session, {self.stage.value}>"


@dataclass(frozen=True, slots=True, repr=False)
class TrustRecord:
    """A browser that signed in to the account before."""

    commit: bytes
    made_at: datetime
    expires_at: datetime
    agent: str = ""


def seal_session(
    master: MasterKeys, account: AccountId, row_id: bytes, record: SessionRecord
) -> SealedRow:
    """Seal a session's row."""
    members: dict[str, object] = {
        "agent": record.agent,
        "challenge": text(record.challenge),
        "challenged": instant(record.challenge_at),
        "factor": instant(record.factor_at),
        "failures": record.failures,
        "idle": int(record.idle.total_seconds()),
        "kind": "session",
        "peer": record.peer,
        "seed": text(record.seed),
        "stage": record.stage,
        "stay": record.stay,
        "vouching": record.vouching,
        "wrap": text(encode_wrap(record.wrap)),
    }
    return seal_row(master, _row_name(account, row_id), encode(members))


def seal_trust(
    master: MasterKeys, account: AccountId, row_id: bytes, record: TrustRecord
) -> SealedRow:
    """Seal the row of a known device."""
    members: dict[str, object] = {
        "agent": record.agent,
        "commit": text(record.commit),
        "expires": record.expires_at.isoformat(),
        "kind": "trust",
        "made": record.made_at.isoformat(),
    }
    return seal_row(master, _row_name(account, row_id), encode(members))


def open_session_row(
    master: MasterKeys, account: AccountId, row_id: bytes, sealed: Guarded
) -> SessionRecord | TrustRecord:
    """Open a row of the table of sessions.

    Raises:
        Corrupt: KEY_MISMATCH: it is not authentic.
    """
    with reading():
        row = decode(open_row(master, _row_name(account, row_id), sealed))
        if row["kind"] == "trust":
            return TrustRecord(
                commit=octets(row["commit"]),
                made_at=datetime.fromisoformat(row["made"]),
                expires_at=datetime.fromisoformat(row["expires"]),
                agent=row["agent"],
            )
        if row["kind"] != "session":
            raise mismatch()
        return SessionRecord(
            wrap=decode_wrap(octets(row["wrap"])),
            stage=Stage(row["stage"]),
            idle=timedelta(seconds=row["idle"]),
            stay=row["stay"],
            factor_at=at(row["factor"]),
            agent=row["agent"],
            peer=row["peer"],
            challenge=octets(row["challenge"]),
            challenge_at=at(row["challenged"]),
            failures=row["failures"],
            seed=octets(row["seed"]),
            vouching=Vouching(row.get("vouching", "")),
        )


def seal_seen(master: MasterKeys, account: AccountId, row_id: bytes, when: datetime) -> SealedRow:
    """Seal when a session was last used."""
    name = RowName(Table.SEEN, account, row_id)
    return seal_row(master, name, encode({"at": when.isoformat()}))


def open_seen(master: MasterKeys, account: AccountId, row_id: bytes, sealed: Guarded) -> datetime:
    """Return when a session was last used.

    Raises:
        Corrupt: KEY_MISMATCH: the row is not authentic.
    """
    with reading():
        row = decode(open_row(master, RowName(Table.SEEN, account, row_id), sealed))
        return datetime.fromisoformat(row["at"])


def trust_commit(token: SessionToken) -> bytes:
    """Return what the row of a known device keeps of its cookie's secret: 256 random bits."""
    return sha256(b"zegel trusted device" + token.secret).digest()


def is_trusted(record: TrustRecord, token: SessionToken, now: datetime) -> bool:
    """Say whether `token` is the cookie of that device, and still good."""
    return now < record.expires_at and same(trust_commit(token), record.commit)


def _row_name(account: AccountId, row_id: bytes) -> RowName:
    return RowName(Table.SESSION, account, row_id, row_id)
