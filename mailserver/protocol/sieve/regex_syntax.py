r"""POSIX extended regular expressions → a small program (draft-ietf-sieve-regex).

    expression   branch *("|" branch)
    branch       *(atom [ "*" / "+" / "?" / "{" n ["," [m]] "}" ])
    atom         "(" expression ")" / "[" … "]" / "." / "^" / "$" / "\" character / character
    [ … ]        [ "^" ] 1*(character / range / "[:" class ":]" / "[=" c "=]" / "[." c ".]")

The program is a list of instructions for `regex.Regex`. Back-references are not in the language:
they are what cannot be matched in linear time. `\w \s \d` and their opposites are, as everywhere.
"""

import unicodedata
from collections.abc import Callable
from enum import Enum, auto
from typing import NamedTuple

PROGRAM = 1_000
"""Instructions of one expression; repetitions are written out, so `{n,m}` counts."""

GROUPS = 32

Accepts = Callable[[str], bool]


class RegexFault(Exception):
    """This is no expression, or too large a one; the text says why."""


class Op(Enum):
    """What an instruction does."""

    TAKE = auto()
    """Take one character that `accepts`."""
    FORK = auto()
    """Go on at `x`, or else at `y`."""
    GO = auto()
    """Go on at `x`."""
    MARK = auto()
    """Write down where we are, as number `x`."""
    BEGIN = auto()
    """Only at the beginning."""
    END = auto()
    """Only at the end."""
    MATCH = auto()
    """Done."""


class Instruction(NamedTuple):
    """One instruction."""

    op: Op
    x: int = 0
    y: int = 0
    accepts: Accepts | None = None


Code = list[Instruction]
"""Instructions whose jumps count from their own place, so that code can be moved and repeated."""


def compiled(pattern: str, *, ignore_case: bool) -> tuple[Code, int]:
    """Return the program of `pattern` and how many groups it has.

    Raises:
        RegexFault: it is no expression, or too large.
    """
    parser = _Parser(pattern, ignore_case=ignore_case)
    code = parser.expression(0)
    if parser.at < len(pattern):
        raise RegexFault("a ) has no (")
    whole = [Instruction(Op.MARK, 0), *code, Instruction(Op.MARK, 1), Instruction(Op.MATCH)]
    return _bounded(whole), parser.groups


_CLASSES: dict[str, Accepts] = {
    "alnum": str.isalnum,
    "alpha": str.isalpha,
    "blank": lambda c: c in " \t",
    "cntrl": lambda c: unicodedata.category(c) == "Cc",
    "digit": lambda c: c in "0123456789",
    "graph": lambda c: c.isprintable() and not c.isspace(),
    "lower": str.islower,
    "print": str.isprintable,
    "punct": lambda c: unicodedata.category(c)[0] in "PS",
    "space": str.isspace,
    "upper": str.isupper,
    "xdigit": lambda c: c in "0123456789abcdefABCDEF",
}
_ESCAPES: dict[str, Accepts] = {
    "w": lambda c: c.isalnum() or c == "_",
    "s": str.isspace,
    "d": _CLASSES["digit"],
    "W": lambda c: not (c.isalnum() or c == "_"),
    "S": lambda c: not c.isspace(),
    "D": lambda c: not _CLASSES["digit"](c),
}


def _either_case(accepts: Accepts) -> Accepts:
    """Take a character if it is taken in any case; one that has two in the other stays itself."""
    return lambda c: any(len(one) == 1 and accepts(one) for one in (c, c.lower(), c.upper()))


def _bounded(code: Code) -> Code:
    if len(code) > PROGRAM:
        raise RegexFault("this expression is too large")
    return code


class _Parser:
    def __init__(self, pattern: str, *, ignore_case: bool) -> None:
        self._pattern = pattern
        self._ignore_case = ignore_case
        self.at = 0
        self.groups = 0

    def expression(self, depth: int) -> Code:
        if depth > GROUPS:
            raise RegexFault("these groups are nested too deeply")
        branches = [self._branch(depth)]
        while self._ate("|"):
            branches.append(self._branch(depth))
        code = branches.pop()
        while branches:
            before = branches.pop()
            code = _bounded(
                [
                    Instruction(Op.FORK, 1, len(before) + 2),
                    *before,
                    Instruction(Op.GO, len(code) + 1),
                    *code,
                ]
            )
        return code

    def _branch(self, depth: int) -> Code:
        code: Code = []
        while self.at < len(self._pattern) and self._pattern[self.at] not in "|)":
            atom = self._atom(depth)
            while (repeated := self._repeated(atom)) is not None:
                atom = repeated
            code = _bounded(code + atom)
        return code

    def _atom(self, depth: int) -> Code:
        character = self._take()
        match character:
            case "(":
                return self._group(depth)
            case "[":
                return [Instruction(Op.TAKE, accepts=self._set())]
            case ".":
                return [Instruction(Op.TAKE, accepts=_anything)]
            case "^" | "$":
                if self._pattern[self.at : self.at + 1] in ("*", "+", "?", "{"):
                    raise RegexFault(f"{character} is not repeated")
                return [Instruction(Op.BEGIN if character == "^" else Op.END)]
            case "\\":
                return self._escaped()
            case "*" | "+" | "?":
                raise RegexFault(f"there is nothing before {character} to repeat")
            case _:
                return self._one(character.__eq__)

    def _group(self, depth: int) -> Code:
        self.groups += 1
        if self.groups > GROUPS:
            raise RegexFault(f"an expression has {GROUPS} groups at most")
        number = self.groups
        code = self.expression(depth + 1)
        if not self._ate(")"):
            raise RegexFault("a ( has no )")
        return [Instruction(Op.MARK, 2 * number), *code, Instruction(Op.MARK, 2 * number + 1)]

    def _escaped(self) -> Code:
        if self.at >= len(self._pattern):
            raise RegexFault("there is nothing behind the last \\")
        character = self._take()
        if character in _ESCAPES:
            return self._one(_ESCAPES[character])
        if character.isdigit():
            raise RegexFault("back-references are not taken")
        if character.isalpha() or character in "<>":
            raise RegexFault(f"\\{character} means nothing here")
        return self._one(character.__eq__)

    def _one(self, accepts: Accepts) -> Code:
        return [
            Instruction(Op.TAKE, accepts=_either_case(accepts) if self._ignore_case else accepts)
        ]

    def _repeated(self, atom: Code) -> Code | None:
        """Return `atom` repeated as the next character says; None where it says nothing."""
        if self._ate("*"):
            return _star(atom)
        if self._ate("+"):
            return [*atom, *_star(atom)]
        if self._ate("?"):
            return _maybe(atom)
        if not self._ate("{"):
            return None
        end = self._pattern.find("}", self.at)
        low, comma, high = self._pattern[self.at : max(end, self.at)].partition(",")
        if end < 0 or not _is_count(low) or (high and not _is_count(high)):
            raise RegexFault("this is no {n}, {n,} or {n,m}")
        self.at = end + 1
        least = int(low)
        most = least if not comma else int(high) if high else None
        if most is not None and most < least:
            raise RegexFault("a repetition counts upwards")
        if len(atom) * max(least, most or 0) > PROGRAM:
            raise RegexFault("this expression is too large")
        code = atom * least
        if most is None:
            return code + _star(atom)
        for _ in range(most - least):
            code = code + _maybe(atom)
        return _bounded(code)

    def _set(self) -> Accepts:
        """Read a bracket expression behind its `[`."""
        negated = self._ate("^")
        characters: set[str] = set()
        tests: list[Accepts] = []
        first = True
        while first or not self._ate("]"):
            first = False
            if self._pattern.startswith("[:", self.at):
                tests.append(self._class())
            elif self._pattern.startswith("[=", self.at):
                tests.append(_like(self._element("=")))
            else:
                self._range(characters, tests)
        accepts = _member(frozenset(characters), tuple(tests))
        if self._ignore_case:  # before it is negated: [^a] takes no A either
            accepts = _either_case(accepts)
        return (lambda c: not accepts(c)) if negated else accepts

    def _range(self, characters: set[str], tests: list[Accepts]) -> None:
        """Read one character of a set, or two with all between them."""
        low = self._end_point()
        if not self._pattern.startswith("-", self.at) or self._pattern.startswith("-]", self.at):
            characters.add(low)
            return
        self._take()
        high = self._end_point()
        if high < low:
            raise RegexFault("a range counts upwards")
        tests.append(_between(low, high))

    def _end_point(self) -> str:
        if self._pattern.startswith("[.", self.at):
            return self._element(".")
        if self._pattern.startswith(("[:", "[="), self.at):
            raise RegexFault("a range is from one character to another")
        return self._take()

    def _element(self, mark: str) -> str:
        """Read the one character of `[=c=]` or `[.c.]`; elements of several have other names."""
        end = self._pattern.find(f"{mark}]", self.at + 3)
        element = self._pattern[self.at + 2 : end]
        if end < 0 or len(element) != 1:
            raise RegexFault(f"[{mark} {mark}] holds one character")
        self.at = end + 2
        return element

    def _class(self) -> Accepts:
        end = self._pattern.find(":]", self.at)
        name = self._pattern[self.at + 2 : end]
        if end < 0 or name not in _CLASSES:
            raise RegexFault("there is no such class of characters")
        self.at = end + 2
        return _CLASSES[name]

    def _ate(self, character: str) -> bool:
        if self._pattern.startswith(character, self.at):
            self.at += 1
            return True
        return False

    def _take(self) -> str:
        if self.at >= len(self._pattern):
            raise RegexFault("a [ has no ]")
        self.at += 1
        return self._pattern[self.at - 1]


def _star(atom: Code) -> Code:
    size = len(atom)
    return _bounded(
        [Instruction(Op.FORK, 1, size + 2), *atom, Instruction(Op.GO, -(size + 1))],
    )


def _maybe(atom: Code) -> Code:
    return [Instruction(Op.FORK, 1, len(atom) + 1), *atom]


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 4


def _anything(_character: str) -> bool:
    return True


def _between(low: str, high: str) -> Accepts:
    return lambda character: low <= character <= high


def _like(character: str) -> Accepts:
    """Take every character with the same letter in it: `[=e=]` takes é."""
    base = unicodedata.normalize("NFD", character)[0]
    return lambda c: unicodedata.normalize("NFD", c)[0] == base


def _member(characters: frozenset[str], tests: tuple[Accepts, ...]) -> Accepts:
    return lambda c: c in characters or any(test(c) for test in tests)
