"""What a method works with: the account it may use, and what its request made so far."""

from dataclasses import dataclass, field
from typing import Any

from mailserver.mail.account import Account
from webui.jmap.errors import SetError
from webui.services import Services


@dataclass(slots=True)
class Context:
    """One request of somebody who is signed in."""

    account: Account
    services: Services
    session_id: bytes | None
    """The web session that asks; None where an app password opened the account."""
    created_ids: dict[str, str] = field(default_factory=dict)
    """Creation id → id, of this request and those before it (RFC 8620 §5.3)."""
    using: frozenset[str] = frozenset()
    also: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    """Further responses to the call at hand: what it made other methods do (RFC 8621 §7.5)."""

    referred_octets: int = 0
    """What its references stood for so far."""

    @property
    def by_password(self) -> bool:
        """Whether an app password opened the account: it never sets filters, forwards or push."""
        return self.session_id is None

    @property
    def account_id(self) -> str:
        """The account as the client names it."""
        return f"A{self.account.account_id.hex()}"

    def real_id(self, given: str) -> str:
        """Return the id that `given` stands for: itself, or what was made as `#creation-id`.

        Raises:
            SetError: invalidProperties: nothing was made under that creation id.
        """
        if not given.startswith("#"):
            return given
        made = self.created_ids.get(given[1:])
        if made is None:
            raise SetError("invalidProperties", "nothing was created under that id")
        return made
