"""What every /get has in common (RFC 8620 §5.1)."""

from collections.abc import Collection, Iterable, Sequence

from webui.jmap import limits
from webui.jmap.errors import MethodError, invalid
from webui.jmap.registry import OfAccount


class Get(OfAccount):
    """The arguments of a /get."""

    ids: list[str] | None = None
    properties: list[str] | None = None


def chosen(properties: Sequence[str] | None, known: Collection[str]) -> list[str]:
    """Return the properties to give, `id` always among them.

    Raises:
        MethodError: invalidArguments: one is unknown.
    """
    if properties is None:
        return list(known)
    for name in properties:
        if name not in known:
            raise invalid(f"there is no property {name[:100]}")
    return ["id", *(name for name in dict.fromkeys(properties) if name != "id")]


def wanted(ids: Iterable[str]) -> list[str]:
    """Return the ids, each once.

    Raises:
        MethodError: requestTooLarge.
    """
    each = list(dict.fromkeys(ids))
    if len(each) > limits.OBJECTS_IN_GET:
        raise MethodError("requestTooLarge", f"at most {limits.OBJECTS_IN_GET} objects are given")
    return each
