"""Asking services that the operator named in the settings: an identity provider, for one.

They may stand inside the same network and on any port, so nothing is judged by its address; for
what a stranger names there is `web_client`. No cookie, no redirection, no proxy of the environment;
an answer only up to a size, and all of it within one deadline.
"""

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import httpx

from mailserver.model.errors import Condition, Transient

AT_ONCE = 16  # questions of a process; more wait, within their own deadline
DEADLINE = timedelta(seconds=10)


@dataclass(frozen=True, slots=True, repr=False)
class ServiceAnswer:
    """What a service answered."""

    status: int
    octets: bytes


class ServiceClient:
    """Asks services over https."""

    def __init__(self, tls: ssl.SSLContext, *, deadline: timedelta = DEADLINE) -> None:
        """Ask with `tls`, which must verify names."""
        if not tls.check_hostname:
            raise ValueError("https is only as good as the certificate's name")
        self._tls = tls
        self._deadline = deadline
        self._room = asyncio.Semaphore(AT_ONCE)

    async def get(self, url: str, *, most_octets: int) -> ServiceAnswer:
        """Fetch `url`.

        Raises:
            Transient: UNAVAILABLE, there is no answer, or one that is too large.
        """
        return await self._ask("GET", url, {"accept": "application/json"}, b"", most_octets)

    async def post(
        self, url: str, octets: bytes, fields: Mapping[str, str], *, most_octets: int
    ) -> ServiceAnswer:
        """Send `octets` with header `fields`; raises as `get`."""
        return await self._ask("POST", url, fields, octets, most_octets)

    async def _ask(
        self, method: str, url: str, fields: Mapping[str, str], octets: bytes, most_octets: int
    ) -> ServiceAnswer:
        whole = {**fields, "accept-encoding": "identity", "user-agent": "Zegel"}
        try:
            async with (
                asyncio.timeout(self._deadline.total_seconds()),
                self._room,
                # A client of one question: it follows nothing and remembers nothing.
                httpx.AsyncClient(verify=self._tls, trust_env=False, timeout=None) as client,  # noqa: S113
                client.stream(method, url, headers=whole, content=octets) as response,
            ):
                return ServiceAnswer(response.status_code, await _body(response, most_octets))
        except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError, OSError, TimeoutError) as error:
            raise _unavailable() from error


async def _body(response: httpx.Response, most_octets: int) -> bytes:
    """Read an answer as it comes; one that is packed though nobody asked for it is not taken."""
    if response.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise _unavailable()
    octets = bytearray()
    async for piece in response.aiter_raw():
        octets += piece
        if len(octets) > most_octets:
            raise _unavailable()
    return bytes(octets)


def _unavailable() -> Transient:
    return Transient(Condition.UNAVAILABLE, "the service does not answer as it should")
