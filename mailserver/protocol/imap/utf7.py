"""Modified UTF-7, in which IMAP4rev1 writes mailbox names (RFC 3501 §5.1.3).

Printable ASCII stands for itself, `&` is `&-`, and everything else is a run of UTF-16BE in base64
(with `,` for `/` and no padding) between `&` and `-`. Decoding is strict, so that every name has
one spelling: what `decode` takes, `encode` writes back octet for octet. A lenient decoder would let
two names on the wire be one mailbox, or one name be two.
"""

import binascii
import re

_RUN = re.compile(r"[^\x20-\x7e]+|&")
_SHIFT = re.compile(rb"&([A-Za-z0-9+,]*)-")
_PLAIN = re.compile(rb"[\x20-\x25\x27-\x7e]*")


def encode(text: str) -> bytes:
    """Write `text` in modified UTF-7.

    Raises:
        ValueError: it holds half a surrogate pair.
    """
    return _RUN.sub(_shifted, text).encode("ascii")


def _shifted(run: "re.Match[str]") -> str:
    if run.group() == "&":
        return "&-"
    base64 = binascii.b2a_base64(run.group().encode("utf-16-be"), newline=False)
    return "&" + base64.rstrip(b"=").replace(b"/", b",").decode("ascii") + "-"


def decode(octets: bytes) -> str:
    """Read modified UTF-7.

    Raises:
        ValueError: it is not the one right spelling of any text.
    """
    if b"&" not in octets:
        if not _PLAIN.fullmatch(octets):
            raise ValueError("not modified UTF-7")
        return octets.decode("ascii")
    parts = []
    at = 0
    while at < len(octets):
        plain = _PLAIN.match(octets, at)
        if plain and plain.group():
            parts.append(plain.group().decode("ascii"))
            at = plain.end()
        elif shift := _SHIFT.match(octets, at):
            parts.append(_run(shift.group(1)) if shift.group(1) else "&")
            at = shift.end()
        else:
            raise ValueError("not modified UTF-7")
    text = "".join(parts)
    # This finds all that is left: ASCII in base64, two runs in a row, stray bits at the end.
    if encode(text) != octets:
        raise ValueError("not the shortest modified UTF-7")
    return text


def _run(base64: bytes) -> str:
    padded = base64.replace(b",", b"/") + b"=" * (-len(base64) % 4)
    return binascii.a2b_base64(padded).decode("utf-16-be")
