"""What a listener says of itself once it is open."""

from dataclasses import dataclass

from mailserver.runtime.settings_values import Endpoint, Tls


@dataclass(frozen=True, slots=True)
class Door:
    """A listener that is open: its key in the settings, and where it can be reached."""

    name: str
    address: Endpoint
    tls: Tls
