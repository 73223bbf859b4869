"""The sites that web listeners serve: each with its own pages, API and cookies, ignoring others'.

A browser keeps sites apart by origin, so each has a host name of its own in production, or a port
of its own on loopback. Sites with host names of their own may share one listener.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Self
from urllib.parse import urlsplit

from mailserver.runtime.settings import Settings
from mailserver.runtime.settings_web import HTTPS_PORT


class Site(Enum):
    """A site; its value is the key of its listener in the settings, where it has one."""

    WEBMAIL = "https"
    API = "api"
    ADMIN = "admin"
    PORTAL = "portal"
    HTTP = "http"
    """Port 80: challenges of a certificate authority, and the way to https."""
    PUBLIC = "public"
    """What mail programs and servers look up, under every name of ours; it has no listener."""

    @property
    def has_cookies(self) -> bool:
        """Whether browsers sign in to it: cookies count, `Authorization` is refused."""
        return self in (Site.WEBMAIL, Site.ADMIN, Site.PORTAL)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a site is found by people and browsers."""

    site: Site
    origin: str
    """Scheme, host and port as browsers write them: no default port, lower case."""

    @property
    def host(self) -> str:
        """The host with its port, as it stands in a Host field."""
        return urlsplit(self.origin).netloc

    @classmethod
    def of(cls, site: Site, settings: Settings, port: int) -> Self:
        """Return the place of `site`, which listens on `port` (0: on another site's listener).

        The public site and port 80 have none of their own: theirs is the webmail's.
        """
        web = settings.web
        urls = {
            Site.WEBMAIL: web.public_url,
            Site.PUBLIC: web.public_url,
            Site.HTTP: web.public_url,
            Site.API: web.api_url,
            Site.ADMIN: web.admin_url,
            Site.PORTAL: web.portal_url,
        }
        at_home = site in (Site.PUBLIC, Site.HTTP)
        key = Site.WEBMAIL.value if at_home else site.value
        port = settings.listeners.named()[key].public_port or port
        tail = "" if port in (0, HTTPS_PORT) else f":{port}"
        own_host = settings.hostname.lower().rstrip(".")
        return cls(site, urls.get(site) or f"https://{own_host}{tail}")
