"""Reaching another server: looked up once, judged, and connected to as judged; never in clear.

A user names the server that we connect to, from inside of our network. Unless the settings say
otherwise such a server is on the public internet and behind a port of IMAP, so that nobody looks
around in here with our eyes (server-side request forgery). The address that was judged is the one
connected to: a name that answers differently the second time gains nothing.
"""

import asyncio
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

from mailserver.model.errors import Condition, Misconfigured, PeerFault, Refused, Transient
from mailserver.runtime.internet import is_public
from mailserver.runtime.settings import Tls

LOOKUP_SECONDS = 15.0
STALL_SECONDS = 60.0  # without one octet
IMAP_PORTS = frozenset({143, 993})


class ConnectionLost(Transient):
    """The other server cannot be reached, or not any more."""

    def __init__(self, text: str) -> None:
        """Say in words how."""
        super().__init__(Condition.UNAVAILABLE, text)


class Declined(Refused):
    """The other server says no to what it was asked."""

    def __init__(self, text: str) -> None:
        """Say in words what it does not do."""
        super().__init__(Condition.NOT_PERMITTED, text)


@dataclass(frozen=True, slots=True)
class Server:
    """Where mail is brought from."""

    host: str
    port: int
    tls: Tls = Tls.IMPLICIT
    ca_file: Path | None = None
    """Whom to trust for its certificate; the system's authorities where None."""


@dataclass(frozen=True, slots=True)
class Reach:
    """Which servers may be connected to, and how long one may be silent."""

    private: bool = False
    """Also those of private and loopback networks, on any port."""
    stall_seconds: float = STALL_SECONDS


async def addresses(server: Server, reach: Reach) -> list[str]:
    """Return the addresses of a server that may be connected to, in the order to try.

    Raises:
        Refused: NOT_PERMITTED, it is not one that `reach` allows, or it would be in clear.
        ConnectionLost: its name was not found.
    """
    if not reach.private and server.port not in IMAP_PORTS:
        raise Refused(Condition.NOT_PERMITTED, "mail is fetched from ports 993 and 143 only")
    try:
        async with asyncio.timeout(LOOKUP_SECONDS):
            found = await asyncio.get_running_loop().getaddrinfo(
                server.host, server.port, type=socket.SOCK_STREAM
            )
    except (OSError, UnicodeError, TimeoutError):
        raise ConnectionLost(f"there is no server {server.host}") from None
    hosts = list(dict.fromkeys(str(address[0]) for *_, address in found))
    for host in hosts:
        address = _ip(host)
        if server.tls is Tls.NONE and not address.is_loopback:
            raise Refused(Condition.NOT_PERMITTED, "mail is fetched over TLS only")
        if not reach.private and not is_public(address):
            raise Refused(
                Condition.NOT_PERMITTED, f"{server.host} is not a server on the public internet"
            )
    return hosts


def _ip(host: str) -> IPv4Address | IPv6Address:
    return ip_address(host.partition("%")[0])


def client_context(server: Server) -> ssl.SSLContext:
    """Make the TLS context for a server: its certificate is always checked.

    Raises:
        Misconfigured: the authorities' file cannot be read.
    """
    try:
        context = ssl.create_default_context(cafile=server.ca_file)
    except (OSError, ssl.SSLError):
        raise Misconfigured(f"{server.ca_file}: this is no file of certificates") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


@contextmanager
def told(server: Server) -> Iterator[None]:
    """Put what goes wrong while connecting to `server` in words.

    Raises:
        Refused: NOT_PERMITTED, its certificate is not good.
        ConnectionLost: it cannot be reached.
        PeerFault: BAD_SYNTAX, it does not speak TLS.
    """
    where = f"{server.host}, port {server.port}"
    try:
        yield
    except ssl.SSLCertVerificationError as error:
        raise Refused(
            Condition.NOT_PERMITTED,
            f"the certificate of {server.host} is not good: {error.verify_message}",
        ) from None
    except ssl.SSLError:
        raise PeerFault(Condition.BAD_SYNTAX, f"{where}: it does not speak TLS as we do") from None
    except (OSError, TimeoutError):
        raise ConnectionLost(f"{where}: it cannot be reached") from None
