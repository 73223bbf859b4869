"""Asking web servers that a stranger named: pictures, policies, reports, unsubscriptions.

Whoever writes mail chooses what we are asked to fetch, and we stand inside of somebody's network
(server-side request forgery). So there is one way out for all of it. A URL is read as `WebUrl`
reads it; its host's addresses are looked up here, once, each is judged, and the connection goes to
an address that was judged, so that a name which answers differently the next time gains nothing.
A redirection is a new URL and goes the whole way again. No cookie, no referrer, no proxy, no
environment; one name for every asker; an answer is taken as it comes, never unpacked, and only up
to a size; all of it together has one deadline.

Source: PRIVACY §9; RFC 9110.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from itertools import chain, zip_longest

import httpx

from mailserver.model.errors import PeerFault
from mailserver.model.web_url import PORTS, WebUrl
from mailserver.runtime.internet import is_public
from mailserver.runtime.resolver import DnsTransient, Resolver

AGENT = "Mozilla/5.0 (compatible; Zegel)"  # the same for everybody; it names no version
ADDRESSES_TRIED = 4  # of a host
CONNECT_SECONDS = 5.0  # to one address; a deadline has room for the next
AT_ONCE = 64  # requests of a process; more wait, within their own deadline
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class Trouble(Enum):
    """Why there is no answer."""

    BAD_URL = "bad_url"
    """It, or where it leads, is none that we would ask for."""
    FORBIDDEN = "forbidden_address"
    """The host has addresses, and none of them is the internet's."""
    UNREACHABLE = "unreachable"
    UNTRUSTED = "untrusted"
    """Its certificate is not for this name, or from nobody we know."""
    TOO_LARGE = "too_large"
    TOO_LATE = "too_late"


class WebError(Exception):
    """Nothing came of a request."""

    def __init__(self, trouble: Trouble) -> None:
        """Say why."""
        super().__init__(trouble.value)
        self.trouble = trouble


@dataclass(frozen=True, slots=True)
class WebAnswer:
    """What a server answered."""

    status: int
    type: str
    """Its media type in lower case, without parameters; empty where it says none."""
    octets: bytes
    """Empty where the answer was not asked for."""


class WebClient:
    """Asks servers of the internet."""

    def __init__(
        self,
        resolver: Resolver,
        tls: ssl.SSLContext,
        *,
        may_connect: Callable[[str], bool] = is_public,
        ports: Mapping[str, int] = PORTS,
    ) -> None:
        """Ask with `tls`, which must verify names, at addresses that `may_connect` allows.

        Args:
            resolver: finds addresses.
            tls: for https.
            may_connect: judges an address, in text form.
            ports: by scheme; others only where a test plays the internet.
        """
        if not tls.check_hostname:
            raise ValueError("https is only as good as the certificate's name")
        self._resolver = resolver
        self._tls = tls
        self._may_connect = may_connect
        self._ports = ports
        self._room = asyncio.Semaphore(AT_ONCE)

    async def get(
        self,
        url: WebUrl,
        *,
        most_octets: int,
        deadline: timedelta,
        redirects: int = 0,
        accept: str = "*/*",
    ) -> WebAnswer:
        """Fetch `url`.

        Args:
            url: what is asked for.
            most_octets: an answer that is larger is not taken.
            deadline: for all of it.
            redirects: so many are followed; then the redirection itself is the answer.
            accept: the media types that are wanted.

        Raises:
            WebError: there is no answer.
        """
        fields = {"Accept": accept}
        async with _within(deadline) as until, self._room:
            answer, location = await self._exchange("GET", url, fields, None, most_octets, until)
            while redirects and location is not None and answer.status in _REDIRECTS:
                redirects -= 1
                url = _there(url, location)
                answer, location = await self._exchange(
                    "GET", url, fields, None, most_octets, until
                )
        return answer

    async def post(
        self,
        url: WebUrl,
        octets: bytes,
        content_type: str,
        *,
        deadline: timedelta,
        more: Mapping[str, str] | None = None,
    ) -> WebAnswer:
        """Send `octets` to `url`; no redirection is followed, and no more of the answer read.

        Args:
            url: where to.
            octets: the content.
            content_type: its media type.
            deadline: for all of it.
            more: further header fields.

        Raises:
            WebError: there is no answer; where it is TOO_LATE, what was sent may have arrived.
        """
        fields = {"Content-Type": content_type, **(more or {})}
        async with _within(deadline) as until, self._room:
            answer, _ = await self._exchange("POST", url, fields, octets, None, until)
        return answer

    async def _exchange(
        self,
        method: str,
        url: WebUrl,
        fields: Mapping[str, str],
        octets: bytes | None,
        most_octets: int | None,
        until: float,
    ) -> tuple[WebAnswer, str | None]:
        """Ask one server, at the first of its addresses that can be had.

        Returns:
            The answer, and where it says to go instead.
        """
        failed = Trouble.UNREACHABLE
        for address in await self._addresses(url.host):
            request = self._request(address, method, url, fields, octets, until)
            # A bare transport of one question: it follows nothing and remembers nothing.
            async with httpx.AsyncHTTPTransport(verify=self._tls, trust_env=False) as transport:
                try:
                    return await _asked(transport, request, most_octets)
                except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                    failed = _trouble(error)
                except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError) as error:
                    raise WebError(_trouble(error)) from error
        raise WebError(failed)

    def _request(
        self,
        address: str,
        method: str,
        url: WebUrl,
        fields: Mapping[str, str],
        octets: bytes | None,
        until: float,
    ) -> httpx.Request:
        """Write a request for a host to an address of it."""
        port = self._ports[url.scheme]
        where = httpx.URL(
            scheme=url.scheme, host=address, port=port, raw_path=url.target.encode("ascii")
        )
        always = {
            "Host": url.host,
            "User-Agent": AGENT,
            "Accept-Encoding": "identity",
            "Connection": "close",
        }
        return httpx.Request(
            method,
            where,
            headers={**always, **fields},
            content=octets,
            extensions={"sni_hostname": url.host, "timeout": {"connect": _patience(until)}},
        )

    async def _addresses(self, host: str) -> list[str]:
        """Return where a host is, IPv6 and IPv4 in turns; only what may be connected to."""
        try:
            six, four = await asyncio.gather(self._resolver.aaaa(host), self._resolver.a(host))
        except DnsTransient as error:
            raise WebError(Trouble.UNREACHABLE) from error
        turns = chain.from_iterable(zip_longest(six.records, four.records))
        found = [address for address in turns if address is not None]
        allowed = [address for address in found if self._may_connect(address)]
        if found and not allowed:
            raise WebError(Trouble.FORBIDDEN)
        return allowed[:ADDRESSES_TRIED]


@asynccontextmanager
async def _within(deadline: timedelta) -> AsyncIterator[float]:
    """Bound a block; yields when it ends, by the loop's time.

    Raises:
        WebError: it took too long.
    """
    until = asyncio.get_running_loop().time() + deadline.total_seconds()
    try:
        async with asyncio.timeout_at(until):
            yield until
    except TimeoutError as late:
        raise WebError(Trouble.TOO_LATE) from late


def _patience(until: float) -> float:
    """Say how long to wait for a connection, and then for its handshake.

    Both end before the deadline: a handshake that is cancelled would leave its socket open until
    somebody collects the garbage.
    """
    left = until - asyncio.get_running_loop().time()
    return max(0.01, min(CONNECT_SECONDS, left / 2.1))


def _there(url: WebUrl, location: str) -> WebUrl:
    try:
        return url.joined(location)
    except PeerFault as wrong:
        raise WebError(Trouble.BAD_URL) from wrong


async def _asked(
    transport: httpx.AsyncHTTPTransport, request: httpx.Request, most_octets: int | None
) -> tuple[WebAnswer, str | None]:
    response = await transport.handle_async_request(request)
    try:
        octets = b""
        if most_octets is not None and response.status_code not in _REDIRECTS:
            octets = await _body(response, most_octets)
    finally:
        await response.aclose()
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    return WebAnswer(response.status_code, kind, octets), response.headers.get("location")


async def _body(response: httpx.Response, most_octets: int) -> bytes:
    """Read an answer as it comes; one that is packed though nobody asked for it is not taken."""
    announced = response.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > most_octets:
        raise WebError(Trouble.TOO_LARGE)
    if response.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise WebError(Trouble.UNREACHABLE)
    octets = bytearray()
    async for piece in response.aiter_raw():
        octets += piece
        if len(octets) > most_octets:
            raise WebError(Trouble.TOO_LARGE)
    return bytes(octets)


def _trouble(error: BaseException) -> Trouble:
    """Tell a certificate that is wrong from a server that is not there."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ssl.SSLCertVerificationError):
            return Trouble.UNTRUSTED
        seen = seen.__cause__ or seen.__context__
    return Trouble.UNREACHABLE
