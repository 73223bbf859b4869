"""The doors of the server as its settings name them: where each listens, how it comes to TLS."""

from pydantic import Field

from mailserver.runtime.settings_values import Address, Endpoint, Section, Tls


class Listener(Section):
    """One door: where it listens, None where it is off, and how it comes to TLS."""

    address: Address = None
    tls: Tls = Tls.STARTTLS
    public_port: int = Field(default=0, ge=0, le=65_535)
    """Under which others reach it where a router or a container maps it; 0: its own."""

    @property
    def known_port(self) -> int:
        """The port that others are told; 0 where it is off, or not known before it is open."""
        return 0 if self.address is None else self.public_port or self.address.port


class Mx(Listener):
    """Mail from other servers. Source: RFC 5321."""

    address: Address = Endpoint(host="", port=25)


class Submission(Listener):
    """Mail from users, STARTTLS. Source: RFC 6409."""

    address: Address = Endpoint(host="", port=587)


class Submissions(Listener):
    """Mail from users, TLS from the first octet. Source: RFC 8314 §3.3."""

    address: Address = Endpoint(host="", port=465)
    tls: Tls = Tls.IMPLICIT


class Imaps(Listener):
    """Reading mail, TLS from the first octet. Source: RFC 8314 §3.2."""

    address: Address = Endpoint(host="", port=993)
    tls: Tls = Tls.IMPLICIT


class Imap(Listener):
    """Reading mail over STARTTLS; off until a setting turns it on (PRIVACY §7)."""


class Lmtp(Listener):
    """Mail from a server on this machine. Source: RFC 2033. Off until a setting turns it on."""

    tls: Tls = Tls.NONE


class ManageSieve(Listener):
    """Keeping one's filters, STARTTLS. Source: RFC 5804. Off until a setting turns it on."""


class Https(Listener):
    """The webmail, its API and the public pages. Source: RFC 9110."""

    address: Address = Endpoint(host="", port=443)
    tls: Tls = Tls.IMPLICIT


class Api(Listener):
    """JMAP with app passwords, for other programs. Off until a setting turns it on."""

    tls: Tls = Tls.IMPLICIT


class Admin(Listener):
    """The console. Off until a setting turns it on."""

    tls: Tls = Tls.IMPLICIT


class Portal(Listener):
    """Public pages, and letters for outsiders. Off until a setting turns it on."""

    tls: Tls = Tls.IMPLICIT


class Http(Listener):
    """Nothing but certificates' challenges (RFC 8555 §8.3) and the way to https. Off likewise."""

    tls: Tls = Tls.NONE


class Metrics(Listener):
    """Counters for Prometheus. Off until a setting turns it on (DESIGN)."""

    tls: Tls = Tls.NONE


WEB = ("https", "api", "admin", "portal", "http")


class Listeners(Section):
    """All doors."""

    mx: Mx = Mx()
    submission: Submission = Submission()
    submissions: Submissions = Submissions()
    imap: Imap = Imap()
    imaps: Imaps = Imaps()
    lmtp: Lmtp = Lmtp()
    managesieve: ManageSieve = ManageSieve()
    https: Https = Https()
    api: Api = Api()
    admin: Admin = Admin()
    portal: Portal = Portal()
    http: Http = Http()
    metrics: Metrics = Metrics()

    def named(self) -> dict[str, Listener]:
        """Return every listener under its key."""
        return {name: getattr(self, name) for name in type(self).model_fields}
