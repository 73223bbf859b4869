"""`set` and `string`: variables and their modifiers (RFC 5229 §4, §5; RFC 5435 §6; regex)."""

import re
from collections.abc import Callable
from urllib.parse import quote

from mailserver.protocol.sieve.compiler import Scope
from mailserver.protocol.sieve.forms import (
    MATCH,
    Call,
    CommandForm,
    Form,
    Kind,
    Option,
    TestForm,
)
from mailserver.protocol.sieve.matching import matcher
from mailserver.protocol.sieve.run import Check, Run, Step
from mailserver.protocol.sieve.texts import Text

_NAME = re.compile(r"(?:global\.)?[A-Za-z_][A-Za-z0-9_]{0,63}\Z")
_GLOB_SPECIAL = re.compile(r"([*?\\])")
_REGEX_SPECIAL = re.compile(r"([.^$*+?()\[\]{}|\\])")

Modifier = Callable[[str], str]

MODIFIERS: dict[str, tuple[int, Modifier]] = {
    "lower": (40, lambda text: _ascii(text, upper=False)),
    "upper": (40, lambda text: _ascii(text, upper=True)),
    "lowerfirst": (30, lambda text: _ascii(text[:1], upper=False) + text[1:]),
    "upperfirst": (30, lambda text: _ascii(text[:1], upper=True) + text[1:]),
    "quotewildcard": (20, lambda text: _GLOB_SPECIAL.sub(r"\\\1", text)),
    "quoteregex": (20, lambda text: _REGEX_SPECIAL.sub(r"\\\1", text)),
    "encodeurl": (15, lambda text: quote(text, safe="-._~")),
    "length": (10, lambda text: str(len(text))),
}
"""Precedence, which also says which exclude each other, and what they do (RFC 5229 §4.1)."""


def variable_name(given: Text, scope: Scope) -> str:
    """Return a variable's name in lower case. Raises SieveError where it is none."""
    name = scope.constant(given, "a name")
    if not _NAME.match(name):
        raise scope.error(given.at, "this is not a name of a variable")
    if name.lower().startswith("global."):
        scope.need(("include",), given.at, "a global variable")
    return name.lower()


def _ascii(text: str, *, upper: bool) -> str:
    """Change the case of letters of US-ASCII alone (RFC 5229 §4.1.1)."""
    octets = text.encode("utf-8", "replace")
    return (octets.upper() if upper else octets.lower()).decode()


def _set(call: Call, scope: Scope) -> Step:
    name, value = variable_name(call.only(0), scope), call.only(1)
    chosen = sorted((MODIFIERS[tag] for tag in call.options), key=lambda pair: -pair[0])
    modifiers = [modify for _, modify in chosen]

    def assign(run: Run) -> None:
        text = value(run)
        for modify in modifiers:
            text = modify(text)[: run.limits.text_characters]
        run.set_variable(name, text)

    return assign


def _string(call: Call, scope: Scope) -> Check:
    sources, keys = call.texts(0), call.texts(1)
    match = matcher(call, scope, keys)

    def string(run: Run) -> bool:
        values = [source(run) for source in sources]
        if match.counts:  # RFC 5229 §5: empty strings do not count
            return match.count(run, sum(bool(value) for value in values))
        return match.any(run, values)

    return string


_NEEDS = {"quoteregex": "regex", "encodeurl": "enotify"}

COMMANDS: dict[str, CommandForm] = {
    "set": (
        Form(
            needs=("variables",),
            options={
                tag: Option(group=f"precedence {precedence}", needs=_NEEDS.get(tag, ""))
                for tag, (precedence, _) in MODIFIERS.items()
            },
            arguments=(Kind.STRING, Kind.STRING),
        ),
        _set,
    )
}
TESTS: dict[str, TestForm] = {
    "string": (
        Form(needs=("variables",), options=MATCH, arguments=(Kind.STRINGS, Kind.STRINGS)),
        _string,
    )
}
