"""What every /set has in common: its arguments, patches, and its response (RFC 8620 §5.3)."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from mailserver.model.errors import MailError
from webui.jmap import limits
from webui.jmap.context import Context
from webui.jmap.errors import MethodError, SetError, set_error
from webui.jmap.registry import OfAccount, Properties


class Set(OfAccount):
    """The arguments of a /set."""

    if_in_state: str | None = None
    create: dict[str, dict[str, Any]] | None = None
    update: dict[str, dict[str, Any]] | None = None
    destroy: list[str] | None = None


@dataclass(slots=True)
class Outcomes:
    """What became of each object of a /set."""

    created: dict[str, Properties] = field(default_factory=dict)
    updated: dict[str, Properties | None] = field(default_factory=dict)
    destroyed: list[str] = field(default_factory=list)
    not_created: dict[str, SetError] = field(default_factory=dict)
    not_updated: dict[str, SetError] = field(default_factory=dict)
    not_destroyed: dict[str, SetError] = field(default_factory=dict)

    def response(self, context: Context, old_state: str, new_state: str) -> Properties:
        """Return the arguments of the response."""
        return {
            "accountId": context.account_id,
            "oldState": old_state,
            "newState": new_state,
            "created": self.created or None,
            "updated": self.updated or None,
            "destroyed": self.destroyed or None,
            "notCreated": _said(self.not_created),
            "notUpdated": _said(self.not_updated),
            "notDestroyed": _said(self.not_destroyed),
        }


def begin(arguments: Set, state: str) -> None:
    """Refuse a /set that is too long, or meant for another state.

    Raises:
        MethodError: requestTooLarge, stateMismatch.
    """
    objects = (arguments.create, arguments.update, arguments.destroy)
    if sum(len(each) for each in objects if each) > limits.OBJECTS_IN_SET:
        raise MethodError("requestTooLarge", f"at most {limits.OBJECTS_IN_SET} objects are set")
    if arguments.if_in_state is not None and arguments.if_in_state != state:
        raise MethodError("stateMismatch", "the state is another by now")


def refusal(error: MailError | SetError) -> SetError:
    """Return what is said of an object that `error` kept from being set."""
    return error if isinstance(error, SetError) else set_error(error)


def patched(value: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """Return `value` with a patch object applied; a null takes a member away.

    Raises:
        SetError: invalidPatch: a pointer leads through something that is no object or not there,
            or one pointer is the beginning of another.
    """
    pointers = {tuple(_tokens(path)): path for path in patch}
    for tokens, path in pointers.items():
        if any(tokens[:n] in pointers for n in range(1, len(tokens))):
            raise SetError("invalidPatch", f"{path[:100]} lies in what another pointer sets")
    result: dict[str, Any] = deepcopy(dict(value))
    for tokens, path in pointers.items():
        place = result
        for token in tokens[:-1]:
            inner = place.get(token)
            if not isinstance(inner, dict):
                raise SetError("invalidPatch", f"{path[:100]} names nothing")
            place = inner
        if patch[path] is None:
            place.pop(tokens[-1], None)
        else:
            place[tokens[-1]] = patch[path]
    return result


def wrong(name: str, description: str = "") -> SetError:
    """Return the error of one property that cannot be so."""
    return SetError("invalidProperties", description, properties=[name])


def _tokens(path: str) -> list[str]:
    return [token.replace("~1", "/").replace("~0", "~") for token in path.split("/")]


def _said(errors: Mapping[str, SetError]) -> Properties | None:
    return {name: error.members for name, error in errors.items()} or None
