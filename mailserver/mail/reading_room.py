"""What readers may have done for them with mail that strangers wrote, as far as it is allowed."""

from dataclasses import dataclass
from typing import Self

from mailserver.mail.previews import Previews
from mailserver.mail.remote_pictures import RemotePictures
from mailserver.mail.unsubscribing import Unsubscribing
from mailserver.runtime.clock import Clock
from mailserver.runtime.offload import Offload
from mailserver.runtime.resolver import Resolver
from mailserver.runtime.settings import Settings
from mailserver.runtime.web_client import WebClient


@dataclass(frozen=True, slots=True)
class ReadingRoom:
    """The helps of one process; None where the organisation does not want one."""

    pictures: RemotePictures | None
    unsubscribing: Unsubscribing | None
    previews: Previews | None

    @classmethod
    def of(
        cls,
        settings: Settings,
        web: WebClient,
        resolver: Resolver,
        clock: Clock,
        offload: Offload,
    ) -> Self:
        """Make those that `settings` allow."""
        reading = settings.reading
        lists = Unsubscribing(web, resolver, clock, offload, settings.hostname)
        return cls(
            pictures=RemotePictures(web, clock, offload) if reading.remote_images else None,
            unsubscribing=lists if reading.unsubscribe else None,
            previews=Previews(reading) if reading.previews else None,
        )
