"""What every /copy has in common: a credential opens one account, so none is copied from.

Source: RFC 8620 §5.4.
"""

from typing import Any

from webui.jmap.context import Context
from webui.jmap.errors import MethodError, invalid
from webui.jmap.registry import OfAccount, Properties


class Copy(OfAccount):
    """The arguments of a /copy."""

    from_account_id: str
    create: dict[str, dict[str, Any]]
    if_from_in_state: str | None = None
    if_in_state: str | None = None
    on_success_destroy_original: bool = False
    destroy_from_if_in_state: str | None = None


async def copy(_context: Context, arguments: Copy) -> Properties:
    """Refuse a copy from an account that is not there, or from one to itself."""
    if arguments.from_account_id == arguments.account_id:
        raise invalid("a copy goes from one account to another")
    raise MethodError("fromAccountNotFound")
