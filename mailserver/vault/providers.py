"""Identity providers: what a domain's row says of one, and sign-ins on their way there and back.

    flow     what we asked, sealed for the server alone; the browser's tab carries it meanwhile
    vouched  what the provider answered, sealed likewise: it says who somebody is, and opens nothing

Nothing of a sign-in that is under way lies in a database: a stranger who begins thousands of them
costs no row, and any process can take the next step.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mailserver.crypto.context import Kind
from mailserver.model.errors import Condition, Corrupt, Refused
from mailserver.model.ids import ObjectId, new_object_id
from mailserver.model.sealed import Guarded
from mailserver.vault.canonical import decode, encode, octets, reading, text
from mailserver.vault.guard import InstanceGuard

CHARACTERS = 4_096  # of what a browser brings back
_NAME_OCTETS = 16


@dataclass(frozen=True, slots=True, repr=False)
class ProviderRecord:
    """The identity provider of a domain (OpenID Connect Core 1.0 §1.2)."""

    issuer: str
    client_id: str
    client_secret: bytes = b""
    """Empty: a public client, which PKCE alone binds to its questions."""
    name: str = ""
    """What people call it; else its host."""
    required: bool = True
    """Nobody in the domain signs in on the web without it."""
    vouches: bool = False
    """Its second factor counts; without one nobody comes in."""
    acr: tuple[str, ...] = ()
    """The classes that stand for a second factor; else the methods must say so."""

    def __repr__(self) -> str:
        """Name the issuer, never the secret."""
        return f"<identity provider {self.issuer}>"


@dataclass(frozen=True, slots=True, repr=False)
class FlowRecord:
    """A sign-in that was sent to a provider."""

    address: str
    """As it was typed."""
    issuer: str
    client_id: str
    redirect_uri: str
    state: str
    nonce: str
    verifier: str
    at: datetime


@dataclass(frozen=True, slots=True, repr=False)
class VouchedRecord:
    """Whom a provider vouched for."""

    address: str
    """As it was typed."""
    issuer: str
    subject: str
    email: str
    """An address that the provider verified; else empty."""
    second_factor: bool
    """It asked for one, and that counts here."""
    at: datetime


def provider_members(record: ProviderRecord | None) -> dict[str, object] | None:
    """Write a provider as it stands in its domain's row."""
    if record is None:
        return None
    return {
        "acr": list(record.acr),
        "client": record.client_id,
        "issuer": record.issuer,
        "name": record.name,
        "required": record.required,
        "secret": text(record.client_secret),
        "vouches": record.vouches,
    }


def provider_of(members: Mapping[str, Any] | None) -> ProviderRecord | None:
    """Read what `provider_members` wrote; inside of whoever catches what is wrong with a row."""
    if members is None:
        return None
    return ProviderRecord(
        issuer=members["issuer"],
        client_id=members["client"],
        client_secret=octets(members["secret"]),
        name=members["name"],
        required=bool(members["required"]),
        vouches=bool(members["vouches"]),
        acr=tuple(members["acr"]),
    )


def seal_flow(guard: InstanceGuard, record: FlowRecord) -> str:
    """Seal a sign-in on its way."""
    return _sealed(
        guard,
        {
            "address": record.address,
            "at": record.at.isoformat(),
            "client": record.client_id,
            "issuer": record.issuer,
            "kind": "flow",
            "nonce": record.nonce,
            "redirect": record.redirect_uri,
            "state": record.state,
            "verifier": record.verifier,
        },
    )


def open_flow(guard: InstanceGuard, written: str) -> FlowRecord:
    """Open what `seal_flow` sealed.

    Raises:
        Refused: AUTHENTICATION_FAILED, it is none of ours.
    """
    row = _opened(guard, written, "flow")
    return FlowRecord(
        address=row["address"],
        issuer=row["issuer"],
        client_id=row["client"],
        redirect_uri=row["redirect"],
        state=row["state"],
        nonce=row["nonce"],
        verifier=row["verifier"],
        at=datetime.fromisoformat(row["at"]),
    )


def seal_vouched(guard: InstanceGuard, record: VouchedRecord) -> str:
    """Seal what a provider answered."""
    return _sealed(
        guard,
        {
            "address": record.address,
            "at": record.at.isoformat(),
            "email": record.email,
            "factor": record.second_factor,
            "issuer": record.issuer,
            "kind": "vouched",
            "subject": record.subject,
        },
    )


def open_vouched(guard: InstanceGuard, written: str) -> VouchedRecord:
    """Open what `seal_vouched` sealed.

    Raises:
        Refused: AUTHENTICATION_FAILED, it is none of ours.
    """
    row = _opened(guard, written, "vouched")
    return VouchedRecord(
        address=row["address"],
        issuer=row["issuer"],
        subject=row["subject"],
        email=row["email"],
        second_factor=row["factor"],
        at=datetime.fromisoformat(row["at"]),
    )


def _sealed(guard: InstanceGuard, members: dict[str, object]) -> str:
    name = new_object_id()
    sealed = guard.seal(Kind.SIGN_IN, name, encode(members))
    return base64.urlsafe_b64encode(name + sealed).decode()


def _opened(guard: InstanceGuard, written: str, kind: str) -> dict[str, Any]:
    try:
        if len(written) > CHARACTERS or not written.isascii():
            raise ValueError("longer than what we gave")
        whole = base64.b64decode(written, b"-_", validate=True)
        name, sealed = ObjectId(whole[:_NAME_OCTETS]), Guarded(whole[_NAME_OCTETS:])
        if len(name) != _NAME_OCTETS:
            raise ValueError("shorter than what we gave")
        with reading():
            row = decode(guard.open(Kind.SIGN_IN, name, sealed))
            if row["kind"] != kind:
                raise ValueError("another step's")
            return row
    except (Corrupt, ValueError, binascii.Error):
        text_ = "begin to sign in once more"
        raise Refused(Condition.AUTHENTICATION_FAILED, text_) from None
