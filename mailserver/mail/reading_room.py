"""What readers may have done for them with mail that strangers wrote, as far as it is allowed."""

from dataclasses import dataclass
from typing import Self

from mailserver.mail.previews import Previews
from mailserver.mail.remote_pictures import RemotePictures
from mailserver.mail.unsubscribing import Unsubscribing
from mailserver.runtime.clock import Clock
from mailserver.runtime.confinement import is_possible
from mailserver.runtime.log import get_logger
from mailserver.runtime.offload import Offload
from mailserver.runtime.resolver import Resolver
from mailserver.runtime.settings import Settings
from mailserver.runtime.web_client import WebClient

log = get_logger("mail")


@dataclass(frozen=True, slots=True)
class ReadingRoom:
    """The helps of one process; None where the organisation does not want one."""

    pictures: RemotePictures | None
    unsubscribing: Unsubscribing | None
    previews: Previews | None
    authserv_id: str
    """By what name this server's findings on arrival are signed (RFC 8601 §2.5)."""

    @classmethod
    def of(
        cls,
        settings: Settings,
        web: WebClient,
        resolver: Resolver,
        clock: Clock,
        offload: Offload,
    ) -> Self:
        """Make those that `settings`, and the machine, allow."""
        reading = settings.reading
        previews = reading.previews and is_possible()
        if reading.previews and not previews:
            log.warning("no previews: this machine cannot confine the process that draws them")
        lists = Unsubscribing(web, resolver, clock, offload, settings.hostname)
        return cls(
            pictures=RemotePictures(web, clock, offload) if reading.remote_images else None,
            unsubscribing=lists if reading.unsubscribe else None,
            previews=Previews(reading) if previews else None,
            authserv_id=settings.hostname,
        )
