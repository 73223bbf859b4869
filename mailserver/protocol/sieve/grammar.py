"""Tokens → commands, by the generic grammar alone (RFC 5228 §8.2): no command is known here."""

from dataclasses import dataclass, field

from mailserver.protocol.sieve.lexer import Kind, Source, Token, tokens


@dataclass(frozen=True, slots=True)
class Number:
    """A number, its quantifier multiplied in."""

    value: int
    at: int


@dataclass(frozen=True, slots=True)
class Strings:
    """A string, or a list of them in brackets."""

    values: tuple[str, ...]
    at: int
    is_list: bool


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag, without its colon."""

    name: str
    at: int


Argument = Number | Strings | Tag


@dataclass(slots=True)
class Node:
    """A command or a test: its name, arguments and tests; a command may have a block."""

    name: str
    at: int
    arguments: list[Argument] = field(default_factory=list)
    tests: list["Node"] = field(default_factory=list)
    tests_listed: bool = False
    """The tests stood in parentheses."""
    block: list["Node"] | None = None


def parse(source: Source, nesting: int) -> list[Node]:
    """Read a whole script; blocks and tests nest at most `nesting` deep.

    Raises:
        SieveError: it is not in the grammar.
    """
    parser = _Parser(source, nesting)
    commands = parser.commands(0)
    if parser.token.kind is not Kind.END:
        raise source.error(parser.token.at, "a command was expected here")
    return commands


class _Parser:
    def __init__(self, source: Source, nesting: int) -> None:
        self._source = source
        self._tokens = iter(tokens(source))
        self._nesting = nesting
        self.token: Token = next(self._tokens)

    def commands(self, depth: int) -> list[Node]:
        if depth > self._nesting:
            raise self._source.error(self.token.at, "this is nested too deeply")
        found = []
        while self.token.kind is Kind.NAME:
            found.append(self._command(depth))
        return found

    def _command(self, depth: int) -> Node:
        node = self._node(depth)
        if self._is("{"):
            self._take()
            node.block = self.commands(depth + 1)
            self._expect("}", "a command or } was expected here")
        else:
            self._expect(";", "a semicolon is missing here")
        return node

    def _node(self, depth: int) -> Node:
        """Read what commands and tests share: name, arguments, tests."""
        if depth > self._nesting:
            raise self._source.error(self.token.at, "this is nested too deeply")
        name = self._take()
        node = Node(name.text, name.at)
        while (argument := self._argument()) is not None:
            node.arguments.append(argument)
        if self.token.kind is Kind.NAME:
            node.tests.append(self._node(depth + 1))
        elif self._is("("):
            node.tests_listed = True
            self._take()
            node.tests.append(self._test(depth + 1))
            while self._is(","):
                self._take()
                node.tests.append(self._test(depth + 1))
            self._expect(")", "a comma or ) was expected here")
        return node

    def _test(self, depth: int) -> Node:
        if self.token.kind is not Kind.NAME:
            raise self._source.error(self.token.at, "a test was expected here")
        return self._node(depth)

    def _argument(self) -> Argument | None:
        token = self.token
        match token.kind:
            case Kind.NUMBER:
                self._take()
                return Number(token.number, token.at)
            case Kind.TAG:
                self._take()
                return Tag(token.text, token.at)
            case Kind.STRING:
                self._take()
                return Strings((token.text,), token.at, is_list=False)
            case Kind.MARK if token.text == "[":
                return self._strings()
            case _:
                return None

    def _strings(self) -> Strings:
        at = self._take().at
        values = [self._string()]
        while self._is(","):
            self._take()
            values.append(self._string())
        self._expect("]", "a comma or ] was expected here")
        return Strings(tuple(values), at, is_list=True)

    def _string(self) -> str:
        if self.token.kind is not Kind.STRING:
            raise self._source.error(self.token.at, "a string was expected here")
        return self._take().text

    def _is(self, mark: str) -> bool:
        return self.token.kind is Kind.MARK and self.token.text == mark

    def _expect(self, mark: str, complaint: str) -> None:
        if not self._is(mark):
            raise self._source.error(self.token.at, complaint)
        self._take()

    def _take(self) -> Token:
        taken = self.token
        if taken.kind is not Kind.END:
            self.token = next(self._tokens)
        return taken
