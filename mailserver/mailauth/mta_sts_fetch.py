"""Fetching an MTA-STS policy over https: small, soon, from the right host, and nowhere else.

The address is looked up by our own resolver and connected to as such, so that no name, whoever
publishes it, makes us ask a machine of our own network (server-side request forgery).

Source: RFC 8461 §3.3, §10.
"""

import asyncio
import ssl
from collections.abc import Callable
from datetime import timedelta
from ipaddress import ip_address
from typing import Protocol

import httpx

from mailserver.runtime.resolver import DnsTransient, Resolver

DEADLINE = timedelta(seconds=60)  # RFC 8461 §3.3 suggests a minute
POLICY_OCTETS = 64 << 10  # RFC 8461 §3.3 suggests a limit
ADDRESSES_TRIED = 4


class FetchError(Exception):
    """There is no policy to be had; `result` is TLS-RPT's word for why (RFC 8460 §4.3)."""

    def __init__(self, result: str) -> None:
        """Carry the result type."""
        super().__init__(result)
        self.result = result


class Fetch(Protocol):
    """Whatever gets the text of a domain's policy."""

    async def __call__(self, domain: str) -> bytes:
        """Return the policy of `domain`. Raises FetchError."""
        ...


def is_public(address: str) -> bool:
    """Say whether an IP address is one of the internet's."""
    ip = ip_address(address)
    return ip.is_global and not ip.is_multicast


class HttpsFetch:
    """Fetches policies with httpx."""

    def __init__(
        self,
        resolver: Resolver,
        tls: ssl.SSLContext,
        *,
        port: int = 443,
        may_connect: Callable[[str], bool] = is_public,
        deadline: timedelta = DEADLINE,
    ) -> None:
        """Connect with `tls`, which must verify names, to addresses that `may_connect` allows."""
        if not tls.check_hostname:
            raise ValueError("a policy is only as good as the certificate it came under")
        self._resolver = resolver
        self._tls = tls
        self._port = port
        self._may_connect = may_connect
        self._deadline = deadline

    async def __call__(self, domain: str) -> bytes:
        """Return the policy of `domain`. Raises FetchError."""
        try:
            async with asyncio.timeout(self._deadline.total_seconds()):
                return await self._get(f"mta-sts.{domain}")
        except TimeoutError as error:
            raise FetchError("sts-policy-fetch-error") from error

    async def _get(self, host: str) -> bytes:
        failed = FetchError("sts-policy-fetch-error")
        # No environment: a proxy would be told every domain we write to.
        async with httpx.AsyncClient(verify=self._tls, trust_env=False) as client:
            for address in (await self._addresses(host))[:ADDRESSES_TRIED]:
                try:
                    return await self._get_from(client, host, address)
                except httpx.TransportError as error:
                    failed = FetchError(_result(error))
                    failed.__cause__ = error
        raise failed

    async def _get_from(self, client: httpx.AsyncClient, host: str, address: str) -> bytes:
        where = f"[{address}]" if ":" in address else address
        request = client.build_request(
            "GET",
            f"https://{where}:{self._port}/.well-known/mta-sts.txt",
            headers={"Host": host, "Accept-Encoding": "identity"},
            extensions={"sni_hostname": host},
        )
        response = await client.send(request, stream=True, follow_redirects=False)
        try:
            kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
            if response.status_code != 200 or kind != "text/plain":
                raise FetchError("sts-policy-fetch-error")
            text = bytearray()
            async for piece in response.aiter_raw():
                text += piece
                if len(text) > POLICY_OCTETS:
                    raise FetchError("sts-policy-invalid")
            return bytes(text)
        finally:
            await response.aclose()

    async def _addresses(self, host: str) -> list[str]:
        try:
            answers = [await self._resolver.aaaa(host), await self._resolver.a(host)]
        except DnsTransient as error:
            raise FetchError("sts-policy-fetch-error") from error
        found = [address for answer in answers for address in answer.records]
        return [address for address in found if self._may_connect(address)]


def _result(error: BaseException) -> str:
    """Tell a certificate that is wrong from a server that is not there."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ssl.SSLCertVerificationError):
            return "sts-webpki-invalid"
        seen = seen.__cause__ or seen.__context__
    return "sts-policy-fetch-error"
