"""Strings of a script, with what stands for other text in them (RFC 5228 §2.4.2.4, RFC 5229 §3)."""

import re
from collections.abc import Callable

from mailserver.protocol.sieve.errors import SieveError
from mailserver.protocol.sieve.run import Run

_ENCODED = re.compile(
    r"\$\{(?:(hex):\s*+([0-9a-f]{1,2}(?:\s++[0-9a-f]{1,2})*+)"
    r"|(unicode):\s*+([0-9a-f]{1,6}(?:\s++[0-9a-f]{1,6})*+))\s*+\}",
    re.IGNORECASE | re.ASCII,
)
_VARIABLE = re.compile(
    r"\$\{(?:([0-9]{1,9})|((?:[a-z_][a-z0-9_]*+\.)*+)([a-z_][a-z0-9_]*+))\}",
    re.IGNORECASE | re.ASCII,
)

Piece = Callable[[Run], str]


class Text:
    """One string, ready to be read in a run; `constant` is its value where all runs have one."""

    __slots__ = ("_pieces", "at", "constant")

    def __init__(self, pieces: list[str | Piece], at: int) -> None:
        """Join constants and what is looked up."""
        self._pieces = pieces
        self.at = at
        self.constant: str | None = None
        if all(isinstance(piece, str) for piece in pieces):
            self.constant = "".join(str(piece) for piece in pieces)

    def __call__(self, run: Run) -> str:
        """Return the value in a run. Raises SieveError where it is too long."""
        if self.constant is not None:
            return self.constant
        text = "".join(piece if isinstance(piece, str) else piece(run) for piece in self._pieces)
        if len(text) > run.limits.text_characters:
            raise SieveError(0, 0, "a text grew too long")
        run.spend(1 + len(text) // 64)
        return text


def text(raw: str, at: int, *, encoded: bool, variables: bool, namespaces: frozenset[str]) -> Text:
    """Read a string as the script's extensions have it.

    Args:
        raw: the string as it stood, quotes and dots undone.
        at: where it stood.
        encoded: encoded-character is required.
        variables: variables is required.
        namespaces: whose variables may be named, each with its dot.

    Raises:
        ValueError: it names a character or a namespace that there is not; the text says so.
    """
    if encoded and "${" in raw:
        raw = _decoded(raw)
    if not variables or "${" not in raw:
        return Text([raw], at)
    pieces: list[str | Piece] = []
    position = 0
    for found in _VARIABLE.finditer(raw):
        pieces.append(raw[position : found.start()])
        pieces.append(_piece(found, namespaces))
        position = found.end()
    pieces.append(raw[position:])
    return Text([piece for piece in pieces if piece != ""], at)


def _piece(found: "re.Match[str]", namespaces: frozenset[str]) -> Piece:
    number, namespace, name = found.groups()
    if number is not None:
        return _capture(int(number))
    if not namespace:
        return _variable(name.lower())
    if namespace.lower() not in namespaces:
        raise ValueError(f"there are no variables {namespace}…")
    return _global(name.lower())


def _capture(number: int) -> Piece:
    return lambda run: run.captures[number] if number < len(run.captures) else ""


def _variable(name: str) -> Piece:
    return lambda run: run.variable(name)


def _global(name: str) -> Piece:
    return lambda run: run.globals.get(name, "")


def _decoded(raw: str) -> str:
    octets, position = [], 0
    for found in _ENCODED.finditer(raw):
        octets.append(raw[position : found.start()].encode())
        _, hexadecimal, _, codepoints = found.groups()
        if hexadecimal is not None:
            octets.append(bytes(int(word, 16) for word in hexadecimal.split()))
        else:
            octets.append("".join(map(_character, codepoints.split())).encode())
        position = found.end()
    octets.append(raw[position:].encode())
    return b"".join(octets).decode("utf-8", "replace")


def _character(word: str) -> str:
    number = int(word, 16)
    if number > 0x10FFFF or 0xD800 <= number < 0xE000:
        raise ValueError(f"there is no character {word}")
    return chr(number)
