"""The commands of RFC 5804 §2, and how they are read out of their arguments."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mailserver.model.sealed import Plaintext

Argument = bytes | int | str
"""A string's octets, a number, or an atom."""


class SyntaxFault(Exception):
    """What came is not in the grammar; the text is for people."""


@dataclass(frozen=True, slots=True, repr=False)
class Authenticate:
    """Sign in (§2.1); `initial` is in base64, as it came."""

    mechanism: str
    initial: Plaintext | None


@dataclass(frozen=True, slots=True)
class StartTls:
    """§2.2."""


@dataclass(frozen=True, slots=True)
class Logout:
    """§2.3."""


@dataclass(frozen=True, slots=True)
class Capability:
    """§2.4."""


@dataclass(frozen=True, slots=True)
class HaveSpace:
    """Could a script of that size be stored (§2.5)?"""

    name: str
    size_octets: int


@dataclass(frozen=True, slots=True, repr=False)
class PutScript:
    """Store a script (§2.6)."""

    name: str
    content: Plaintext


@dataclass(frozen=True, slots=True)
class ListScripts:
    """§2.7."""


@dataclass(frozen=True, slots=True)
class SetActive:
    """Let a script run, or none where the name is empty (§2.8)."""

    name: str


@dataclass(frozen=True, slots=True)
class GetScript:
    """§2.9."""

    name: str


@dataclass(frozen=True, slots=True)
class DeleteScript:
    """§2.10."""

    name: str


@dataclass(frozen=True, slots=True)
class RenameScript:
    """§2.11."""

    old: str
    new: str


@dataclass(frozen=True, slots=True, repr=False)
class CheckScript:
    """Compile a script and store nothing (§2.12)."""

    content: Plaintext


@dataclass(frozen=True, slots=True)
class Noop:
    """Do nothing, and say the tag if there is one (§2.13)."""

    tag: bytes | None


@dataclass(frozen=True, slots=True)
class Unauthenticate:
    """Sign out and stay connected (§2.14.1)."""


Command = (
    Authenticate
    | StartTls
    | Logout
    | Capability
    | HaveSpace
    | PutScript
    | ListScripts
    | SetActive
    | GetScript
    | DeleteScript
    | RenameScript
    | CheckScript
    | Noop
    | Unauthenticate
)

_S, _N = "string", "number"
_FORMS: dict[str, tuple[tuple[str, ...], int, Callable[..., Command]]] = {
    "authenticate": (
        (_S, _S),
        1,
        lambda mechanism, initial=None: Authenticate(
            _text(mechanism).upper(), None if initial is None else Plaintext(initial)
        ),
    ),
    "starttls": ((), 0, StartTls),
    "logout": ((), 0, Logout),
    "capability": ((), 0, Capability),
    "havespace": ((_S, _N), 2, lambda name, size: HaveSpace(_text(name), size)),
    "putscript": ((_S, _S), 2, lambda name, content: PutScript(_text(name), Plaintext(content))),
    "listscripts": ((), 0, ListScripts),
    "setactive": ((_S,), 1, lambda name: SetActive(_text(name))),
    "getscript": ((_S,), 1, lambda name: GetScript(_text(name))),
    "deletescript": ((_S,), 1, lambda name: DeleteScript(_text(name))),
    "renamescript": ((_S, _S), 2, lambda old, new: RenameScript(_text(old), _text(new))),
    "checkscript": ((_S,), 1, lambda content: CheckScript(Plaintext(content))),
    "noop": ((_S,), 0, lambda tag=None: Noop(tag)),
    "unauthenticate": ((), 0, Unauthenticate),
}
"""Each command's arguments, how many of them it must have, and what makes it of them."""


def read(arguments: Sequence[Argument]) -> Command:
    """Read a command, its name first. Raises SyntaxFault."""
    name, *given = arguments
    form = _FORMS.get(name.lower()) if isinstance(name, str) else None
    if form is None:
        raise SyntaxFault("there is no such command")
    kinds, least, make = form
    if not least <= len(given) <= len(kinds):
        raise SyntaxFault("this command has another number of arguments")
    for kind, argument in zip(kinds, given, strict=False):
        if not isinstance(argument, bytes if kind is _S else int):
            raise SyntaxFault(f"a {kind} was expected")
    return make(*given)


def _text(octets: bytes) -> str:
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        raise SyntaxFault("a name is written in UTF-8") from None
