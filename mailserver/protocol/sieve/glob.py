r"""`:matches`: `*` for any text, `?` for one character, `\` before what means itself.

RFC 5228 §2.7.1. Each star takes as little as it can (RFC 5229 §3.2), so the pieces between stars
are found one after the other, each as early as possible, and nothing is ever tried twice.
"""

import re
from functools import lru_cache

Spans = list[tuple[int, int]]
"""Where the whole match is, then each wildcard, in order."""


class Glob:
    """One pattern, for subjects that are folded as it is."""

    __slots__ = ("_pieces",)

    def __init__(self, pattern: str) -> None:
        """Cut a pattern into the pieces between its stars."""
        self._pieces = [_piece(tokens) for tokens in _split(pattern)]

    def work(self, subject_characters: int) -> int:
        """Say what looking through a subject may cost, in microseconds or so."""
        between = sum(length for _, length in self._pieces[1:-1])
        return 1 + subject_characters * (1 + between) // 64

    def match(self, subject: str) -> Spans | None:
        """Return where the wildcards are, or None where the pattern does not match all of it."""
        spans: Spans = [(0, len(subject))]
        first, *rest = self._pieces
        found = first[0].match(subject)
        if found is None or (not rest and found.end() != len(subject)):
            return None
        spans += [found.span(n + 1) for n in range(first[0].groups)]
        at = found.end()
        for place, (piece, length) in enumerate(rest, 1):
            if place < len(rest):
                found = piece.search(subject, at)
            else:
                start = len(subject) - length
                found = piece.match(subject, start) if start >= at else None
            if found is None:
                return None
            spans.append((at, found.start()))
            spans += [found.span(n + 1) for n in range(piece.groups)]
            at = found.end()
        return spans


@lru_cache(maxsize=256)
def glob(pattern: str) -> Glob:
    """Return the pattern, made once."""
    return Glob(pattern)


def _split(pattern: str) -> list[list[str]]:
    """Return the pieces; in each a `?` stands for itself escaped, an empty string for any one."""
    pieces: list[list[str]] = [[]]
    characters = iter(pattern)
    for character in characters:
        if character == "*":
            pieces.append([])
        elif character == "?":
            pieces[-1].append("")
        elif character == "\\":
            pieces[-1].append(next(characters, "\\"))
        else:
            pieces[-1].append(character)
    return pieces


def _piece(tokens: list[str]) -> tuple[re.Pattern[str], int]:
    """Return an expression without any choice in it, and how many characters it takes."""
    text = "".join(re.escape(token) if token else "(.)" for token in tokens)
    return re.compile(text, re.DOTALL), len(tokens)
