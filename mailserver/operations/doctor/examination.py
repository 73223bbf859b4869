"""Everything the doctor looks at, at once."""

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from mailserver.accounts.directory import Directory
from mailserver.mailauth.mta_sts_fetch import HttpsFetch
from mailserver.operations.doctor import domain, host, tls, web
from mailserver.operations.doctor.finding import Finding
from mailserver.operations.doctor.machine import machine, roles
from mailserver.operations.published import Published
from mailserver.runtime.clock import Clock
from mailserver.runtime.offload import Offload
from mailserver.runtime.resolver import DnsTransient, Resolver
from mailserver.runtime.settings import Settings
from mailserver.runtime.tls_client import ClientTls
from mailserver.runtime.web_client import WebClient

HTTP, HTTPS = 80, 443
ADDRESSES_MET = 4


@dataclass(frozen=True, slots=True)
class Examiner:
    """Looks; it asks, and changes nothing."""

    settings: Settings
    resolver: Resolver
    directory: Directory
    clock: Clock
    offload: Offload
    tls: ClientTls
    https_port: int = HTTPS
    http_port: int = HTTP

    async def examine(self, domains: Sequence[Published]) -> list[Finding]:
        """Look at this machine, its host name, and `domains`; in the order of this sentence."""
        looks: list[Awaitable[list[Finding]]] = [self.offload(machine, self.settings)]
        if domains:
            looks += self._at_the_host(domains)
        for facts in domains:
            looks += self._at(facts)
        return [finding for found in await asyncio.gather(*looks) for finding in found]

    def _at_the_host(self, domains: Sequence[Published]) -> list[Awaitable[list[Finding]]]:
        facts, now = domains[0], self.clock.now()
        looks = [look(self.resolver, facts) for look in host.LOOKS]
        looks.append(self.offload(tls.certificate, facts, now, self._names(domains)))
        looks.append(self._meetings(facts))
        if self.settings.listeners.https.address is not None:
            looks.append(self._at_the_web(facts))
        return looks

    def _at(self, facts: Published) -> list[Awaitable[list[Finding]]]:
        # Whatever address the name has, it is our own: private ones are fine.
        client = WebClient(
            self.resolver,
            self.tls.naming,
            may_connect=lambda _: True,
            ports={"https": self.https_port},
        )
        return [
            roles(self.directory, facts.domain),
            *(
                look(self.resolver, facts)
                for look in (*domain.LOOKS, domain.mta_sts(HttpsFetch(client)))
            ),
        ]

    async def _at_the_web(self, facts: Published) -> list[Finding]:
        """Look at the web site, and at the ways to it."""
        host, now = self._web_host(facts), self.clock.now()
        found = await web.look(self.resolver, self.tls.naming, host, self.https_port, now)
        addresses = (await self._addresses(host))[:ADDRESSES_MET]
        if not addresses:
            return found
        found += await web.from_plain(host, addresses, self.http_port)
        found += await self.offload(web.old_tls, host, addresses, self.https_port)
        if host != facts.host:  # at the mail host that is looked at already
            found += await web.reached(self.resolver, host)
        return found

    async def _addresses(self, host: str) -> list[str]:
        """Look a host up; nothing where DNS does not answer, which is found elsewhere."""
        try:
            return [
                *(await self.resolver.a(host)).records,
                *(await self.resolver.aaaa(host)).records,
            ]
        except DnsTransient:
            return []

    async def _meetings(self, facts: Published) -> list[Finding]:
        """Meet our own MX at each of its public addresses."""
        addresses = await self._addresses(facts.host)
        port = self.settings.relay.port
        met = await asyncio.gather(
            *(
                self.offload(tls.at_the_mx, facts, address, port)
                for address in addresses[:ADDRESSES_MET]
            )
        )
        return [finding for found in met for finding in found]

    def _names(self, domains: Sequence[Published]) -> list[str]:
        """Name what the certificate should be for."""
        names = [domains[0].host]
        if self.settings.listeners.https.address is None:
            return names
        names.append(self._web_host(domains[0]))
        for facts in domains:
            labels = ["autoconfig", "autodiscover"] + (["mta-sts"] if facts.policy else [])
            names += [f"{label}.{facts.domain}" for label in labels]
        return list(dict.fromkeys(names))

    def _web_host(self, facts: Published) -> str:
        return urlsplit(self.settings.web.public_url).hostname or facts.host
