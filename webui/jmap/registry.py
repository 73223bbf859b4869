"""What a method is, what a capability is, and which there are.

Each module in `methods` ends with one `MODULE`; `methods/__init__.py` lists them. A method takes a
`Context` and its arguments, a msgspec structure with RFC 8620's names, so that what is missing,
unknown or of a wrong type is refused before it runs.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from webui.jmap.context import Context

Properties = dict[str, Any]


class Taken(msgspec.Struct, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """Arguments of a method: derive from it; a name `is_seen` is `isSeen` in JSON."""


class OfAccount(Taken):
    """Arguments of a method on one account; which account is checked before it runs."""

    account_id: str


Run = Callable[[Context, Any], Awaitable[Properties]]


@dataclass(frozen=True, slots=True)
class Capability:
    """An extension a client may use."""

    uri: str
    session: Callable[[Context], Properties | None] = lambda _context: {}
    """What the session object says of it for the server; None where it is turned off."""
    account: Callable[[Context], Properties] | None = lambda _context: {}
    """What it says for an account; None where no account has it."""


@dataclass(frozen=True, slots=True)
class Method:
    """One method."""

    name: str
    """As in `Email/get`."""
    takes: Any
    """The structure of its arguments."""
    run: Run


@dataclass(frozen=True, slots=True)
class Module:
    """The methods of one capability in one module, and the data types that are pushed."""

    capability: Capability
    methods: tuple[Method, ...] = ()
    types: tuple[str, ...] = ()


class Registry:
    """All methods and capabilities of the server."""

    def __init__(self, modules: Iterable[Module]) -> None:
        """Join `modules`; several may share a capability."""
        self.capabilities: dict[str, Capability] = {}
        self.types: tuple[str, ...] = ()
        self._methods: dict[str, tuple[str, Method]] = {}
        for module in modules:
            uri = module.capability.uri
            self.capabilities.setdefault(uri, module.capability)
            self.types += module.types
            for method in module.methods:
                if method.name in self._methods:
                    raise ValueError(f"two methods are called {method.name}")
                self._methods[method.name] = (uri, method)

    def method(self, name: str, using: Iterable[str]) -> Method | None:
        """Return the method of that name, if the request uses its capability."""
        uri, method = self._methods.get(name, ("", None))
        return method if uri in using else None

    @property
    def names(self) -> Mapping[str, str]:
        """Every method's capability, by name."""
        return {name: uri for name, (uri, _) in self._methods.items()}
