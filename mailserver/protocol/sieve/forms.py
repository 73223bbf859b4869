"""What a command or test looks like: its tags, arguments, tests and block, checked before a run."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING

from mailserver.protocol.sieve.grammar import Argument, Node, Number, Strings, Tag
from mailserver.protocol.sieve.run import Check, Step
from mailserver.protocol.sieve.texts import Text

if TYPE_CHECKING:
    from mailserver.protocol.sieve.compiler import Scope


class Kind(Enum):
    """What stands as an argument."""

    NUMBER = "a number"
    STRING = "a string"
    STRINGS = "a string or a list of strings"


class Tests(Enum):
    """Which tests follow the arguments."""

    NONE = auto()
    ONE = auto()
    SOME = auto()


@dataclass(frozen=True, slots=True)
class Option:
    """A tag: what follows it, which extension it needs, which tags exclude each other."""

    takes: Kind | None = None
    needs: str = ""
    group: str = ""
    """Of tags in one group only one may be given; a tag without a group excludes only itself."""


Value = int | list[Text]


@dataclass(frozen=True, slots=True)
class Call:
    """A command or test that was checked against its form."""

    node: Node
    options: Mapping[str, Value | None]
    """The tags given, with what followed them."""
    arguments: list[Value]
    tests: list[Check]

    def has(self, tag: str) -> bool:
        """Say whether a tag was given."""
        return tag in self.options

    def texts(self, which: int | str) -> list[Text]:
        """Return the strings of an argument, by place, or of a tag, empty where it was not given.

        A negative place counts from the end.
        """
        value = self.arguments[which] if isinstance(which, int) else self.options.get(which)
        return value if isinstance(value, list) else []

    def text(self, which: int | str) -> Text | None:
        """Return the string of an argument or tag; None where the tag was not given."""
        found = self.texts(which)
        return found[0] if found else None

    def only(self, which: int) -> Text:
        """Return the string of an argument, which the form says is one."""
        return self.texts(which)[0]

    def number(self, which: int | str, default: int = 0) -> int:
        """Return the number of an argument or tag."""
        value = self.arguments[which] if isinstance(which, int) else self.options.get(which)
        return value if isinstance(value, int) else default

    def one_of(self, *tags: str) -> str:
        """Return which of these tags was given, empty where none was."""
        return next((tag for tag in tags if tag in self.options), "")


@dataclass(frozen=True, slots=True)
class Form:
    """How a command or test is written, and what makes it run."""

    needs: tuple[str, ...] = ()
    """Extensions of which one must be required; none where it is in the base language."""
    options: Mapping[str, Option] = field(default_factory=dict)
    arguments: tuple[Kind, ...] = ()
    optional: int = 0
    """How many of the first arguments may be left out."""
    omissible: int = 0
    """How many of the last arguments may be left out."""
    tests: Tests = Tests.NONE


TestForm = tuple[Form, Callable[[Call, "Scope"], Check]]
CommandForm = tuple[Form, Callable[[Call, "Scope"], Step]]

MATCH: Mapping[str, Option] = {
    "is": Option(group="match type"),
    "contains": Option(group="match type"),
    "matches": Option(group="match type"),
    "regex": Option(group="match type", needs="regex"),
    "count": Option(Kind.STRING, group="match type", needs="relational"),
    "value": Option(Kind.STRING, group="match type", needs="relational"),
    "comparator": Option(Kind.STRING),
}
PART: Mapping[str, Option] = {
    "localpart": Option(group="address part"),
    "domain": Option(group="address part"),
    "all": Option(group="address part"),
    "user": Option(group="address part", needs="subaddress"),
    "detail": Option(group="address part", needs="subaddress"),
}
INDEX: Mapping[str, Option] = {
    "index": Option(Kind.NUMBER, needs="index"),
    "last": Option(needs="index"),
}


def options_of(
    node: Node, form: Form, scope: "Scope"
) -> tuple[dict[str, Value | None], list[Argument]]:
    """Read the tags of a command; returns them and the arguments behind them.

    Raises:
        SieveError: a tag is unknown, twice, excluded by another, or without what must follow it.
    """
    given: dict[str, Value | None] = {}
    groups: dict[str, str] = {}
    waiting = list(node.arguments)
    while waiting and isinstance(tag := waiting[0], Tag):
        waiting.pop(0)
        option = form.options.get(tag.name)
        if option is None:
            raise scope.error(tag.at, f"{node.name} has no :{tag.name}")
        if option.needs:
            scope.need((option.needs,), tag.at, f":{tag.name}")
        rival = groups.setdefault(option.group or tag.name, tag.name)
        if tag.name in given or rival != tag.name:
            raise scope.error(tag.at, f":{tag.name} cannot stand beside :{rival}")
        given[tag.name] = None
        if option.takes is not None:
            given[tag.name] = _value_behind(tag, option.takes, waiting, scope)
    return given, waiting


def _value_behind(tag: Tag, kind: Kind, waiting: list[Argument], scope: "Scope") -> Value:
    if not waiting or isinstance(waiting[0], Tag):
        raise scope.error(tag.at, f":{tag.name} needs {kind.value}")
    return value_of(waiting.pop(0), kind, scope, f":{tag.name}")


def arguments_of(node: Node, form: Form, waiting: list[Argument], scope: "Scope") -> list[Value]:
    """Read the arguments behind the tags. Raises SieveError."""
    for argument in waiting:
        if isinstance(argument, Tag):
            raise scope.error(argument.at, "tags stand before the other arguments")
    most = len(form.arguments)
    least = most - form.optional - form.omissible
    if not least <= len(waiting) <= most:
        wanted = str(most) if least == most else f"{least} to {most}"
        raise scope.error(node.at, f"{node.name} takes {wanted} arguments, not {len(waiting)}")
    kinds = form.arguments[most - len(waiting) :] if form.optional else form.arguments
    return [
        value_of(argument, kind, scope, node.name)
        for argument, kind in zip(waiting, kinds, strict=False)
    ]


def value_of(argument: Argument, kind: Kind, scope: "Scope", owner: str) -> Value:
    """Return an argument as its kind. Raises SieveError."""
    match argument:
        case Number(value) if kind is Kind.NUMBER:
            return value
        case Strings(values, at, is_list) if kind is Kind.STRINGS or (
            kind is Kind.STRING and not is_list
        ):
            return [scope.text(value, at) for value in values]
        case _:
            raise scope.error(argument.at, f"{owner} takes {kind.value} here")
