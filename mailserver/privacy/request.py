"""What somebody asks for by a right of theirs, from its receipt to its answer (PRIVACY §14).

    received ─► in progress ─► done | refused (why, and where to complain)
       │            │
       │            └─► extended (why, told before the first term ended) ─► …
       ├─► identity: in documented doubt who asks; the clock stands still ─► in progress
       └─► forwarded: another is the controller, and answers

Where another is the controller, this server's part is to hand the request on within two working
days and to tell who asked (`forwarding_term`). Everything else is answered within a month.
Sources: GDPR Art. 12(3), (4), (6); 28(3)(e).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from mailserver.privacy.clocks import Term, forwarding_term, request_term
from mailserver.privacy.ledger import Entry
from mailserver.privacy.legal_profile import LegalProfile


class Right(StrEnum):
    """What is asked for."""

    ACCESS = "access"
    PORTABILITY = "portability"
    RECTIFICATION = "rectification"
    ERASURE = "erasure"
    RESTRICTION = "restriction"
    OBJECTION = "objection"
    HUMAN_REVIEW = "human-review"
    """Source: GDPR Art. 22(3)."""
    COMPLAINT = "complaint"
    """How to complain, and to whom. Source: GDPR Art. 77."""


class Source(StrEnum):
    """By which way it came."""

    ACCOUNT = "account"
    """From an account, whose owner has just signed in again: there is no doubt who asks."""
    FORM = "form"
    LETTER = "letter"
    """By letter, telephone or mail: somebody typed it in."""


class State(StrEnum):
    """How far it has come."""

    RECEIVED = "received"
    IDENTITY = "identity"
    IN_PROGRESS = "in-progress"
    EXTENDED = "extended"
    DONE = "done"
    REFUSED = "refused"
    FORWARDED = "forwarded"
    WITHDRAWN = "withdrawn"
    """Who asked wants it no more."""


OVER = frozenset({State.DONE, State.REFUSED, State.FORWARDED, State.WITHDRAWN})


@dataclass(frozen=True, slots=True)
class Step:
    """What was done, when and by whom."""

    at: datetime
    actor: str
    what: str


@dataclass(frozen=True, slots=True)
class Pause:
    """A time in which it was in doubt who asks."""

    since: datetime
    until: datetime | None
    """None: it still is."""


@dataclass(frozen=True, slots=True, repr=False)
class Request:
    """An entry as it stands."""

    number: int
    right: Right
    source: Source
    who: str
    """Who asks: an address, or a name and where to answer."""
    state: State
    received_at: datetime
    pauses: tuple[Pause, ...]
    extended: bool
    controller: str
    """Whose data it is about, where that is another; empty otherwise."""
    account: str
    """The account it came from, in hexadecimal; empty where it came by another way. An address may
    be somebody else's later, an account never."""
    first: int | None
    """The request that already asks for the same; each keeps its own clock."""
    reason: str
    """Why it takes longer, or was refused."""
    over_at: datetime | None
    timeline: tuple[Step, ...]
    erase_at: datetime | None = None
    """When the account is erased, where its owner asked for that himself."""
    answer_to: str = ""
    """Where the certificate of that goes; empty where nowhere."""
    certificate: str = ""
    words: str = ""
    """What who asked wrote beside it."""
    form: str = ""
    """Names the form it came by, in hexadecimal; empty where it came by another way."""

    def paused(self, now: datetime) -> timedelta:
        """Return for how long it was in doubt who asks, up to `now`."""
        return sum(((pause.until or now) - pause.since for pause in self.pauses), start=timedelta())

    def term(self, profile: LegalProfile, now: datetime) -> Term:
        """Return until when it is answered, or handed on, as it stands at `now`."""
        if self.controller:
            return forwarding_term(self.received_at, profile)
        paused = self.paused(now)
        return request_term(self.received_at, profile, extended=self.extended, paused=paused)

    def is_red(self, profile: LegalProfile, now: datetime) -> bool:
        """Say whether its time is over without an answer."""
        return self.state not in OVER and now >= self.term(profile, now).ends_at


def read(entry: Entry) -> Request:
    """Read an entry of the register."""
    said = entry.fields
    return Request(
        number=entry.number,
        right=Right(said["right"]),
        source=Source(said["source"]),
        who=said["who"],
        state=State(said["state"]),
        received_at=datetime.fromisoformat(said["received"]),
        pauses=_pauses(said["pauses"]),
        extended=said["extended"],
        controller=said["controller"],
        account=said.get("account", ""),
        first=said["first"],
        reason=" ".join(said["reasons"]),
        over_at=datetime.fromisoformat(said["over"]) if said["over"] else None,
        timeline=tuple(
            Step(datetime.fromisoformat(at), actor, what) for at, actor, what in said["timeline"]
        ),
        erase_at=datetime.fromisoformat(said["erase_at"]) if said.get("erase_at") else None,
        answer_to=said.get("answer_to", ""),
        certificate=said.get("certificate", ""),
        words=said.get("words", ""),
        form=said.get("form", ""),
    )


def _pauses(told: Sequence[Sequence[str | None]]) -> tuple[Pause, ...]:
    return tuple(
        Pause(datetime.fromisoformat(since), datetime.fromisoformat(until) if until else None)
        for since, until in told
        if since is not None
    )
