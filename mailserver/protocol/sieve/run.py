"""One run of a script: what it knows, what it has decided, and what it may still cost.

A run waits for nothing. What only the outside can tell (is there such a mailbox?) it reads from
`Environment.answers`; an answer that is missing ends the run with a question, and whoever runs the
script finds it out and runs it again from the start. Scripts ask rarely, and runs are short.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from mailserver.protocol.sieve.actions import (
    Action,
    Discard,
    FileInto,
    Flags,
    Keep,
    Notify,
    Question,
    Redirect,
    Reject,
    Seen,
    Vacation,
)
from mailserver.protocol.sieve.errors import SieveError, TooMuchWork
from mailserver.protocol.sieve.limits import Limits
from mailserver.protocol.sieve.message import Message


@dataclass(frozen=True, slots=True, repr=False)
class Facts:
    """What is known of a message and its delivery."""

    octets: bytes
    sender: str
    """The reverse-path, without angle brackets; empty for `<>`."""
    recipient: str
    """The forward-path, its detail included."""
    now: datetime
    """Aware, in the zone that `currentdate` calls local."""
    spam_percent: int | None = None
    """0 to 100, None where nobody looked (RFC 5235 §2)."""
    virus: int = 0
    """RFC 5235 §3: 0 nobody looked, 1 none, 2 mended, 3 not mended, 4 suspected, 5 found."""
    remembered_ids: bool = True
    """Ids for `duplicate` can be kept."""


@dataclass(frozen=True, slots=True, repr=False)
class Environment:
    """What a script may ask of its surroundings."""

    items: Mapping[str, str] = field(default_factory=dict)
    """Of the `environment` test, by lower-case name (RFC 5183)."""
    answers: Mapping[Question, bool] = field(default_factory=dict)
    included: Mapping[str, "Runnable"] = field(default_factory=dict)
    """The account's own scripts that `include` may name, by name (RFC 6609)."""


Step = Callable[["Run"], None]
Check = Callable[["Run"], bool]


@dataclass(frozen=True, slots=True, repr=False)
class Runnable:
    """A compiled script, as a run enters it."""

    step: Step


@dataclass(frozen=True, slots=True, repr=False)
class Outcome:
    """What is to be done.

    Where `question` is set nothing was decided: put its answer into the environment and run again.
    Where `error` is set the message is kept and nothing else is done (RFC 5228 §2.10.6).
    """

    actions: tuple[Action, ...] = ()
    error: SieveError | None = None
    seen: tuple[Seen, ...] = ()
    question: Question | None = None


class Stopped(Exception):
    """`stop`: the script is over."""


class Returned(Exception):
    """`return`: the included script is over."""


class Unanswered(Exception):
    """The run needs to know something first."""

    def __init__(self, question: Question) -> None:
        """Carry the question."""
        super().__init__()
        self.question = question


_STORING = (Keep, FileInto, Redirect, Vacation)


class Run:
    """The state of one run, shared by the scripts that follow one another in it."""

    def __init__(
        self, facts: Facts, environment: Environment, limits: Limits, work: int | None = None
    ) -> None:
        """Begin with an implicit keep (RFC 5228 §2.10.2); `work` lowers the limit of that name."""
        self.facts = facts
        self.environment = environment
        self.limits = limits
        self.message = Message(facts.octets)
        self.actions: list[Action] = []
        self.seen: dict[tuple[str, str], Seen] = {}
        self.implicit_keep = True
        self.flags: list[str] = []
        """imap4flags' own variable (RFC 5232 §2.1)."""
        self.depth = 0
        self.includes = 0
        self.once: set[str] = set()
        self.globals: dict[str, str] = {}
        self.asked = 0
        self._scripts = 0
        self._answered_in = 0
        self._left = limits.work if work is None else min(work, limits.work)
        self.clear()

    def clear(self) -> None:
        """Begin a script of its own: no variables, no matches."""
        self._scripts += 1
        self.variables: dict[str, str] = {}
        self.shared: set[str] = set()
        """Names that this script declared `global` (RFC 6609 §3.4.1)."""
        self.captures: tuple[str, ...] = ()

    def spend(self, work: int = 1) -> None:
        """Count what is done. Raises SieveError where it is too much."""
        self._left -= work
        if self._left < 0:
            raise TooMuchWork(0, 0, "this script takes too long for this message")

    def variable(self, name: str) -> str:
        """Return a variable's value, empty where it was never set; `name` is in lower case."""
        held, name = self._holding(name)
        return held.get(name, "")

    def set_variable(self, name: str, value: str) -> None:
        """Set a variable, cut to what one may hold. Raises SieveError where there are too many."""
        held, name = self._holding(name)
        if name not in held and len(held) >= self.limits.variables:
            raise SieveError(0, 0, "this script sets too many variables")
        held[name] = value[: self.limits.variable_characters]

    def _holding(self, name: str) -> tuple[dict[str, str], str]:
        """Return where a variable is held, and its name there (RFC 6609 §3.4)."""
        plain = name.removeprefix("global.")
        shared = plain != name or name in self.shared
        return (self.globals if shared else self.variables), plain

    def answer(self, question: Question) -> bool:
        """Return what the outside says. Raises Unanswered, SieveError."""
        self.asked += 1
        if self.asked > self.limits.questions:
            raise SieveError(0, 0, "this script asks for too many mailboxes or ids")
        known = self.environment.answers.get(question)
        if known is None:
            raise Unanswered(question)
        return known

    # --- decisions

    def record(self, action: Action, *, keeps: bool = False) -> None:
        """Take a decision; it cancels the implicit keep unless `keeps`.

        Raises:
            SieveError: it cannot stand beside what was decided before, or there are too many.
        """
        self.spend(10)
        if isinstance(action, Vacation):
            if 0 < self._answered_in < self._scripts:
                return  # one answer is enough: that of the script before
            self._answered_in = self._scripts
        self._check(action)
        if not keeps:
            self.implicit_keep = False
        match action:
            case Keep() | FileInto():
                self._store(action)
            case Redirect():
                self._redirect(action)
            case Discard() if any(isinstance(one, Discard) for one in self.actions):
                return
            case _:
                self.actions.append(action)

    def _check(self, action: Action) -> None:
        rejected = any(isinstance(one, Reject) for one in self.actions)
        if isinstance(action, Reject) and (
            rejected or any(isinstance(one, _STORING) for one in self.actions)
        ):
            raise SieveError(0, 0, "reject cannot stand beside another action")
        if rejected and isinstance(action, _STORING):
            raise SieveError(0, 0, "no action can stand beside reject")
        if isinstance(action, Vacation) and self._count(Vacation):
            raise SieveError(0, 0, "vacation was used twice")  # RFC 5230 §4.7
        for kind, most in (
            (FileInto, self.limits.fileintos),
            (Redirect, self.limits.redirects),
            (Notify, self.limits.notifies),
        ):
            if isinstance(action, kind) and self._count(kind) >= most:
                raise SieveError(0, 0, f"this script uses more than {most} of one action")

    def _count(self, kind: type[Action]) -> int:
        return sum(isinstance(one, kind) for one in self.actions)

    def _store(self, action: Keep | FileInto) -> None:
        """Store once in one place, with all flags that were said (RFC 5228 §2.10.3)."""
        for at, one in enumerate(self.actions):
            if _place(one) == _place(action) and isinstance(one, Keep | FileInto):
                flags = unite(one.flags, action.flags)
                if isinstance(one, Keep):
                    self.actions[at] = Keep(flags, one.octets)
                else:
                    self.actions[at] = FileInto(
                        one.mailbox, flags, one.create, one.mailbox_id, one.special_use, one.octets
                    )
                return
        self.actions.append(action)

    def _redirect(self, action: Redirect) -> None:
        for one in self.actions:
            if isinstance(one, Redirect) and one.address.lower() == action.address.lower():
                return
        self.actions.append(action)

    def outcome(self) -> Outcome:
        """Return what was decided, the implicit keep carried out."""
        if self.implicit_keep:
            self.record(Keep(tuple(self.flags), self.message.edited()))
        return Outcome(tuple(self.actions), None, tuple(self.seen.values()))


def unite(first: Flags, second: Flags) -> Flags:
    """Return the flags of both, each once, in order; case does not tell them apart."""
    return tuple({flag.lower(): flag for flag in reversed(first + second)}.values())[::-1]


def _place(action: Action) -> object:
    """Name where an action stores; equal for equal places."""
    if isinstance(action, Keep):
        return ("inbox", "", "")
    if isinstance(action, FileInto):
        name = action.mailbox
        if name.upper() == "INBOX":
            name = "inbox"
        return (name, action.mailbox_id, action.special_use)
    return None
