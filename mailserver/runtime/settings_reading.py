"""What readers may have done for them with mail that strangers wrote."""

from pydantic import Field

from mailserver.runtime.settings_values import MIB, Octets, Section


class Reading(Section):
    """Which helps there are in the webmail; an organisation turns off what it does not want."""

    remote_images: bool = True
    """Pictures that a message names elsewhere, fetched by this server when its reader asks."""
    unsubscribe: bool = True
    """Leaving a list by this server's hand (RFC 8058)."""
    previews: bool = True
    """Pages of attachments as pictures and text, made in confined processes."""
    preview_octets: Octets = Field(default=30 * MIB, ge=MIB, le=150 * MIB)
    """The largest attachment that is looked into."""
    preview_seconds: int = Field(default=10, ge=1, le=20)
    """How long one page may take."""
    preview_processes: int = Field(default=2, ge=1, le=32)
    """At once, each of at most 1 GiB of memory."""
