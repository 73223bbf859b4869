"""Search snippets: where in an email the words of a search stand (RFC 8621 §5)."""

import re
from collections.abc import Sequence
from html import escape
from typing import Any

from mailserver.model.ids import EmailId
from mailserver.protocol.mime.charsets import decode
from mailserver.protocol.mime.headers import first, parameter, text_of
from mailserver.protocol.mime.scan import scan
from mailserver.protocol.mime.text import plain_text
from mailserver.protocol.mime.transfer import decoded
from webui.jmap import bodies, email_filter, ids
from webui.jmap.context import Context
from webui.jmap.getting import wanted
from webui.jmap.methods.mail_capability import MAIL
from webui.jmap.registry import Method, Module, OfAccount, Properties

PREVIEW_OCTETS = 255
_BEFORE = 60
_AFTER = 160
_TEXT_CHARACTERS = 1_000_000


class SnippetGet(OfAccount):
    """The arguments of SearchSnippet/get."""

    email_ids: list[str]
    filter: dict[str, Any] | None = None


async def _get(context: Context, arguments: SnippetGet) -> Properties:
    email_filter.condition(arguments.filter)  # refuses what is no filter
    looked_for = email_filter.texts(arguments.filter)
    in_subject = [word for name, word in looked_for if name in ("text", "subject")]
    in_body = [word for name, word in looked_for if name in ("text", "body")]
    asked = wanted(arguments.email_ids)
    numbers = [number for number in map(ids.email, asked) if number is not None]
    found: dict[str, Properties] = {}
    async for email in context.account.emails.get(numbers, content=bool(looked_for)):
        subject = preview = None
        if email.octets is not None:
            octets = email.octets.reveal()
            subject = marked(text_of(first(scan(octets).fields, b"subject") or b""), in_subject)
            preview = excerpt(text(octets), in_body) if in_body else None
        name = ids.of_email(EmailId(email.id))
        found[name] = {"emailId": name, "subject": subject, "preview": preview}
    missing = [name for name in asked if name not in found]
    return {
        "accountId": context.account_id,
        "list": [found[name] for name in asked if name in found],
        "notFound": missing or None,
    }


def text(message: bytes) -> str:
    """Return the text of a message's body as a person reads it, single-spaced."""
    found: list[str] = []
    parts = bodies.bodies(bodies.tree(scan(message)))
    for node in parts.text:
        if node.part.type == b"text":
            content = decode(decoded(node.part, message), parameter(node.part.params, b"charset"))
            is_html = node.part.subtype == b"html"
            found.append(plain_text(content) if is_html else " ".join(content.split()))
    return " ".join(found)[:_TEXT_CHARACTERS]


def marked(source: str, words: Sequence[str]) -> str | None:
    """Return `source` as HTML with `words` in <mark>; None where none of them occurs."""
    pattern = _pattern(words)
    if pattern is None or not pattern.search(source):
        return None
    pieces, at = [], 0
    for hit in pattern.finditer(source):
        pieces += [escape(source[at : hit.start()]), f"<mark>{escape(hit.group())}</mark>"]
        at = hit.end()
    return "".join([*pieces, escape(source[at:])])


def excerpt(source: str, words: Sequence[str]) -> str | None:
    """Return the words about the first hit, marked, in at most 255 octets; None without a hit."""
    pattern = _pattern(words)
    hit = None if pattern is None else pattern.search(source)
    if hit is None:
        return None
    start = max(0, source.rfind(" ", 0, max(0, hit.start() - _BEFORE)) + 1)
    length = _AFTER
    while length > 0:
        shown = marked(source[start : max(hit.end(), start + length)], words)
        if shown is not None and len(shown.encode()) <= PREVIEW_OCTETS:
            return shown
        length -= 20
    return marked(source[hit.start() : hit.end()][:40], words)


def _pattern(words: Sequence[str]) -> re.Pattern[str] | None:
    longest_first = sorted({word for word in words if word}, key=len, reverse=True)
    if not longest_first:
        return None
    return re.compile("|".join(map(re.escape, longest_first)), re.IGNORECASE)


MODULE = Module(MAIL, (Method("SearchSnippet/get", SnippetGet, _get),))
