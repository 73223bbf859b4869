"""`addheader` and `deleteheader` (RFC 5293)."""

from mailserver.protocol.sieve.base_tests import check_names
from mailserver.protocol.sieve.compiler import Scope
from mailserver.protocol.sieve.errors import SieveError
from mailserver.protocol.sieve.forms import MATCH, Call, CommandForm, Form, Kind, Option
from mailserver.protocol.sieve.matching import matcher
from mailserver.protocol.sieve.message import FIELD_NAME
from mailserver.protocol.sieve.run import Run, Step

PROTECTED = frozenset(
    {
        *("received", "auto-submitted"),  # RFC 5293 §4, §5: loops are told by them
        *("return-path", "delivered-to", "authentication-results"),  # what we say of a message
        *("x-zegel-junk-reason", "x-zegel-notice"),
        *("arc-seal", "arc-message-signature", "arc-authentication-results", "dkim-signature"),
    }
)
"""Fields that a script neither adds nor deletes; it asks in vain, as RFC 5293 §6 lets it."""


def _name(text: str) -> str:
    if not FIELD_NAME.match(text):
        raise SieveError(0, 0, "this is no name of a header field")
    return text


def _addheader(call: Call, scope: Scope) -> Step:
    name, value, last = call.only(0), call.only(1), call.has("last")
    check_names([name], scope)

    def addheader(run: Run) -> None:
        field, text = _name(name(run)), value(run)
        if len(text.encode("utf-8", "replace")) > run.limits.field_octets:
            raise SieveError(0, 0, "this header field is too long")
        if field.lower() not in PROTECTED:
            run.spend(100)
            run.message.add(field, text, last=last, most=run.limits.added_fields)

    return addheader


def _deleteheader(call: Call, scope: Scope) -> Step:
    name, patterns, index = call.only(0), call.texts(-1), call.number("index")
    if len(call.arguments) == 1:
        patterns = []
    check_names([name], scope)
    if call.has("last") and not call.has("index"):
        raise scope.error(call.node.at, ":last stands beside :index")
    if call.has("index") and index < 1:
        raise scope.error(call.node.at, ":index counts from 1")
    match, last = matcher(call, scope, patterns, captures=False), call.has("last")

    def deleteheader(run: Run) -> None:
        field = _name(name(run))
        if field.lower() in PROTECTED:
            return
        run.spend(100)
        places = run.message.named(field)
        if index:
            place = len(places) - index if last else index - 1
            places = places[place : place + 1] if place >= 0 else []
        if patterns and match.counts:
            places = places if match.count(run, len(places)) else []
        elif patterns:
            places = [at for at in places if match.any(run, [run.message.text_at(at)])]
        run.message.remove(places, field)

    return deleteheader


COMMANDS: dict[str, CommandForm] = {
    "addheader": (
        Form(
            needs=("editheader",),
            options={"last": Option()},
            arguments=(Kind.STRING, Kind.STRING),
        ),
        _addheader,
    ),
    "deleteheader": (
        Form(
            needs=("editheader",),
            options={**MATCH, "index": Option(Kind.NUMBER), "last": Option()},
            arguments=(Kind.STRING, Kind.STRINGS),
            omissible=1,
        ),
        _deleteheader,
    ),
}
