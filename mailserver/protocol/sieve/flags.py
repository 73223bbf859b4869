"""IMAP flags and keywords (RFC 5232)."""

import re
from collections.abc import Callable, Iterable

from mailserver.protocol.sieve.actions import Flags
from mailserver.protocol.sieve.compiler import Scope
from mailserver.protocol.sieve.forms import MATCH, Call, CommandForm, Form, Kind, TestForm
from mailserver.protocol.sieve.matching import matcher
from mailserver.protocol.sieve.run import Check, Run, Step
from mailserver.protocol.sieve.texts import Text
from mailserver.protocol.sieve.variables import variable_name

SYSTEM = {
    flag.lower(): flag for flag in ("\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft")
}
r"""RFC 9051 §2.3.2, as it is spelt there; \Recent is the server's, so it is left out."""

FLAGS = 100  # of one message; RFC 5232 has no bound
_KEYWORD = re.compile(r'[^\x00-\x20\x7f(){%*"\\\]]{1,128}\Z')


def normal(texts: Iterable[str]) -> Flags:
    """Cut lists of flags into flags, each once; what is no flag is left out (RFC 5232 §2)."""
    found: dict[str, str] = {}
    for text in texts:
        for word in text.split():
            if word.startswith("\\"):
                if word.lower() in SYSTEM:
                    found.setdefault(word.lower(), SYSTEM[word.lower()])
            elif _KEYWORD.match(word):
                found.setdefault(word.lower(), word)
            if len(found) >= FLAGS:
                return tuple(found.values())
    return tuple(found.values())


def flags_said(call: Call) -> Callable[[Run], Flags]:
    """Return what reads the flags of a keep or fileinto: those it names, or the run's own."""
    if not call.has("flags"):
        return lambda run: tuple(run.flags)
    texts = call.texts("flags")
    return lambda run: normal(text(run) for text in texts)


def _named(given: Text | None, scope: Scope) -> str:
    """Return the name of the variable that holds flags; empty for the run's own."""
    if given is None:
        return ""
    scope.need(("variables",), given.at, "a variable with flags")
    return variable_name(given, scope)


def _held(run: Run, name: str) -> list[str]:
    return list(normal([run.variable(name)])) if name else run.flags


def _set(run: Run, name: str, flags: list[str]) -> None:
    if name:
        run.set_variable(name, " ".join(flags))
    else:
        run.flags = flags


def _change(call: Call, scope: Scope) -> Step:
    """Compile setflag, addflag, removeflag."""
    texts, how = call.texts(-1), call.node.name
    name = _named(call.text(0) if len(call.arguments) > 1 else None, scope)

    def change(run: Run) -> None:
        said = normal(text(run) for text in texts)
        held = [] if how == "setflag" else _held(run, name)
        if how == "removeflag":
            gone = {flag.lower() for flag in said}
            flags = [flag for flag in held if flag.lower() not in gone]
        else:
            flags = list(normal([*held, *said]))
        _set(run, name, flags)

    return change


def _hasflag(call: Call, scope: Scope) -> Check:
    variables = call.texts(0) if len(call.arguments) > 1 else []
    names = [_named(given, scope) for given in variables] or [""]
    keys = call.texts(-1)
    match = matcher(call, scope, keys)

    def hasflag(run: Run) -> bool:
        held = [flag for name in names for flag in _held(run, name)]
        return match.any(run, held)

    return hasflag


_LIST = Form(needs=("imap4flags",), arguments=(Kind.STRING, Kind.STRINGS), optional=1)

COMMANDS: dict[str, CommandForm] = {
    "setflag": (_LIST, _change),
    "addflag": (_LIST, _change),
    "removeflag": (_LIST, _change),
}
TESTS: dict[str, TestForm] = {
    "hasflag": (
        Form(
            needs=("imap4flags",),
            options=MATCH,
            arguments=(Kind.STRINGS, Kind.STRINGS),
            optional=1,
        ),
        _hasflag,
    )
}
