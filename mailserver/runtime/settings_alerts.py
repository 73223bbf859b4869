"""Whom the server writes to when something is wrong with it."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from mailserver.model.address import Address
from mailserver.model.errors import PeerFault
from mailserver.runtime.settings_values import Names, Section


def _addresses(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        try:
            Address.parse(name)
        except PeerFault:
            raise ValueError("write mail addresses, like it@example.org") from None
    return names


Addresses = Annotated[Names, AfterValidator(_addresses)]


class Alerts(Section):
    """What administrators are written about (PRIVACY §14, §15)."""

    to: Addresses = ()
    """Here or elsewhere, best also somewhere that does not need this server."""
    fallback: Addresses = ()
    """Who gets what did not reach those."""
    language: Literal["en", "nl", "de", "fr"] = "en"
    queue_hours: int = Field(default=4, ge=1, le=120)
    """The age at which mail that waits is worth a word."""
    backup_hours: int = Field(default=48, ge=1, le=720)
    """The age of the newest backup, of the mail and of the keystore, at which it is missed."""
    doctor: bool = True
    """Have the doctor look once a day, and write what it finds."""
