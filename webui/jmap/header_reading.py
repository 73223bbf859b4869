"""Header fields of a message in the forms of RFC 8621 §4.1.2, as a client asks for them; pure."""

import re
import unicodedata
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import Any, NamedTuple

from mailserver.protocol.mime.addresses import Mailbox, addresses
from mailserver.protocol.mime.charsets import guess
from mailserver.protocol.mime.headers import Field, message_ids, sent_date, text_of, unfold
from webui.jmap.errors import invalid
from webui.jmap.header_forms import CONVENIENT, FORMS, KNOWN, PROPERTY
from webui.jmap.registry import Properties

_URL = re.compile(r"<([^<>]*)>")


class Asked(NamedTuple):
    """A header property that a client asks for."""

    field: bytes
    """The field's name in lower case."""
    form: str
    every: bool
    """Every field of that name, not the last alone."""


@lru_cache(maxsize=1024)
def asked(name: str) -> Asked:
    """Read the name of a property that is a header field.

    Raises:
        MethodError: invalidArguments: there is no such property, or the field has another form.
    """
    read = PROPERTY.match(CONVENIENT.get(name, name))
    if read is None:
        raise invalid(f"there is no property {name[:100]}")
    field = read["name"].lower()
    form = (read["form"] or ":asRaw").removeprefix(":as")
    if form in FORMS and field in KNOWN and field not in FORMS[form]:
        raise invalid(f"{name[:100]} has another form")
    return Asked(field.encode(), form, bool(read["all"]))


def value(fields: Sequence[Field], what: Asked) -> Any:
    """Return what was asked for out of a header; None, or an empty list, where it is not there."""
    found = [whole for name, _, whole in fields if name == what.field]
    if what.every:
        return [_FORMS[what.form](_raw(whole)) for whole in found]
    return _FORMS[what.form](_raw(found[-1])) if found else None


def headers(fields: Sequence[Field]) -> list[Properties]:
    """Return all fields as they stand, in order."""
    return [
        {"name": guess(whole.partition(b":")[0].rstrip()), "value": _as_raw(_raw(whole))}
        for _, _, whole in fields
    ]


def _raw(whole: bytes) -> bytes:
    """Return what stands behind the colon, without the line end that ends the field."""
    return whole.partition(b":")[2].removesuffix(b"\n").removesuffix(b"\r")


def _as_raw(octets: bytes) -> str:
    return guess(octets).replace("\0", "")


def _as_text(octets: bytes) -> str:
    return unicodedata.normalize("NFC", _decoded(unfold(octets))).strip()


def _decoded(octets: bytes) -> str:
    return text_of(octets).replace("\0", "")


def _address(one: Mailbox) -> Properties:
    name = _decoded(one.name).strip() if one.name else ""
    local, domain = guess(one.local or b""), guess(one.domain or b"")
    return {"name": name or None, "email": f"{local}@{domain}" if domain else local}


def _as_addresses(octets: bytes) -> list[Properties]:
    return [_address(one) for one in addresses(unfold(octets)) if one.domain is not None]


def _as_groups(octets: bytes) -> list[Properties]:
    groups: list[Properties] = []
    inside = False
    for one in addresses(unfold(octets)):
        if one.domain is None:
            inside = one.local is not None
            if one.local is not None:
                name = _decoded(one.local).strip()
                groups.append({"name": name or None, "addresses": []})
            continue
        if not inside and (not groups or groups[-1]["name"] is not None):
            groups.append({"name": None, "addresses": []})
        groups[-1]["addresses"].append(_address(one))
    return groups


def _as_ids(octets: bytes) -> list[str] | None:
    found = message_ids(unfold(octets))
    return [guess(one)[1:-1] for one in found] or None


def _as_date(octets: bytes) -> str | None:
    read = sent_date(unfold(octets))
    if read is None:
        return None
    seconds, minutes = read
    try:
        instant = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
        local = instant.astimezone(timezone(timedelta(minutes=minutes)))
    except (OverflowError, ValueError):  # a year or a zone that nobody lives in
        return None
    return local.isoformat().replace("+00:00", "Z")


def _as_urls(octets: bytes) -> list[str] | None:
    return ["".join(url.split()) for url in _URL.findall(guess(unfold(octets)))] or None


_FORMS: dict[str, Callable[[bytes], Any]] = {
    "Raw": _as_raw,
    "Text": _as_text,
    "Addresses": _as_addresses,
    "GroupedAddresses": _as_groups,
    "MessageIds": _as_ids,
    "Date": _as_date,
    "URLs": _as_urls,
}
