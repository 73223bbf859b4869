"""Gathers what our own score goes by: from the verdict, the connection, and the message itself."""

from collections.abc import Sequence
from dataclasses import replace

from mailserver.mail.delivery import Recipient
from mailserver.mail.incoming import Incoming
from mailserver.mail.letter import LARGE_OCTETS
from mailserver.mailauth.dkim import DkimResult
from mailserver.mailauth.spf import SpfResult
from mailserver.mailauth.verdict import Verdict
from mailserver.model.client import Client
from mailserver.protocol.mime.scan import scan
from mailserver.runtime.clock import Clock
from mailserver.runtime.offload import Offload
from mailserver.runtime.resolver import Resolver
from mailserver.runtime.settings import Settings
from mailserver.screening import attachments, content
from mailserver.screening.dnsbl import DnsList, listed_address, listed_domains
from mailserver.screening.facts import Authenticity, Connection, Content, Facts, Standing
from mailserver.screening.network import is_near
from mailserver.screening.opinion import GOOD, Opinion
from mailserver.screening.reverse import reverse

_DKIM = (DkimResult.PASS, DkimResult.FAIL, DkimResult.POLICY)


class Evidence:
    """Asks what is to be asked; lists of others only where the settings name them."""

    def __init__(
        self, settings: Settings, resolver: Resolver, offload: Offload, clock: Clock
    ) -> None:
        """Gather as `settings` say."""
        self._attachments = settings.scanners.attachments
        self._hostname = settings.hostname.lower()
        self._resolver = resolver
        self._offload = offload
        self._clock = clock
        self._of_addresses, self._of_domains = (
            [
                DnsList(one.name, one.zone, one.points)
                for one in settings.processors
                if one.role == role
            ]
            for role in ("address-list", "domain-list")
        )

    async def gather(
        self,
        message: Incoming,
        verdict: Verdict,
        client: Client,
        recipients: Sequence[Recipient],
        standing: Standing,
    ) -> tuple[Opinion, Facts]:
        """Return what attachments make of the message, and what the rules go by."""
        domains = frozenset(recipient.address.domain for recipient in recipients)
        octets = message.octets.reveal()
        arguments = (octets, verdict, len(recipients), domains)
        if len(octets) > LARGE_OCTETS:
            attached, seen, named = await self._offload(self._read, *arguments)
        else:
            attached, seen, named = self._read(*arguments)
        if self._of_domains and not is_near(client.ip):
            others = named - domains
            listed = await listed_domains(self._resolver, others, self._of_domains)
            seen = replace(seen, listed=listed)
        connection = await self._connection(client, domains)
        return attached, Facts(_authenticity(verdict), connection, seen, standing)

    def _read(
        self, octets: bytes, verdict: Verdict, recipients: int, domains: frozenset[str]
    ) -> tuple[Opinion, Content, frozenset[str]]:
        root = scan(octets)
        seen, named = content.gather(
            root,
            octets,
            author=verdict.from_domain,
            recipients=recipients,
            now=self._clock.now(),
            known_domains=domains,
        )
        attached = GOOD
        if self._attachments != "allow":
            attached = attachments.look(root, octets, refuse=self._attachments == "refuse")
        return attached, seen, named

    async def _connection(self, client: Client, domains: frozenset[str]) -> Connection:
        if is_near(client.ip):
            return Connection(near=True, helo=client.helo, ip=client.ip)
        found = await reverse(self._resolver, client.ip)
        return Connection(
            helo=client.helo,
            ours=domains | {self._hostname},
            reverse=found.name,
            confirmed=found.confirmed,
            ip=client.ip,
            listed=await listed_address(self._resolver, client.ip, self._of_addresses),
        )


def vouching(verdict: Verdict) -> str:
    """Return the domain that answers for a message; empty if none does."""
    if verdict.aligned_domain:
        return verdict.dmarc.domain or verdict.aligned_domain
    for signature in verdict.dkim:
        if signature.result is DkimResult.PASS and signature.domain:
            return signature.domain
    return verdict.spf.domain if verdict.spf.result is SpfResult.PASS else ""


def _authenticity(verdict: Verdict) -> Authenticity:
    results = {signature.result for signature in verdict.dkim}
    return Authenticity(
        spf=verdict.spf.result.value,
        dkim=next((one.value for one in _DKIM if one in results), "none"),
        dmarc=verdict.dmarc.result.value,
        voucher=vouching(verdict),
        arc=verdict.arc.result.value,
        authors=verdict.from_fields,
    )
