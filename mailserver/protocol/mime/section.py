"""BODY[...]: the octets of a message that a section names (RFC 3501 §6.4.5, RFC 9051 §6.4.5.1)."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from mailserver.protocol.mime.headers import header_fields
from mailserver.protocol.mime.scan import Part, header_only, scan

What = Literal["", "HEADER", "HEADER.FIELDS", "HEADER.FIELDS.NOT", "TEXT", "MIME"]
"""The word that ends a section; empty where a section is only a path, or nothing at all."""

_NAME = re.compile(rb"[^\x00-\x20\x7f:]+\Z")


@dataclass(frozen=True, slots=True)
class Section:
    """A section as it stands between the brackets of BODY[...].

    `path` is the part number, outermost first (empty for the message itself). `fields` are the
    names of HEADER.FIELDS(.NOT) as the client wrote them.
    """

    path: tuple[int, ...] = ()
    what: What = ""
    fields: tuple[bytes, ...] = ()


def section(message: bytes, spec: Section, root: Part | None = None) -> bytes | None:
    """Return the octets of `message` that `spec` names, or None if it has no such part.

    `root` spares the scan where the caller has scanned the message already. What needs no tree
    (the message, its header, its text) is cut out without one.
    """
    if not spec.path and not spec.what:
        return message
    if not root and not spec.path and spec.what != "MIME":
        root = header_only(message)
    span = locate(root or scan(message), spec)
    if span is None:
        return None
    octets = message[span[0] : span[1]]
    if spec.what == "HEADER.FIELDS":
        return select_fields(octets, spec.fields)
    if spec.what == "HEADER.FIELDS.NOT":
        return omit_fields(octets, spec.fields)
    return octets


def locate(root: Part, spec: Section) -> tuple[int, int] | None:
    """Return the offsets that `spec` covers; for HEADER.FIELDS(.NOT) those of the whole header.

    HEADER, HEADER.FIELDS(.NOT) and TEXT after a number are of the message inside a message/rfc822
    part; MIME needs a number.
    """
    part = find_part(root, spec.path)
    if part is None:
        return None
    if not spec.what:
        return (part.body_start, part.body_end) if spec.path else (0, part.body_end)
    if spec.what == "MIME":
        return (part.header_start, part.header_end) if spec.path else None
    inner = part.message if spec.path else part
    if inner is None:
        return None
    if spec.what == "TEXT":
        return inner.body_start, inner.body_end
    return inner.header_start, inner.header_end


def find_part(root: Part, path: tuple[int, ...]) -> Part | None:
    """Follow a part number from the message `root`; None if there is no such part.

    A message that is no multipart has one part, number 1: itself. Numbers below a message/rfc822
    part are those of the message inside it.
    """
    part, numbered = root, False
    for number in path:
        if numbered and part.message is not None:
            part, numbered = part.message, False
        if part.children:
            if not 1 <= number <= len(part.children):
                return None
            part, numbered = part.children[number - 1], True
        elif number == 1 and not numbered:
            numbered = True
        else:
            return None
    return part


def select_fields(header: bytes, names: Collection[bytes]) -> bytes:
    """Return the fields of a header block that are named, in their order, and an empty line."""
    return _closed(_selector(tuple(names)).findall(header))


def omit_fields(header: bytes, names: Collection[bytes]) -> bytes:
    """Return the fields of a header block that are not named, in their order, and an empty line."""
    unwanted = frozenset(map(bytes.lower, names))
    return _closed([whole for name, _, whole in header_fields(header) if name not in unwanted])


def _closed(fields: list[bytes]) -> bytes:
    if fields and not fields[-1].endswith(b"\n"):
        fields.append(b"\r\n")  # the message ended in its header
    fields.append(b"\r\n")
    return b"".join(fields)


@lru_cache(maxsize=256)
def _selector(names: tuple[bytes, ...]) -> re.Pattern[bytes]:
    """Compile an expression that finds the whole fields with one of `names`.

    Clients ask for the same few sets again and again, over thousands of headers.
    """
    possible = [re.escape(name) for name in names if _NAME.match(name)]
    wanted = b"|".join(possible) or rb"(?!)"
    return re.compile(
        rb"^(?:" + wanted + rb")[ \t]*+:[^\n]*+(?:\n[ \t][^\n]*+)*+\n?",
        re.MULTILINE | re.IGNORECASE,
    )
