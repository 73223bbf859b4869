"""How a reader leaves a list, as its mail says: by one click, by a letter, by a page.

Source: RFC 2369 §2, §3.2; RFC 8058; RFC 6068.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from mailserver.protocol.mime.headers import Field, unfold

FIELD = b"list-unsubscribe"
POST_FIELD = b"list-unsubscribe-post"
ONE_CLICK = "List-Unsubscribe=One-Click"
"""What the second field must say, and what is posted (RFC 8058 §3.1)."""
URIS = 10  # looked at of one field
SUBJECT_CHARACTERS = 500
BODY_CHARACTERS = 5_000

_URI = re.compile(rb"<([^<>]*+)>")
_SPACE = re.compile(rb"\s+")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Letter:
    """A letter that a mailto: URI asks for."""

    to: str
    """The one address it goes to, as it was written."""
    subject: str
    body: str
    """With LF line ends; empty where it does not matter."""


@dataclass(frozen=True, slots=True)
class Ways:
    """The ways out of a list; what the fields do not offer is empty or None."""

    post: str = ""
    """An https: URI that takes the click by POST (RFC 8058)."""
    letter: Letter | None = None
    page: str = ""
    """An http: or https: URI for people; it may be the same as `post`."""


def ways(fields: Sequence[Field]) -> Ways:
    """Read the fields of a message; where one stands there twice, nobody knows which is meant."""
    values = [value for name, value, _ in fields if name == FIELD]
    posts = [value for name, value, _ in fields if name == POST_FIELD]
    if len(values) != 1:
        return Ways()
    uris = [_text(uri) for uri in _URI.findall(unfold(values[0]))[:URIS]]
    pages = [uri for uri in uris if uri.lower().startswith(("https://", "http://"))]
    secure = [uri for uri in pages if uri.lower().startswith("https:")]
    letters = (letter(uri) for uri in uris if uri.lower().startswith("mailto:"))
    clicks = len(posts) == 1 and _SPACE.sub(b"", posts[0]).lower() == ONE_CLICK.lower().encode()
    return Ways(
        post=secure[0] if clicks and secure else "",
        letter=next((each for each in letters if each is not None), None),
        page=(secure or pages or [""])[0],
    )


def letter(uri: str) -> Letter | None:
    """Read a mailto: URI; None where it asks for anything but one letter to one address.

    Fields other than Subject and Body are left out: a stranger does not choose our headers.

    Source: RFC 6068 §2, §4.
    """
    to, _, query = uri.partition(":")[2].partition("?")
    address = unquote(to).strip()
    if "@" not in address or "," in to or _CONTROL.search(address) or "\n" in address:
        return None
    said: dict[str, str] = {}
    for pair in query.split("&"):
        name, _, value = pair.partition("=")
        said.setdefault(name.lower(), unquote(value))
    subject = " ".join(_CONTROL.sub(" ", said.get("subject", "")).split())
    body = _CONTROL.sub("", said.get("body", "").replace("\r\n", "\n"))
    return Letter(address, subject[:SUBJECT_CHARACTERS], body[:BODY_CHARACTERS])


def _text(uri: bytes) -> str:
    return _SPACE.sub(b"", uri).decode("utf-8", "replace")
