"""Notices by mail: `notify` and its tests (RFC 5435, RFC 5436)."""

import re
from dataclasses import dataclass
from urllib.parse import unquote

from mailserver.protocol.sieve.actions import Notify
from mailserver.protocol.sieve.base_actions import address
from mailserver.protocol.sieve.compiler import Scope
from mailserver.protocol.sieve.errors import SieveError
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

_FIELDS = frozenset({"subject", "body"})
_SCHEME = re.compile(r"mailto:", re.IGNORECASE)
URI_CHARACTERS = 2_000


@dataclass(frozen=True, slots=True)
class MailUri:
    """A mailto: URI of one recipient (RFC 6068)."""

    address: str
    fields: tuple[tuple[str, str], ...]
    """What it asks for, by lower-case name; only its subject and body are taken, for others name
    further recipients or what RFC 5436 §2.3 forbids."""


def mail_uri(text: str) -> MailUri:
    """Read a mailto: URI. Raises SieveError where it is none, or has not one recipient."""
    scheme = _SCHEME.match(text)
    if scheme is None or len(text) > URI_CHARACTERS:
        raise SieveError(0, 0, "notices go to mailto: addresses only")
    path, _, query = text[scheme.end() :].partition("?")
    recipients = [unquote(path)] if path else []
    fields = []
    for pair in query.split("&") if query else []:
        name, equals, value = pair.partition("=")
        if not equals:
            raise SieveError(0, 0, "this is not a mailto: address")
        name, value = unquote(name).lower(), unquote(value)
        if name == "to":
            recipients.append(value)
        elif name in _FIELDS:
            fields.append((name, value))
    if len(recipients) != 1 or "," in recipients[0]:
        raise SieveError(0, 0, "a notice goes to one address")
    return MailUri(address(recipients[0]), tuple(fields))


def _notify(call: Call, scope: Scope) -> Step:
    method, message, sender = call.only(0), call.text("message"), call.text("from")
    given = call.text("importance")
    if given is not None and given.constant not in (None, "1", "2", "3"):
        raise scope.error(given.at, ':importance takes "1", "2" or "3"')
    target = None
    if method.constant is not None:
        try:
            target = mail_uri(method.constant).address
        except SieveError as error:
            raise scope.error(method.at, error.text) from None
    scope.aims(target, call.node.at)

    def notify(run: Run) -> None:
        uri = mail_uri(method(run))
        said = given(run) if given else "2"
        action = Notify(
            uri.address,
            message(run) if message else "",
            uri.fields,
            sender(run) if sender else None,
            int(said) if said in ("1", "2", "3") else 2,
        )
        run.record(action, keeps=True)

    return notify


def _valid(call: Call, _scope: Scope) -> Check:
    methods = call.texts(0)
    return lambda run: all(_is_mail(method(run)) for method in methods)


def _is_mail(text: str) -> bool:
    try:
        mail_uri(text)
    except SieveError:
        return False
    return True


def _capability(call: Call, scope: Scope) -> Check:
    method, name = call.only(0), call.only(1)
    match = matcher(call, scope, call.texts(2))

    def capability(run: Run) -> bool:
        # RFC 5436 §2.1: nobody can tell whether a mailbox is being looked at.
        known = _is_mail(method(run)) and name(run).lower() == "online"
        return known and match.any(run, ["maybe"])

    return capability


COMMANDS: dict[str, CommandForm] = {
    "notify": (
        Form(
            needs=("enotify",),
            options={
                "from": Option(Kind.STRING),
                "importance": Option(Kind.STRING),
                "options": Option(Kind.STRINGS),
                "message": Option(Kind.STRING),
            },
            arguments=(Kind.STRING,),
        ),
        _notify,
    )
}
TESTS: dict[str, TestForm] = {
    "valid_notify_method": (Form(needs=("enotify",), arguments=(Kind.STRINGS,)), _valid),
    "notify_method_capability": (
        Form(
            needs=("enotify",),
            options=MATCH,
            arguments=(Kind.STRING, Kind.STRING, Kind.STRINGS),
        ),
        _capability,
    ),
}
