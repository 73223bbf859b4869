"""Where settings come from: a TOML file and the environment, flattened to dotted keys.

It knows the shape of the settings from their classes and turns every complaint into one sentence
that names the key and the place it was set in. Values are never repeated in a complaint: a
database URL holds a password.
"""

import difflib
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from mailserver.model.errors import Misconfigured

PREFIX = "ZEGEL_"
NOT_SETTINGS = frozenset({"ZEGEL_CONFIG"})  # names the file itself

S = TypeVar("S", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value was set, in words for people."""

    place: str
    from_file: bool = False


def dotted_keys(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Yield the dotted name of every setting below `model`."""
    for name, field in model.model_fields.items():
        section = field.annotation
        if isinstance(section, type) and issubclass(section, BaseModel):
            yield from dotted_keys(section, f"{prefix}{name}.")
        else:
            yield prefix + name


def variable_of(key: str) -> str:
    """Name the environment variable of a dotted key."""
    return PREFIX + key.replace(".", "_").upper()


def read_toml(path: Path) -> dict[str, Any]:
    """Read the settings file.

    Raises:
        Misconfigured: it cannot be read, or is no TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise Misconfigured(f"{path}: {(error.strerror or 'cannot be read').lower()}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Misconfigured(f"{path}: this is no TOML: {error}") from error


def gather(
    model: type[BaseModel],
    table: Mapping[str, Any],
    path: Path | None,
    environ: Mapping[str, str],
    overrides: Mapping[str, Any],
) -> tuple[dict[str, Any], dict[str, Origin]]:
    """Lay file, environment and overrides over each other: dotted keys to values and their places.

    Raises:
        Misconfigured: a key or variable that no setting has.
    """
    known = list(dotted_keys(model))
    values: dict[str, Any] = {}
    origins: dict[str, Origin] = {}
    for key, value in _flat(table, _sections(known)):
        if key not in known:
            raise Misconfigured(f"{path}: {key} is no setting{_nearest(key, known)}")
        values[key], origins[key] = value, Origin(f"in {path}", from_file=True)
    variables = {variable_of(key): key for key in known}
    for name in sorted(environ):
        if not name.startswith(PREFIX) or name in NOT_SETTINGS:
            continue
        if name not in variables:
            raise Misconfigured(f"environment: {name} is no setting{_nearest(name, [*variables])}")
        values[variables[name]], origins[variables[name]] = environ[name], Origin(f"in ${name}")
    for key, value in overrides.items():
        values[key], origins[key] = value, Origin("on the command line")
    return values, origins


def _sections(known: list[str]) -> set[str]:
    return {key[:end] for key in known for end, octet in enumerate(key) if octet == "."}


def _flat(
    table: Mapping[str, Any], sections: set[str], prefix: str = ""
) -> Iterator[tuple[str, Any]]:
    for name, value in table.items():
        key = prefix + name
        if isinstance(value, dict) and (key in sections or value):
            yield from _flat(value, sections, key + ".")
        else:
            yield key, value


def _nearest(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
    return f"; the nearest one is {near[0]}" if near else ""


def validated(model: type[S], values: Mapping[str, Any], origins: Mapping[str, Origin]) -> S:
    """Build the settings from dotted keys.

    Raises:
        Misconfigured: a value does not fit; the first one is told, with its key and place.
    """
    tree: dict[str, Any] = {}
    for key, value in values.items():
        *sections, name = key.split(".")
        branch = tree
        for section in sections:
            branch = branch.setdefault(section, {})
        branch[name] = value
    try:
        return model.model_validate(tree)
    except ValidationError as error:
        raise Misconfigured(_sentence(error, origins)) from None  # its text repeats the values


def _sentence(error: ValidationError, origins: Mapping[str, Origin]) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    key = ".".join(str(step) for step in first["loc"])
    place = f" ({origins[key].place})" if key in origins else ""
    reason = str(first["msg"]).removeprefix("Value error, ").removeprefix("Input ")
    more = error.error_count() - 1
    return f"{key}{place}: {reason}" + (f" (and {more} more)" if more else "")
