"""Replies as they stand on the wire (RFC 5804 §1.2, §1.3, §4)."""

from typing import Literal

Kind = Literal[b"OK", b"NO", b"BYE"]
_QUOTED_OCTETS = 1_024


def string(octets: bytes) -> bytes:
    """Write a string: quoted where it is short and plain, else as a literal."""
    if len(octets) <= _QUOTED_OCTETS and not any(mark in octets for mark in b"\r\n\x00"):
        return b'"' + octets.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
    return b"{%d}\r\n" % len(octets) + octets


def reply(kind: Kind, text: str = "", code: bytes | None = None) -> bytes:
    """Write the line that ends an answer."""
    parts: list[bytes] = [kind]
    if code is not None:
        parts.append(b"(" + code + b")")
    if text:
        parts.append(string(text.encode("utf-8", "replace")))
    return b" ".join(parts) + b"\r\n"


def tag_code(tag: bytes) -> bytes:
    """Write the code with which NOOP says its tag (RFC 5804 §2.13)."""
    return b"TAG " + string(tag)


def line(*strings: bytes | str, end: bytes = b"") -> bytes:
    """Write a line of strings, and an atom behind them where one is given."""
    octets = [string(one.encode() if isinstance(one, str) else one) for one in strings]
    return b" ".join([*octets, end] if end else octets) + b"\r\n"
