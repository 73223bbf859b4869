"""BODY[...]: the octets of a message that a section names (RFC 3501 §6.4.5, RFC 9051 §6.4.5.1)."""

from dataclasses import dataclass
from typing import Literal

What = Literal["", "HEADER", "HEADER.FIELDS", "HEADER.FIELDS.NOT", "TEXT", "MIME"]
"""The word that ends a section; empty where a section is only a path, or nothing at all."""


@dataclass(frozen=True, slots=True)
class Section:
    """A section as it stands between the brackets of BODY[...].

    `path` is the part number, outermost first (empty for the message itself). `fields` are the
    names of HEADER.FIELDS(.NOT) as the client wrote them.
    """

    path: tuple[int, ...] = ()
    what: What = ""
    fields: tuple[bytes, ...] = ()
