"""Which pictures of the web a message names, and which pictures there are.

The markup is read by regular expressions that cannot backtrack. They need not agree with a browser
on everything: a picture that is not found here is not shown, and nothing else happens.

Source: HTML (img, picture, video, table backgrounds); CSS `url()`.
"""

import html
import re
from collections.abc import Iterator

from mailserver.model.errors import PeerFault
from mailserver.model.web_url import WebUrl
from mailserver.protocol.mime.charsets import decode
from mailserver.protocol.mime.headers import parameter
from mailserver.protocol.mime.scan import Part, scan
from mailserver.protocol.mime.transfer import decoded

HTML_OCTETS = 8 * 1024 * 1024  # read of one message
URLS = 2_000  # of one message; the first count

_ATTRIBUTE = re.compile(
    r"[\s\"'/](src|srcset|background|poster)\s*+=\s*+"
    r"(?:\"([^\"]*+)\"|'([^']*+)'|([^\s\"'<>`]++))",
    re.IGNORECASE,
)
_CSS = re.compile(r"\burl\(\s*+(?:\"([^\"]*+)\"|'([^']*+)'|([^\s\"')]++))", re.IGNORECASE)
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_BRANDS = frozenset({b"avif", b"avis"})


def picture_urls(message: bytes) -> frozenset[str]:
    """Return the URLs of the pictures that a message's HTML shows from elsewhere.

    Each is written as `WebUrl` does. Links are none of them, however they are named.
    """
    found: set[str] = set()
    for text in _pages(message):
        for named in _named(text):
            try:
                found.add(str(WebUrl.parse(named)))
            except PeerFault:
                continue
            if len(found) == URLS:
                return frozenset(found)
    return frozenset(found)


def picture_type(octets: bytes) -> str:
    """Return the media type of a picture by how it begins; empty for what is none that we show.

    SVG is none: it is a document with scripts in it.
    """
    if octets.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if octets.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if octets.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if octets[:4] == b"RIFF" and octets[8:12] == b"WEBP":
        return "image/webp"
    if octets[4:8] == b"ftyp" and octets[8:12] in _BRANDS:
        return "image/avif"
    return ""


def _pages(message: bytes) -> Iterator[str]:
    """Yield the HTML of a message and of those attached to it, up to a size."""
    left = HTML_OCTETS
    for part in _leaves(scan(message)):
        if part.type == b"text" and part.subtype == b"html" and left > 0:
            octets = decoded(part, message)[:left]
            left -= len(octets)
            yield decode(octets, parameter(part.params, b"charset"))


def _leaves(part: Part) -> Iterator[Part]:
    if part.message is not None:
        yield from _leaves(part.message)
    elif part.children:
        for child in part.children:
            yield from _leaves(child)
    else:
        yield part


def _named(text: str) -> Iterator[str]:
    for attribute, *values in _ATTRIBUTE.findall(text):
        value = _plain("".join(values))
        yield value
        if attribute.lower() == "srcset":
            for candidate in value.split(","):
                yield candidate.split(maxsplit=1)[0] if candidate.strip() else ""
    for values in _CSS.findall(_plain(text)):
        yield "".join(values)


def _plain(text: str) -> str:
    """Resolve character references that end as they should; others stand for themselves."""
    if "&" not in text:
        return text
    return _ENTITY.sub(lambda found: html.unescape(found[0]), text)
