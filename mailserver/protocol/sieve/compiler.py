"""Text → script: parsed, checked against what we know, and turned into functions that run it.

Everything that can be known of a script without a message is checked here, so that its author
hears of it when it is stored and not when mail comes (RFC 5228 §2.10.4): the arguments of each
command, that its extension is required, and that it exists.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from mailserver.protocol.sieve.errors import SieveError
from mailserver.protocol.sieve.forms import (
    Call,
    Form,
    Tests,
    arguments_of,
    options_of,
)
from mailserver.protocol.sieve.grammar import Node, Strings, parse
from mailserver.protocol.sieve.lexer import Source
from mailserver.protocol.sieve.limits import Limits
from mailserver.protocol.sieve.run import Check, Run, Runnable, Step
from mailserver.protocol.sieve.texts import Text, text

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Target:
    """An address that a script sends mail to; None where it is known only in a run."""

    address: str | None
    line: int


@dataclass(frozen=True, slots=True, repr=False)
class Compiled(Runnable):
    """A script that was checked, and what it will ask for."""

    required: frozenset[str]
    """The extensions it requires."""
    includes: frozenset[str]
    """The account's own scripts that it names."""
    targets: tuple[Target, ...]
    """Where it redirects or notifies to."""


@dataclass(slots=True)
class Scope:
    """What is known while a script is compiled."""

    source: Source
    limits: Limits
    language: "Language"
    required: set[str] = field(default_factory=set)
    includes: set[str] = field(default_factory=set)
    targets: list[Target] = field(default_factory=list)

    def error(self, at: int, words: str) -> SieveError:
        """Return an error at a place in the script."""
        return self.source.error(at, words)

    def need(self, extensions: tuple[str, ...], at: int, owner: str) -> None:
        """Insist that one of `extensions` is required. Raises SieveError."""
        if extensions and not any(name in self.required for name in extensions):
            raise self.error(at, f'{owner} needs require "{extensions[0]}"')

    def text(self, raw: str, at: int) -> Text:
        """Read a string as the extensions so far have it. Raises SieveError."""
        try:
            return text(
                raw,
                at,
                encoded="encoded-character" in self.required,
                variables="variables" in self.required,
                namespaces=frozenset({"global."} if "include" in self.required else ()),
            )
        except ValueError as error:
            raise self.error(at, str(error)) from None

    def constant(self, given: Text, owner: str) -> str:
        """Return the value of a string that must be the same in every run. Raises SieveError."""
        if given.constant is None:
            raise self.error(given.at, f"{owner} takes no variables here")
        return given.constant

    def aims(self, address: str | None, at: int) -> None:
        """Note that the script sends mail to an address."""
        self.targets.append(Target(address, self.source.error(at, "").line))


@dataclass(frozen=True, slots=True)
class Language:
    """All commands, tests and extensions there are."""

    commands: dict[str, tuple[Form, Callable[[Call, Scope], Step]]]
    tests: dict[str, tuple[Form, Callable[[Call, Scope], Check]]]
    extensions: frozenset[str]


def compile_script(script: bytes, limits: Limits, language: Language) -> Compiled:
    """Compile a script.

    Raises:
        SieveError: it is no script of this language; says where and why.
    """
    if len(script) > limits.script_octets:
        raise SieveError(0, 0, f"a script has {limits.script_octets} octets at most")
    try:
        source = Source(script.decode("utf-8").removeprefix("\ufeff"))
    except UnicodeDecodeError as error:
        line = script.count(b"\n", 0, error.start) + 1
        raise SieveError(line, 1, "a script is written in UTF-8") from None
    if "\0" in source.text:
        raise source.error(source.text.index("\0"), "a script has no NUL characters")
    nodes = parse(source, limits.nesting)
    scope = Scope(source, limits, language)
    step = _block(nodes, scope, top=True)
    return Compiled(
        step, frozenset(scope.required), frozenset(scope.includes), tuple(scope.targets)
    )


def _block(nodes: list[Node], scope: Scope, *, top: bool = False) -> Step:
    """Compile commands that follow each other; only the first of a script may be `require`."""
    steps: list[Step] = []
    before: Node | None = None
    branches: list[tuple[Check | None, Step]] = []
    for node in nodes:
        if node.name == "require":
            if not top or (before is not None and before.name != "require"):
                raise scope.error(node.at, "require stands at the beginning of a script")
            _require(node, scope)
        elif node.name in ("if", "elsif", "else"):
            if node.name == "if":
                branches = []
                steps.append(_choice(branches))
            elif before is None or before.name not in ("if", "elsif"):
                raise scope.error(node.at, f"{node.name} stands behind if or elsif")
            branches.append(_branch(node, scope))
        else:
            steps.append(_command(node, scope))
        before = node
    return _sequence(steps)


def _require(node: Node, scope: Scope) -> None:
    if len(node.arguments) != 1 or node.tests or node.block is not None:
        raise scope.error(node.at, "require takes a string or a list of strings")
    wanted = node.arguments[0]
    if not isinstance(wanted, Strings):
        raise scope.error(wanted.at, "require takes a string or a list of strings")
    unknown = [name for name in wanted.values if name not in scope.language.extensions]
    if unknown:
        raise scope.error(wanted.at, f'there is no extension "{unknown[0]}" here')
    scope.required.update(wanted.values)


def _branch(node: Node, scope: Scope) -> tuple[Check | None, Step]:
    if node.arguments:
        raise scope.error(node.at, f"{node.name} takes no arguments")
    if node.block is None:
        raise scope.error(node.at, f"{node.name} needs a block")
    if node.name == "else":
        if node.tests:
            raise scope.error(node.at, "else takes no test")
        return None, _block(node.block, scope)
    if len(node.tests) != 1 or node.tests_listed:
        raise scope.error(node.at, f"{node.name} needs one test")
    return compile_test(node.tests[0], scope), _block(node.block, scope)


def _choice(branches: list[tuple[Check | None, Step]]) -> Step:
    """Return what runs the first branch whose test holds; the list is filled meanwhile."""

    def choose(run: Run) -> None:
        for check, step in branches:
            run.spend(10)
            if check is None or check(run):
                step(run)
                return

    return choose


def _sequence(steps: list[Step]) -> Step:
    def follow(run: Run) -> None:
        for step in steps:
            run.spend(10)
            step(run)

    return follow


def _command(node: Node, scope: Scope) -> Step:
    """Compile one command; its errors at run time are told with its place."""
    try:
        known = scope.language.commands.get(node.name)
        if known is None:
            raise scope.error(node.at, f"there is no command {node.name}")
        form, build = known
        return _placed(build(_call(node, form, scope), scope), scope, node)
    except SieveError as error:
        return _step_of(_failing(error, scope))


def compile_test(node: Node, scope: Scope) -> Check:
    """Compile one test. Raises SieveError."""
    try:
        known = scope.language.tests.get(node.name)
        if known is None:
            raise scope.error(node.at, f"there is no test {node.name}")
        form, build = known
        return _placed(build(_call(node, form, scope), scope), scope, node)
    except SieveError as error:
        return _failing(error, scope)


def _failing(error: SieveError, scope: Scope) -> Callable[[Run], bool]:
    """Raise `error`, or put it off until a run comes there, where the script asks with ihave.

    Source: RFC 5463 §4.
    """
    if "ihave" not in scope.required:
        raise error

    def fail(run: Run) -> bool:
        raise error

    return fail


def _step_of(check: Check) -> Step:
    def step(run: Run) -> None:
        check(run)

    return step


def _call(node: Node, form: Form, scope: Scope) -> Call:
    scope.need(form.needs, node.at, node.name)
    options, waiting = options_of(node, form, scope)
    arguments = arguments_of(node, form, waiting, scope)
    _check_tests(node, form, scope)
    tests = [compile_test(test, scope) for test in node.tests]
    if node.block is not None:
        raise scope.error(node.at, f"{node.name} takes no block")
    return Call(node, options, arguments, tests)


def _check_tests(node: Node, form: Form, scope: Scope) -> None:
    match form.tests:
        case Tests.NONE if node.tests:
            raise scope.error(node.tests[0].at, f"{node.name} takes no test")
        case Tests.ONE if len(node.tests) != 1 or node.tests_listed:
            raise scope.error(node.at, f"{node.name} takes one test")
        case Tests.SOME if not node.tests_listed:
            raise scope.error(node.at, f"{node.name} takes tests in parentheses")
        case _:
            return


def _placed(run_it: Callable[[Run], T], scope: Scope, node: Node) -> Callable[[Run], T]:
    """Name the place in errors that do not know theirs."""

    def placed(run: Run) -> T:
        try:
            return run_it(run)
        except SieveError as error:
            if error.line:
                raise
            place = scope.error(node.at, error.text)
            raise error.at(place.line, place.column) from None

    return placed
