"""What a consent is, and its states (GDPR Art. 4(11), 7). Pure.

    nothing, withdrawn, expired   → granted      somebody said yes; that it is him is not proven
    granted                       → confirmed    by the link that only its owner was sent
    granted                       → expired      48 hours without that; erased after seven days
    anything but withdrawn        → withdrawn    as easily as it was given
    confirmed                     → expired      its account ended

Only what is confirmed is consent. An event that waits for its confirmation takes nothing from what
was settled before: who agreed to a text and is asked about a newer one still agrees to the older.
A withdrawal of everything (`EVERYTHING`) is an objection to all marketing (GDPR Art. 21(2)); what
is confirmed after it counts again. Letters that a contract needs are no consent and not in here.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum
from typing import Final

LANGUAGES = ("en", "nl", "de", "fr")
EVERYTHING: Final = "*"
"""In the place of a purpose: all of them."""
TOKEN_LIFE = timedelta(hours=48)
BODY_CHARACTERS = 10_000
VERSION_CHARACTERS = 40


class Said(IntEnum):
    """An event; the number is what is stored, so never change one."""

    NOTHING = 0
    GRANTED = 1
    CONFIRMED = 2
    WITHDRAWN = 3
    EXPIRED = 4


class Channel(StrEnum):
    """By which way it was said; the value is what is stored, so never change one."""

    MAIL = "mail"
    """By a link in a letter."""
    ACCOUNT = "account"
    """By somebody who signed in."""
    OPERATOR = "operator"
    """On paper, by telephone or at a counter; the operator wrote it down."""
    SERVER = "server"
    """By the time that passed, or because the account ended."""


class Reach(StrEnum):
    """Whom something may be sent to. Source: directive 2002/58/EC Art. 13(1), (2)."""

    SIMILAR = "similar"
    """Customers, about products like those they have, unless they said no."""
    BOTH = "both"
    """These, and whoever consented."""
    CONSENTED = "consented"
    """Whoever consented, and nobody else: general news."""


@dataclass(frozen=True, slots=True)
class Text:
    """What people read and agree to; never changed."""

    number: int
    purpose: str
    language: str
    version: str
    body: str
    sha256: bytes
    at: datetime


@dataclass(frozen=True, slots=True)
class Person:
    """Whose consent it is."""

    address: str
    account: str = ""
    """The account's id in hex; empty for an address elsewhere."""

    @property
    def identity(self) -> str:
        """What tells people apart: an account keeps its consents when its address changes."""
        return f"account:{self.account}" if self.account else self.address.lower()


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that was said."""

    said: Said
    text: int
    """Number of the text; 0 for none."""
    at: datetime
    channel: Channel
    by: str
    """Who wrote it down: an account, the operator or the server."""
    note: str = ""
    """What proves it, where it was on paper."""


@dataclass(frozen=True, slots=True)
class Course:
    """One person's yes and no to one purpose, as it stands."""

    name: bytes
    subject: bytes
    person: Person
    purpose: str
    number: int
    kept: int
    state: Said
    settled: Said
    changed_at: datetime
    asked_at: datetime
    expires_at: datetime

    @property
    def waits(self) -> bool:
        """Whether it waits for its confirmation."""
        return self.state is Said.GRANTED


def may_be_reached(
    courses: Iterable[Course], purpose: str, *, customer: bool, reach: Reach
) -> bool:
    """Say whether somebody may be written to for a purpose.

    Args:
        courses: all of one person's.
        purpose: what for.
        customer: whether he is one, and was offered to say no when he became one.
        reach: whom this kind of letter goes to.
    """
    own, everything = None, None
    for course in courses:
        if course.purpose == purpose:
            own = course
        elif course.purpose == EVERYTHING:
            everything = course
    consents = own is not None and own.settled is Said.CONFIRMED
    if everything is not None and everything.settled is Said.WITHDRAWN:
        objects = own is None or not consents or own.changed_at <= everything.changed_at
        if objects:
            return False
    if consents:
        return reach is not Reach.SIMILAR or customer
    said_no = own is not None and own.settled is Said.WITHDRAWN
    return customer and reach is not Reach.CONSENTED and not said_no
