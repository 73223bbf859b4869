"""Comparators: when two texts are equal, and which comes first (RFC 4790, RFC 5228 §2.7.3).

`fold` turns a text into one that is compared character by character. For i;octet and
i;ascii-casemap a character is an octet of the text's UTF-8, as RFC 5228 §2.7.1 has it.
"""

import unicodedata
from typing import Protocol

ALWAYS = frozenset({"i;octet", "i;ascii-casemap"})
"""Those that need no `require`."""


class Comparator(Protocol):
    """One way to compare."""

    substrings: bool
    """It can look for one text within another."""
    ignores_case: bool
    characters_a_step: int
    """How much of a text is folded and looked through in a step of work."""

    def fold(self, text: str) -> str:
        """Return the form of `text` that is compared."""
        ...

    def cut(self, text: str, start: int, end: int) -> str:
        """Return the part of `text` whose folded form stands from `start` to `end`."""
        ...


class Octets:
    """i;octet."""

    substrings = True
    ignores_case = False
    characters_a_step = 64

    def fold(self, text: str) -> str:
        """Return the octets, each as a character."""
        return text.encode("utf-8", "replace").decode("latin-1")

    def cut(self, text: str, start: int, end: int) -> str:
        """Cut out octets; what is cut through becomes U+FFFD."""
        return text.encode("utf-8", "replace")[start:end].decode("utf-8", "replace")


class AsciiCasemap(Octets):
    """i;ascii-casemap: letters of US-ASCII in upper case, everything else as it is."""

    ignores_case = True

    def fold(self, text: str) -> str:
        """Return the octets, a to z as A to Z (RFC 4790 §9.2.1)."""
        return text.encode("utf-8", "replace").upper().decode("latin-1")


class UnicodeCasemap:
    """i;unicode-casemap: title case, decomposed (RFC 5051)."""

    substrings = True
    ignores_case = True
    characters_a_step = 2

    def fold(self, text: str) -> str:
        """Return the text in title case, decomposed, character by character."""
        if text.isascii():
            return text.upper()
        return "".join(map(_titlecase, text))

    def cut(self, text: str, start: int, end: int) -> str:
        """Cut out whole characters."""
        if text.isascii():
            return text[start:end]
        kept, at = [], 0
        for character in text:
            if start <= at < end:
                kept.append(character)
            at += len(_titlecase(character))
        return "".join(kept)


class AsciiNumeric(Octets):
    """i;ascii-numeric: the number a text begins with; what begins with none is infinite.

    Source: RFC 4790 §9.1.
    """

    substrings = False

    def fold(self, text: str) -> str:
        """Return digits of one length for all numbers of that many digits, the length in front."""
        digits = ""
        for character in text:
            if character not in "0123456789":
                break
            digits += character
        if not digits:
            return "\uffff"
        digits = digits.lstrip("0")
        return chr(min(len(digits), 0xFFFE)) + digits


def _titlecase(character: str) -> str:
    return unicodedata.normalize("NFKD", character.title())


COMPARATORS: dict[str, Comparator] = {
    "i;octet": Octets(),
    "i;ascii-casemap": AsciiCasemap(),
    "i;unicode-casemap": UnicodeCasemap(),
    "i;ascii-numeric": AsciiNumeric(),
}
