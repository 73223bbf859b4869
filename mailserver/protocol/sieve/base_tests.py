"""The tests of the base language, and `envelope` (RFC 5228 §5, RFC 5233, RFC 5260 §6)."""

from collections.abc import Callable, Sequence

from mailserver.model.address import Address
from mailserver.model.errors import PeerFault
from mailserver.protocol.sieve.compiler import Scope
from mailserver.protocol.sieve.forms import (
    INDEX,
    MATCH,
    PART,
    Call,
    Form,
    Kind,
    Option,
    TestForm,
    Tests,
)
from mailserver.protocol.sieve.matching import matcher
from mailserver.protocol.sieve.message import FIELD_NAME
from mailserver.protocol.sieve.run import Check, Run
from mailserver.protocol.sieve.texts import Text

SEPARATOR = "+"
"""Between user and detail (RFC 5233 §2); what delivery goes by as well."""

ADDRESS_FIELDS = frozenset(
    {
        *("from", "to", "cc", "bcc", "sender", "reply-to", "return-path", "errors-to"),
        *("resent-from", "resent-to", "resent-cc", "resent-bcc", "resent-sender"),
        *("resent-reply-to", "delivered-to", "x-original-to", "envelope-to", "apparently-to"),
        *("mail-followup-to", "mail-reply-to", "disposition-notification-to"),
        *("abuse-reports-to", "approved", "x-forwarded-to", "x-forwarded-for", "x-envelope-to"),
    }
)
"""RFC 5228 §5.1: `address` looks at fields that hold addresses only."""


def part_of(address: Address, part: str) -> str | None:
    """Return the part of an address that a tag names; None where it has none (RFC 5233 §4)."""
    user, separator, detail = address.local.partition(SEPARATOR)
    match part:
        case "localpart":
            return address.local
        case "domain":
            return address.domain
        case "user":
            return user
        case "detail":
            return detail if separator else None
        case _:
            return f"{address.local}@{address.domain}"


def index_of(call: Call, scope: Scope) -> int | None:
    """Return which field `:index` and `:last` name: negative from the end, None for all."""
    if not call.has("index"):
        if call.has("last"):
            raise scope.error(call.node.at, ":last stands beside :index")
        return None
    index = call.number("index")
    if index < 1:
        raise scope.error(call.node.at, ":index counts from 1")
    return -index if call.has("last") else index


def at_index(values: list[str], index: int | None) -> list[str]:
    """Return all values, or the one that `index` names."""
    if index is None:
        return values
    at = index - 1 if index > 0 else len(values) + index
    return values[at : at + 1] if 0 <= at < len(values) else []


def check_names(names: Sequence[Text], scope: Scope) -> None:
    """Refuse a constant that is no name of a header field. Raises SieveError."""
    for name in names:
        if name.constant is not None and not FIELD_NAME.match(name.constant):
            raise scope.error(name.at, "this is no name of a header field")


def _header(call: Call, scope: Scope) -> Check:
    names, keys = call.texts(0), call.texts(1)
    check_names(names, scope)
    match, index = matcher(call, scope, keys), index_of(call, scope)

    def header(run: Run) -> bool:
        found: list[str] = []
        for name in names:
            found += at_index(run.message.values(name(run)), index)
        return match.any(run, found)

    return header


def _address(call: Call, scope: Scope) -> Check:
    names, keys = call.texts(0), call.texts(1)
    for name in names:
        if name.constant is not None and name.constant.lower() not in ADDRESS_FIELDS:
            raise scope.error(name.at, f"{name.constant} is no field with addresses")
    match, index = matcher(call, scope, keys), index_of(call, scope)
    part = call.one_of(*PART)

    def address(run: Run) -> bool:
        found: list[str] = []
        for name in names:
            field = name(run)
            if field.lower() in ADDRESS_FIELDS:
                addresses = run.message.addresses(field, index)
                run.spend(1 + len(addresses))
                parts = (part_of(one, part) for one in addresses)
                found += [text for text in parts if text is not None]
        return match.any(run, found)

    return address


def _envelope(call: Call, scope: Scope) -> Check:
    names, keys = call.texts(0), call.texts(1)
    for name in names:
        if name.constant is not None and name.constant.lower() not in ("from", "to"):
            raise scope.error(name.at, f'the envelope has "from" and "to", not "{name.constant}"')
    match, part = matcher(call, scope, keys), call.one_of(*PART)

    def envelope(run: Run) -> bool:
        found: list[str] = []
        for name in names:
            wanted = name(run).lower()
            if wanted in ("from", "to"):
                path = run.facts.sender if wanted == "from" else run.facts.recipient
                text = _part_of_path(path, part)
                found += [] if text is None else [text]
        return match.any(run, found)

    return envelope


def _part_of_path(path: str, part: str) -> str | None:
    """Return a part of a path; the null path has all parts, and they are empty."""
    if not path:
        return None if part == "detail" else ""
    try:
        return part_of(Address.parse(path), part)
    except PeerFault:
        return path if part in ("", "all") else None


def _exists(call: Call, scope: Scope) -> Check:
    names = call.texts(0)
    check_names(names, scope)
    return lambda run: all(run.message.values(name(run)) for name in names)


def _size(call: Call, scope: Scope) -> Check:
    bound = call.number(0)
    if call.has("over"):
        return lambda run: run.message.size_octets > bound
    if call.has("under"):
        return lambda run: run.message.size_octets < bound
    raise scope.error(call.node.at, "size needs :over or :under")


def _not(call: Call, _scope: Scope) -> Check:
    (check,) = call.tests
    return lambda run: not check(run)


def _allof(call: Call, _scope: Scope) -> Check:
    checks = call.tests
    return lambda run: all(check(run) for check in checks)


def _anyof(call: Call, _scope: Scope) -> Check:
    checks = call.tests
    return lambda run: any(check(run) for check in checks)


def _always(*, holds: bool) -> Callable[[Call, Scope], Check]:
    return lambda _call, _scope: lambda _run: holds


_NAMES_AND_KEYS = (Kind.STRINGS, Kind.STRINGS)

TESTS: dict[str, TestForm] = {
    "header": (Form(options={**MATCH, **INDEX}, arguments=_NAMES_AND_KEYS), _header),
    "address": (Form(options={**MATCH, **PART, **INDEX}, arguments=_NAMES_AND_KEYS), _address),
    "envelope": (
        Form(needs=("envelope",), options={**MATCH, **PART}, arguments=_NAMES_AND_KEYS),
        _envelope,
    ),
    "exists": (Form(arguments=(Kind.STRINGS,)), _exists),
    "size": (
        Form(
            options={"over": Option(group="size"), "under": Option(group="size")},
            arguments=(Kind.NUMBER,),
        ),
        _size,
    ),
    "not": (Form(tests=Tests.ONE), _not),
    "allof": (Form(tests=Tests.SOME), _allof),
    "anyof": (Form(tests=Tests.SOME), _anyof),
    "true": (Form(), _always(holds=True)),
    "false": (Form(), _always(holds=False)),
}
