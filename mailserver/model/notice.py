"""What the server writes to an account's owner about the account itself."""

from collections.abc import Awaitable, Callable
from enum import Enum

from mailserver.model.ids import AccountId


class Notice(Enum):
    """Why the server writes; the words are `mail.notices`'s."""

    NEARLY_FULL = "nearly-full"
    FULL = "full"
    FORWARD_APPROVED = "forward-approved"
    ADDRESS_GIVEN_AWAY = "address-given-away"
    """An address that was the owner's is somebody else's from now on."""
    SENDING_FROZEN = "sending-frozen"
    SENDING_UNFROZEN = "sending-unfrozen"
    NEW_DEVICE = "new-device"
    SIGN_IN_FAILURES = "sign-in-failures"
    FACTOR_CHANGED = "factor-changed"
    PASSWORD_CHANGED = "password-changed"  # noqa: S105 (the name of a notice)
    RESET_ASKED = "reset-asked"
    RESET_DONE = "reset-done"
    FACTORS_TO_GO = "factors-to-go"
    """Two administrators take all second factors off, in two days."""
    VAULT_OPENED = "vault-opened"
    ESCROW_OPENED = "escrow-opened"
    """Two custodians of the organisation opened the account."""
    TRACED = "traced"
    """Administrators look at the account's delivery."""
    EXPORTED = "exported"
    ERASURE_CANCELLED = "erasure-cancelled"
    RESTRICTED = "restricted"
    RESTRICTION_LIFTED = "restriction-lifted"


LANGUAGES = ("en", "nl", "de", "fr")

Tell = Callable[[AccountId, Notice, str], Awaitable[None]]
"""Writes a notice; the text is what it is about: an address, or a number. Raises MailError."""


async def tell_nobody(_account_id: AccountId, _notice: Notice, _about: str) -> None:
    """Write nothing: for tools that only look."""
