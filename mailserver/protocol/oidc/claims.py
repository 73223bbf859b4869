"""What an ID token must say before it is believed, and what is taken from it.

Source: OpenID Connect Core 1.0 §2, §3.1.3.7; RFC 8176 §2.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from mailserver.model.errors import Condition, PeerFault

LEEWAY = timedelta(minutes=2)  # between the provider's clock and ours
OLDEST = timedelta(minutes=15)  # since it was issued, whatever it says of its end
SUBJECT_CHARACTERS = 255  # OpenID Connect Core 1.0 §2

_KNOWN: Final = frozenset({"pwd", "pin", "kba"})
_HELD: Final = frozenset({"otp", "hwk", "swk", "pop", "sc", "sms", "tel"})
_IS: Final = frozenset({"fpt", "face", "iris", "retina", "vbm"})


@dataclass(frozen=True, slots=True, repr=False)
class Claims:
    """Whom a provider vouches for, and how they proved it."""

    subject: str
    email: str
    """An address that the provider says it verified; else empty."""
    acr: str
    amr: frozenset[str]

    def has_second_factor(self, accepted: Collection[str]) -> bool:
        """Say whether more than one factor was shown.

        Where the organisation named its classes (`accepted`), one of them must be told; else the
        methods must say so: `mfa`, or methods of two kinds.
        """
        if accepted:
            return self.acr in accepted
        kinds = sum(bool(self.amr & kind) for kind in (_KNOWN, _HELD, _IS))
        return "mfa" in self.amr or kinds > 1

    def __repr__(self) -> str:
        """Say that it is one, not whose."""
        return "<claims of an identity provider>"


def believed(
    told: Mapping[str, Any], *, issuer: str, client_id: str, nonce: str, now: datetime
) -> Claims:
    """Check the claims of an ID token whose signature holds.

    Raises:
        PeerFault: BAD_SYNTAX, it is not for us, not of now, or not the answer to our question.
    """
    _check("the issuer is another", holds=told.get("iss") == issuer)
    _check("it is for somebody else", holds=_is_for(told, client_id))
    _check("it answers another question", holds=told.get("nonce") == nonce)
    issued, ends = _instant(told, "iat", now), _instant(told, "exp", now)
    _check("it is over", holds=now < ends + LEEWAY)
    _check("it is not of now", holds=now - OLDEST - LEEWAY < issued < now + LEEWAY)
    subject = told.get("sub")
    named = isinstance(subject, str) and subject.isascii()
    _check("it names nobody", holds=named and 0 < len(str(subject)) <= SUBJECT_CHARACTERS)
    email, methods = told.get("email"), told.get("amr")
    verified = told.get("email_verified") is True and isinstance(email, str)
    acr = told.get("acr")
    return Claims(
        subject=str(subject),
        email=str(email) if verified else "",
        acr=acr if isinstance(acr, str) else "",
        amr=frozenset(filter(_is_text, methods if isinstance(methods, list) else ())),
    )


def _is_for(told: Mapping[str, Any], client_id: str) -> bool:
    """Say whether we are the audience, and the only one (§3.1.3.7, 3 to 5)."""
    audience = told.get("aud")
    audiences = [audience] if isinstance(audience, str) else audience
    if audiences != [client_id]:
        return False
    return bool(told.get("azp", client_id) == client_id)


def _instant(told: Mapping[str, Any], name: str, now: datetime) -> datetime:
    seconds = told.get(name)
    number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    _check(f"{name} is missing", holds=number)
    try:
        return datetime.fromtimestamp(float(seconds or 0), now.tzinfo)
    except (ValueError, OverflowError, OSError):
        raise _wrong(f"{name} is no time") from None


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _check(why: str, *, holds: bool) -> None:
    if not holds:
        raise _wrong(why)


def _wrong(why: str) -> PeerFault:
    return PeerFault(Condition.BAD_SYNTAX, f"the ID token is not believed: {why}")
