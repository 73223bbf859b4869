"""The body of a message as JMAP shows it: a tree of parts, and what of them is text (pure).

Source: RFC 8621 §4.1.4, §4.2.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from mailserver.protocol.mime.charsets import decode, guess, is_text
from mailserver.protocol.mime.headers import parameter
from mailserver.protocol.mime.scan import Part
from mailserver.protocol.mime.text import file_name
from mailserver.protocol.mime.transfer import decoded, is_known
from webui.jmap.errors import invalid
from webui.jmap.header_reading import asked, headers, value
from webui.jmap.registry import Properties

DEFAULT = (
    "partId", "blobId", "size", "name", "type", "charset", "disposition", "cid", "language",
    "location",
)  # fmt: skip
KNOWN = frozenset((*DEFAULT, "subParts", "headers"))
_MEDIA = (b"image", b"audio", b"video")
_TEXTS = (b"text/plain", b"text/html")


@dataclass(frozen=True, slots=True)
class Node:
    """A part in its place."""

    part: Part
    path: str
    """As in `1.2`; empty for a multipart."""
    children: "tuple[Node, ...]" = ()

    @property
    def type(self) -> bytes:
        """Type and subtype, lower case."""
        return self.part.type + b"/" + self.part.subtype

    @property
    def is_media(self) -> bool:
        """Whether a reader shows it among text: a picture, a sound, a film."""
        return self.part.type in _MEDIA


def tree(root: Part, path: str = "") -> Node:
    """Number the parts of a message as BODY[1.2] does; an embedded message is one part."""
    if root.children:
        below = [
            tree(child, f"{path}.{n}" if path else str(n))
            for n, child in enumerate(root.children, 1)
        ]
        return Node(root, "", tuple(below))
    return Node(root, path or "1")


def leaves(node: Node) -> Iterator[Node]:
    """Walk over the parts that are no multiparts, in order."""
    if not node.children:
        yield node
    for child in node.children:
        yield from leaves(child)


@dataclass(slots=True)
class Bodies:
    """Which parts are the text, once to be shown as plain text, once as HTML, and the rest."""

    text: list[Node] = field(default_factory=list)
    html: list[Node] = field(default_factory=list)
    attachments: list[Node] = field(default_factory=list)


def bodies(root: Node) -> Bodies:
    """Sort the parts of a message."""
    found = Bodies()
    _sort((root,), b"mixed", found, (True, True), alternative=False)
    return found


def _sort(
    parts: Sequence[Node],
    kind: bytes,
    found: Bodies,
    wanted: tuple[bool, bool],
    *,
    alternative: bool,
) -> None:
    """Sort the children of one multipart; `wanted` says whether as plain text, and as HTML."""
    texts, htmls = len(found.text), len(found.html)
    for n, node in enumerate(parts):
        if node.children:
            sub = node.part.subtype
            deeper = alternative or sub == b"alternative"
            _sort(node.children, sub, found, wanted, alternative=deeper)
        elif not _is_inline(node, n, kind):
            found.attachments.append(node)
        elif kind == b"alternative":
            _choose(node, found, wanted)
        else:
            if alternative:  # what is of one kind is all of this branch
                text = wanted[0] and node.type != b"text/html"
                wanted = (text, wanted[1] and node.type != b"text/plain")
            _show(node, found, wanted)
    if kind == b"alternative" and all(wanted):
        if texts == len(found.text):
            found.text.extend(found.html[htmls:])
        elif htmls == len(found.html):
            found.html.extend(found.text[texts:])


def _choose(node: Node, found: Bodies, wanted: tuple[bool, bool]) -> None:
    """Put one of several alternatives where it is the body."""
    if node.type == b"text/plain":
        if wanted[0]:
            found.text.append(node)
    elif node.type == b"text/html":
        if wanted[1]:
            found.html.append(node)
    else:
        found.attachments.append(node)


def _show(node: Node, found: Bodies, wanted: tuple[bool, bool]) -> None:
    if wanted[0]:
        found.text.append(node)
    if wanted[1]:
        found.html.append(node)
    if not all(wanted) and node.is_media:
        found.attachments.append(node)


def _is_inline(node: Node, place: int, kind: bytes) -> bool:
    if node.part.disposition == b"attachment":
        return False
    if node.type not in _TEXTS and not node.is_media:
        return False
    if place == 0:
        return True
    return kind != b"related" and (node.is_media or not file_name(node.part))


def part_object(
    node: Node, message: bytes, blob_id: str, properties: Sequence[str], *, deep: bool = False
) -> Properties:
    """Return an EmailBodyPart; `deep` with its parts, as bodyStructure has it."""
    shown = {name: _property(node, message, blob_id, name) for name in properties}
    if deep and node.children:
        shown["subParts"] = [
            part_object(child, message, blob_id, properties, deep=True) for child in node.children
        ]
    return shown


def check(properties: Sequence[str]) -> list[str]:
    """Return the properties of parts to give. Raises MethodError: one is unknown."""
    for name in properties:
        if name not in KNOWN:
            if not name.startswith("header:"):
                raise invalid(f"a part has no property {name[:100]}")
            asked(name)
    return [name for name in dict.fromkeys(properties) if name != "subParts"]


def _property(node: Node, message: bytes, blob_id: str, name: str) -> Any:
    simple = _PROPERTIES.get(name)
    if simple is not None:
        return simple(node)
    leaf = not node.children
    match name:
        case "blobId":
            return f"{blob_id}-{node.path.replace('.', '_')}" if leaf else None
        case "size":
            return len(decoded(node.part, message)) if leaf else 0
        case _:
            return value(node.part.fields, asked(name))


def _charset(node: Node) -> str | None:
    named = parameter(node.part.params, b"charset")
    if named is not None:
        return guess(named)
    return "us-ascii" if node.part.type == b"text" else None


def _cid(node: Node) -> str | None:
    return guess(node.part.id).strip("<> \t") or None if node.part.id is not None else None


_PROPERTIES: dict[str, Callable[[Node], Any]] = {
    "partId": lambda node: None if node.children else node.path,
    "headers": lambda node: headers(node.part.fields),
    "name": lambda node: file_name(node.part),
    "type": lambda node: guess(node.type),
    "charset": _charset,
    "disposition": lambda node: guess(node.part.disposition) or None,
    "cid": _cid,
    "language": lambda node: [guess(tag) for tag in node.part.language] or None,
    "location": lambda node: guess(node.part.location) if node.part.location else None,
}


def body_value(node: Node, message: bytes, most_octets: int) -> Properties:
    """Return an EmailBodyValue: the text of a part, cut to `most_octets` where that is not 0."""
    octets = decoded(node.part, message)
    charset = parameter(node.part.params, b"charset")
    text = decode(octets, charset).replace("\r\n", "\n")
    problem = not (is_known(node.part.encoding) and is_text(octets, charset))
    cut = False
    if most_octets and len(encoded := text.encode("utf-8", "replace")) > most_octets:
        text = encoded[:most_octets].decode("utf-8", "ignore")
        if node.part.subtype == b"html" and text.rfind("<") > text.rfind(">"):
            text = text[: text.rfind("<")]  # not within a tag
        cut = True
    return {"value": text, "isEncodingProblem": problem, "isTruncated": cut}
