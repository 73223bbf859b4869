"""Header fields in the forms of RFC 8621 §4.1.2, as a client writes them; pure.

Subject                 subject               header:Subject:asText
From, To, …             from, to, …           header:From:asAddresses, :asGroupedAddresses
Message-ID, …           messageId, …          header:References:asMessageIds
Date                    sentAt                header:Date:asDate
List-…                                        header:List-Post:asURLs
any                                           header:X-Any, :asRaw; each with :all
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from mailserver.model.errors import PeerFault
from mailserver.protocol.mime import fields
from mailserver.protocol.smtp.trace import local_date_time
from webui.jmap.setting import wrong

CONVENIENT = {
    "messageId": "header:Message-ID:asMessageIds",
    "inReplyTo": "header:In-Reply-To:asMessageIds",
    "references": "header:References:asMessageIds",
    "sender": "header:Sender:asAddresses",
    "from": "header:From:asAddresses",
    "to": "header:To:asAddresses",
    "cc": "header:Cc:asAddresses",
    "bcc": "header:Bcc:asAddresses",
    "replyTo": "header:Reply-To:asAddresses",
    "subject": "header:Subject:asText",
    "sentAt": "header:Date:asDate",
}
PROPERTY = re.compile(
    r"header:(?P<name>[!-9;-~]+?)"
    r"(?P<form>:as(?:Raw|Text|Addresses|GroupedAddresses|MessageIds|Date|URLs))?(?P<all>:all)?\Z"
)
_DATE = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?(?:Z|[+-][0-9]{2}:[0-9]{2})\Z"
)
_ADDRESSES = frozenset({"from", "sender", "reply-to", "to", "cc", "bcc"}) | frozenset(
    f"resent-{name}" for name in ("from", "sender", "reply-to", "to", "cc", "bcc")
)
_IDS = frozenset({"message-id", "in-reply-to", "references", "resent-message-id"})
_DATES = frozenset({"date", "resent-date"})
_TEXTS = frozenset({"subject", "comments", "keywords", "list-id"})
_URLS = frozenset(
    f"list-{name}" for name in ("help", "unsubscribe", "subscribe", "post", "owner", "archive")
)
FORMS = {
    "Addresses": _ADDRESSES,
    "GroupedAddresses": _ADDRESSES,
    "MessageIds": _IDS,
    "Date": _DATES,
    "Text": _TEXTS,
    "URLs": _URLS,
}
KNOWN = _ADDRESSES | _IDS | _DATES | _TEXTS | _URLS

Written = tuple[str, list[bytes]]
"""A field's name in lower case, and the finished fields of that name."""


def is_header(name: str) -> bool:
    """Say whether a property is a header field."""
    return name in CONVENIENT or name.startswith("header:")


def written(properties: Mapping[str, Any], *, of_part: bool = False) -> dict[str, list[bytes]]:
    """Write the header fields among `properties`, by name in lower case, in their order.

    Raises:
        SetError: invalidProperties: one cannot be written, is none of a header, or is given twice.
    """
    found: dict[str, list[bytes]] = {}
    for name, value in properties.items():
        if not is_header(name) or (of_part and name in CONVENIENT):
            continue
        field, lines = _written(name, value)
        if field in found:
            raise wrong(name, "this header field is given twice")
        if field.startswith("content-") and not of_part:
            raise wrong(name, "fields of a body stand in its part")
        if field in ("content-transfer-encoding", "mime-version"):
            raise wrong(name, "the server writes this field")
        found[field] = lines
    return found


def _written(name: str, value: Any) -> Written:
    read = PROPERTY.match(CONVENIENT.get(name, name))
    if read is None:
        raise wrong(name, "this is not a header field")
    field = read["name"]
    form = (read["form"] or ":asRaw").removeprefix(":as")
    if form in FORMS and field.lower() in KNOWN and field.lower() not in FORMS[form]:
        raise wrong(name, "this field has another form")
    if value is None or value == []:
        return field.lower(), []
    values = value if read["all"] else [value]
    if not isinstance(values, list):
        raise wrong(name, "this is a list")
    try:
        return field.lower(), [_WRITERS[form](field, each) for each in values if each is not None]
    except (PeerFault, TypeError, ValueError, KeyError, AttributeError):
        # whatever its type was, it is not what this form holds
        raise wrong(name, "this cannot be written so") from None


def _raw(field: str, value: Any) -> bytes:
    return fields.raw(field, _text(value))


def _unstructured(field: str, value: Any) -> bytes:
    return fields.text(field, _text(value))


def _addresses(field: str, value: Any) -> bytes:
    return fields.addresses(field, [_named(each) for each in _listed(value)])


def _grouped(field: str, value: Any) -> bytes:
    groups = [
        fields.Group(_optional(each.get("name")), [_named(one) for one in each["addresses"]])
        for each in _listed(value)
    ]
    return fields.addresses(field, groups)


def _message_ids(field: str, value: Any) -> bytes:
    return fields.message_ids(field, map(_text, _listed(value)))


def _date(field: str, value: Any) -> bytes:
    return fields.raw(field, local_date_time(instant(value)))


def _urls(field: str, value: Any) -> bytes:
    return fields.urls(field, map(_text, _listed(value)))


_WRITERS: dict[str, Callable[[str, Any], bytes]] = {
    "Raw": _raw,
    "Text": _unstructured,
    "Addresses": _addresses,
    "GroupedAddresses": _grouped,
    "MessageIds": _message_ids,
    "Date": _date,
    "URLs": _urls,
}


def instant(value: Any) -> datetime:
    """Read a date of RFC 8620 §1.4. Raises ValueError."""
    if not isinstance(value, str) or not _DATE.match(value):
        raise ValueError("this is not a date")
    return datetime.fromisoformat(value)


def _named(value: Any) -> fields.Named:
    return fields.Named(_optional(value.get("name")), _text(value["email"]))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("this is not a text")
    return value


def _optional(value: Any) -> str:
    return "" if value is None else _text(value)


def _listed(value: Any) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise TypeError("this is not a list of any length")
    return value
