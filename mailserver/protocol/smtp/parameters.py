"""What MAIL and RCPT ask beyond delivering: reports, a later release, TLS all the way.

Source: RFC 3461 (DSN), RFC 4865 (FUTURERELEASE), RFC 8689 (REQUIRETLS).
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from mailserver.model.envelope import Notify, Ret
from mailserver.protocol.smtp.codes import Code, Detail
from mailserver.protocol.smtp.reply import Rejection, rejection
from mailserver.protocol.smtp.xtext import decode_recipient, decode_xtext

ENVID_CHARACTERS = 100  # RFC 3461 §4.4, as it is written
ORCPT_CHARACTERS = 500  # RFC 3461 §4.2
_NOTIFY = {"SUCCESS": Notify.SUCCESS, "FAILURE": Notify.FAILURE, "DELAY": Notify.DELAY}
_HOLD = re.compile(r"[0-9]{1,9}\Z")  # RFC 4865 §4
_UNTIL = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:\d\d)\Z", re.ASCII | re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Offers:
    """Which extensions with parameters of their own EHLO offered."""

    dsn: bool = False
    require_tls: bool = False
    hold: timedelta | None = None
    """FUTURERELEASE: for how long at most; None: not offered."""


NOTHING = Offers()


def unknown(keyword: str) -> Rejection:
    """Make the reply to a parameter that was not offered (RFC 5321 §4.1.1.11)."""
    return rejection(
        Code.PARAMETER_UNKNOWN, Detail.INVALID_ARGUMENTS, f"Parameter {keyword} is not known"
    )


def malformed(keyword: str) -> Rejection:
    """Make the reply to a parameter whose value is none of its own."""
    return rejection(Code.ARGUMENT_ERROR, Detail.INVALID_ARGUMENTS, f"Malformed {keyword}")


@dataclass(slots=True)
class MailExtras:
    """What MAIL asked, gathered keyword by keyword."""

    ret: Ret | None = None
    envid: str = ""
    require_tls: bool = False
    hold: timedelta | datetime | None = None
    """HOLDFOR, or HOLDUNTIL; never both."""

    def take(self, keyword: str, value: str, offers: Offers) -> None:
        """Take one parameter.

        Raises:
            Rejection: 555, it was not offered; 501, its value is malformed.
        """
        match keyword:
            case "RET" if offers.dsn:
                self.ret = _ret(value)
            case "ENVID" if offers.dsn:
                self.envid = _envid(value)
            case "REQUIRETLS" if offers.require_tls:
                if value:
                    raise malformed(keyword)
                self.require_tls = True
            case "HOLDFOR" | "HOLDUNTIL" if offers.hold is not None:
                if self.hold is not None:
                    raise malformed(keyword)  # RFC 4865 §4: one of the two
                self.hold = _held(keyword, value, offers.hold)
            case _:
                raise unknown(keyword)


def _ret(value: str) -> Ret:
    try:
        return Ret(value.upper())
    except ValueError:
        raise malformed("RET") from None


def _envid(value: str) -> str:
    if not value or len(value) > ENVID_CHARACTERS:
        raise malformed("ENVID")
    try:
        return decode_xtext(value)
    except ValueError:
        raise malformed("ENVID") from None


def _held(keyword: str, value: str, longest: timedelta) -> timedelta | datetime:
    if keyword == "HOLDFOR":
        if not _HOLD.match(value) or timedelta(seconds=int(value)) > longest:
            raise malformed(keyword)
        return timedelta(seconds=int(value))
    if not _UNTIL.match(value):
        raise malformed(keyword)
    try:
        return datetime.fromisoformat(value.upper())
    except ValueError:  # there is no such day, hour or zone
        raise malformed(keyword) from None


def release_at(
    hold: timedelta | datetime | None, now: datetime, longest: timedelta | None
) -> datetime | None:
    """Say until when a message is held; None: not at all, or until an instant that is past.

    Raises:
        Rejection: 501, that is later than was offered.
    """
    if hold is None or longest is None:
        return None
    until = now + hold if isinstance(hold, timedelta) else hold
    if until > now + longest:
        raise malformed("HOLDUNTIL")
    return until if until > now else None


def rcpt_extras(parameters: dict[str, str], offers: Offers) -> tuple[Notify | None, str]:
    """Read NOTIFY and ORCPT.

    Raises:
        Rejection: 555, a parameter was not offered; 501, its value is malformed.
    """
    notify: Notify | None = None
    orcpt = ""
    for keyword, value in parameters.items():
        if not offers.dsn or keyword not in ("NOTIFY", "ORCPT"):
            raise unknown(keyword)
        if keyword == "NOTIFY":
            notify = _notify(value)
        else:
            orcpt = _orcpt(value)
    return notify, orcpt


def _notify(value: str) -> Notify:
    """Read NOTIFY: NEVER alone, or a list of the others (RFC 3461 §4.1)."""
    words = value.upper().split(",")
    if words == ["NEVER"]:
        return Notify.NEVER
    asked = Notify.NEVER
    for word in words:
        if word not in _NOTIFY:
            raise malformed("NOTIFY")
        asked |= _NOTIFY[word]
    return asked


def _orcpt(value: str) -> str:
    if len(value) > ORCPT_CHARACTERS:
        raise malformed("ORCPT")
    try:
        return decode_recipient(value)
    except ValueError:
        raise malformed("ORCPT") from None
