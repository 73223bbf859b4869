"""Match types: does one of the values match one of the keys, and how (RFC 5228 §2.7, RFC 5231)?"""

import operator
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from mailserver.protocol.sieve.comparators import ALWAYS, COMPARATORS, Comparator
from mailserver.protocol.sieve.errors import SieveError
from mailserver.protocol.sieve.forms import Call
from mailserver.protocol.sieve.glob import Spans, glob
from mailserver.protocol.sieve.regex import regex
from mailserver.protocol.sieve.regex_syntax import RegexFault
from mailserver.protocol.sieve.run import Run
from mailserver.protocol.sieve.texts import Text

if TYPE_CHECKING:
    from mailserver.protocol.sieve.compiler import Scope

Relation = Callable[[str, str], bool]

_RELATIONS: dict[str, Relation] = {
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
    "eq": operator.eq,
    "ne": operator.ne,
}
CAPTURES = 10  # `${0}` to `${9}`: RFC 5229 §6


class Matcher:
    """A match type with its comparator and keys, as one command has them."""

    __slots__ = ("_captures", "_comparator", "_how", "_keys", "_relation")

    def __init__(
        self,
        how: str,
        relation: str,
        comparator: Comparator,
        keys: Sequence[Text],
        *,
        captures: bool,
    ) -> None:
        """`how` is the match type's tag; `captures` sets match variables (RFC 5229 §3.2)."""
        self._how = how
        self._relation: Relation = _RELATIONS.get(relation, operator.eq)
        self._comparator = comparator
        self._keys = keys
        self._captures = captures

    @property
    def counts(self) -> bool:
        """Whether it asks how many values there are."""
        return self._how == "count"

    def any(self, run: Run, values: Sequence[str]) -> bool:
        """Say whether a value matches a key; the first that does sets the match variables."""
        if self.counts:
            values = [str(len(values))]
        keys = [key(run) for key in self._keys]
        for value in values:
            for key in keys:
                if self._one(run, value, key):
                    return True
        return False

    def count(self, run: Run, number: int) -> bool:
        """Say whether a number of things is as the key says; only where `counts`."""
        return any(self._one(run, str(number), key(run)) for key in self._keys)

    def _one(self, run: Run, value: str, key: str) -> bool:
        run.spend(1 + (len(value) + len(key)) // self._comparator.characters_a_step)
        if self._how == "regex":
            return self._regex(run, value, key)
        fold = self._comparator.fold
        match self._how:
            case "is":
                return fold(value) == fold(key)
            case "contains":
                return fold(key) in fold(value)
            case "matches":
                return self._glob(run, value, fold(value), fold(key))
            case _:
                return self._relation(fold(value), fold(key))

    def _glob(self, run: Run, value: str, subject: str, pattern: str) -> bool:
        if len(pattern) > run.limits.variable_characters:
            raise SieveError(0, 0, "this pattern is too long")
        run.spend(len(pattern))
        compiled = glob(pattern)
        run.spend(compiled.work(len(subject)))
        spans = compiled.match(subject)
        if spans is None:
            return False
        if self._captures:
            cut = self._comparator.cut
            self._keep(run, spans, lambda start, end: cut(value, start, end))
        return True

    def _regex(self, run: Run, value: str, key: str) -> bool:
        if len(key) > run.limits.pattern_characters:
            raise SieveError(0, 0, "this regular expression is too long")
        subject = value[: run.limits.subject_characters]
        try:
            expression = regex(key, ignore_case=self._comparator.ignores_case)
        except RegexFault as fault:
            raise SieveError(0, 0, f"this is no regular expression: {fault}") from None
        if not expression.search(subject, run.spend):
            return False
        if self._captures:
            spans = expression.spans(subject, run.spend) or []
            self._keep(run, spans, lambda start, end: subject[start:end] if start >= 0 else "")
        return True

    def _keep(self, run: Run, spans: Spans, cut: Callable[[int, int], str]) -> None:
        most = run.limits.variable_characters
        run.captures = tuple(cut(start, end)[:most] for start, end in spans[:CAPTURES])


def matcher(call: Call, scope: "Scope", keys: Sequence[Text], *, captures: bool = True) -> Matcher:
    """Read the match type and comparator of a command.

    Raises:
        SieveError: they do not go together, or a constant key is no regular expression.
    """
    at = call.node.at
    how = call.one_of("is", "contains", "matches", "regex", "count", "value") or "is"
    comparator = _comparator(call, scope)
    if how in ("contains", "matches", "regex") and not comparator.substrings:
        raise scope.error(at, f"this comparator cannot do :{how}")
    relation = ""
    if (given := call.text(how)) is not None:
        relation = scope.constant(given, f":{how}").lower()
        if relation not in _RELATIONS:
            raise scope.error(given.at, f":{how} takes gt, ge, lt, le, eq or ne")
    if how == "regex":
        for key in keys:
            _check_regex(key, scope, ignore_case=comparator.ignores_case)
    captures = captures and "variables" in scope.required
    return Matcher(how, relation, comparator, keys, captures=captures)


def _comparator(call: Call, scope: "Scope") -> Comparator:
    given = call.text("comparator")
    if given is None:
        return COMPARATORS["i;ascii-casemap"]
    name = scope.constant(given, ":comparator")
    if name not in COMPARATORS:
        raise scope.error(given.at, f'there is no comparator "{name}" here')
    if name not in ALWAYS:
        scope.need((f"comparator-{name}",), given.at, f'the comparator "{name}"')
    return COMPARATORS[name]


def _check_regex(key: Text, scope: "Scope", *, ignore_case: bool) -> None:
    if key.constant is None:
        return
    if len(key.constant) > scope.limits.pattern_characters:
        raise scope.error(key.at, "this regular expression is too long")
    try:
        regex(key.constant, ignore_case=ignore_case)
    except RegexFault as fault:
        raise scope.error(key.at, f"this is no regular expression: {fault}") from None
