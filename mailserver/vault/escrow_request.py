"""A request to open an account, and a custodian's answer: two small files that travel by hand.

    request   what is asked, of whom, why and until when; both sealed halves; a key for answers
    answer    one half, HPKE-sealed to the request's key, bound to the request's digest and to the
              custodian: it answers no other request, nor one that was edited

Whoever carries the files reads address and reason, and opens nothing by them.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from mailserver.crypto.hpke import KeyPair, PublicKey, derive_pair
from mailserver.crypto.secret import overwrite
from mailserver.crypto.suite import Suite
from mailserver.model.errors import Condition, Corrupt, MailError, PeerFault, Refused
from mailserver.model.ids import AccountId
from mailserver.vault.canonical import octets, text
from mailserver.vault.custodians import key_of
from mailserver.vault.escrow import open_half

_REQUEST = "zegel escrow request 1"
_ANSWER = "zegel escrow answer 1"
FILE_OCTETS = 64 * 1024
"""More than any of them; bounds what is read from a stranger's medium."""


@dataclass(frozen=True, slots=True, repr=False)
class Request:
    """What two custodians are asked."""

    id: bytes
    address: str
    account: AccountId
    reason: str
    made_at: datetime
    expires_at: datetime
    row_id: bytes
    """Of the escrow wrap."""
    generation: int
    halves: tuple[tuple[bytes, bytes], ...]
    """The id of a custodian's key, and his half, sealed; in the order of the wrap."""
    suite: Suite
    public: bytes
    """What answers are sealed to."""

    def encode(self) -> bytes:
        """Write the file; the same octets each time."""
        members = {
            "format": _REQUEST,
            "request": self.id.hex(),
            "address": self.address,
            "account": self.account.hex(),
            "reason": self.reason,
            "made": self.made_at.isoformat(),
            "expires": self.expires_at.isoformat(),
            "row": self.row_id.hex(),
            "generation": self.generation,
            "halves": [[custodian.hex(), text(sealed)] for custodian, sealed in self.halves],
            "suite": int(self.suite),
            "public": text(self.public),
        }
        return json.dumps(members, indent=1, sort_keys=True).encode() + b"\n"

    @classmethod
    def parse(cls, content: bytes) -> "Request":
        """Read the file.

        Raises:
            PeerFault: BAD_SYNTAX, it is none.
        """
        try:
            row = json.loads(content)
            if row["format"] != _REQUEST:
                raise ValueError("a file of another kind")
            return cls(
                id=bytes.fromhex(row["request"]),
                address=str(row["address"]),
                account=AccountId(bytes.fromhex(row["account"])),
                reason=str(row["reason"]),
                made_at=datetime.fromisoformat(row["made"]),
                expires_at=datetime.fromisoformat(row["expires"]),
                row_id=bytes.fromhex(row["row"]),
                generation=int(row["generation"]),
                halves=tuple((bytes.fromhex(who), octets(half)) for who, half in row["halves"]),
                suite=Suite(row["suite"]),
                public=octets(row["public"]),
            )
        except (ValueError, TypeError, KeyError, AttributeError):
            raise PeerFault(Condition.BAD_SYNTAX, "this is no escrow request") from None


@dataclass(frozen=True, slots=True, repr=False)
class Answer:
    """What one custodian says to a request."""

    request: bytes
    custodian: bytes
    sealed: bytes

    def encode(self) -> bytes:
        """Write the file."""
        members = {
            "format": _ANSWER,
            "request": self.request.hex(),
            "custodian": self.custodian.hex(),
            "sealed": text(self.sealed),
        }
        return json.dumps(members, indent=1).encode() + b"\n"

    @classmethod
    def parse(cls, content: bytes) -> "Answer":
        """Read the file.

        Raises:
            PeerFault: BAD_SYNTAX, it is none.
        """
        try:
            row = json.loads(content)
            if row["format"] != _ANSWER:
                raise ValueError("a file of another kind")
            names = bytes.fromhex(row["request"]), bytes.fromhex(row["custodian"])
            return cls(*names, octets(row["sealed"]))
        except (ValueError, TypeError, KeyError, AttributeError):
            raise PeerFault(Condition.BAD_SYNTAX, "this is no answer of a custodian") from None


def answered(request: Request, pair: KeyPair, now: datetime) -> Answer:
    """Answer a request with a custodian's pair, on his own machine.

    Raises:
        Refused: EXPIRED, it is too late; NOT_PERMITTED, this key was not asked.
        Corrupt: his half is not authentic.
    """
    if now >= request.expires_at:
        raise Refused(Condition.EXPIRED, "the time for this request is over")
    mine = key_of(pair).id
    for number, (custodian, sealed) in enumerate(request.halves):
        if custodian == mine:
            place = (request.account, request.row_id, request.generation, number, sealed)
            half = open_half(pair, *place)
            try:
                public = PublicKey(request.suite, request.public)
                return Answer(request.id, mine, public.seal(half, _info(request, mine)))
            finally:
                overwrite(half)
    raise Refused(Condition.NOT_PERMITTED, "this request asks other custodians")


def half_of(request: Request, seed: bytearray, custodian: bytes, sealed: bytes) -> bytearray:
    """Open an answer by the request's own key; whether it is the right half, `check_half` says.

    Raises:
        Refused: AUTHENTICATION_FAILED, it answers another request, or was altered.
    """
    pair = derive_pair(seed, request.suite)
    try:
        return bytearray(pair.open(sealed, _info(request, custodian)))
    except Corrupt:
        raise not_an_answer() from None


def not_an_answer() -> MailError:
    """Say that an answer is none to this request."""
    return Refused(Condition.AUTHENTICATION_FAILED, "this is no answer to that request")


def _info(request: Request, custodian: bytes) -> bytes:
    return b"zegel escrow answer" + sha256(request.encode()).digest() + custodian
