"""Where reports about a domain are wanted, and whether whoever is named there agreed to get them.

A record may name an address elsewhere. For DMARC that other domain must say that it takes reports
about this one, or anybody could have anybody flooded (RFC 9990 §4).

Source: RFC 9990 §3.5, §4; RFC 8460 §3.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import unquote

from mailserver.mailauth.dmarc import walk
from mailserver.mailauth.dmarc_record import DmarcRecord, parse_record
from mailserver.model.address import Address
from mailserver.model.errors import PeerFault
from mailserver.model.web_url import WebUrl
from mailserver.runtime.resolver import Resolver

ADDRESSES = 5  # of one domain; a record may name more, to make us write to strangers
NAME_OCTETS = 253

_TLS_RECORD = re.compile(r"v=TLSRPTv1[ \t]*;(.*)\Z", re.DOTALL)


async def dmarc_policy(resolver: Resolver, domain: str) -> DmarcRecord | None:
    """Return the DMARC record that stands at `domain` itself.

    Raises:
        DnsTransient: DNS does not say.
    """
    return dict((await walk(resolver, domain)).records).get(domain)


async def dmarc_destinations(
    resolver: Resolver, domain: str, record: DmarcRecord
) -> tuple[Address, ...]:
    """Return where aggregate reports about `domain` go; nobody who did not agree.

    Raises:
        DnsTransient: DNS does not say.

    Source: RFC 9990 §4.
    """
    own = (await walk(resolver, domain)).organization
    found: dict[str, Address] = {}
    for address in _mailboxes(record.rua):
        if (await walk(resolver, address.domain)).organization == own:
            agreed: Iterable[Address] = (address,)
        else:
            agreed = await _agreed(resolver, domain, address)
        found.update((one.key, one) for one in agreed)
    return tuple(found.values())[:ADDRESSES]


async def _agreed(resolver: Resolver, domain: str, address: Address) -> tuple[Address, ...]:
    """Ask another domain whether it takes reports about `domain`, and where."""
    name = f"{domain}._report._dmarc.{address.domain}"
    if len(name) > NAME_OCTETS:
        return ()
    texts = (await resolver.txt(name)).records
    records = [record for text in texts if (record := parse_record(text)) is not None]
    if not records:
        return ()
    named = [uri for record in records for uri in record.rua]
    if not named:
        return (address,)
    instead = _mailboxes(named)
    if any(one.domain != address.domain for one in instead):
        return ()
    return instead


@dataclass(frozen=True, slots=True)
class TlsDestinations:
    """Where TLS reports about a domain go."""

    mailboxes: tuple[Address, ...] = ()
    urls: tuple[WebUrl, ...] = ()
    """Web servers, by https."""

    def __bool__(self) -> bool:
        """Say whether anybody wants them."""
        return bool(self.mailboxes or self.urls)


async def tls_destinations(resolver: Resolver, domain: str) -> TlsDestinations:
    """Return where TLS reports about `domain` go.

    Raises:
        DnsTransient: DNS does not say.

    Source: RFC 8460 §3.
    """
    texts = (await resolver.txt(f"_smtp._tls.{domain}")).records
    uris = (tls_uris(texts) or ())[:ADDRESSES]
    return TlsDestinations(_mailboxes(uris), tuple(_urls(uris)))


def tls_uris(texts: Iterable[bytes]) -> tuple[str, ...] | None:
    """Return the URIs of the one TLS-RPT record; None where there is none, or several."""
    decoded = [text.decode("latin-1") for text in texts]
    records = [text for text in decoded if text.startswith("v=TLSRPTv1")]
    match = _TLS_RECORD.match(records[0]) if len(records) == 1 else None
    if match is None:
        return None
    fields = (part.strip().partition("=") for part in match[1].split(";"))
    values = [value for name, _, value in fields if name.strip() == "rua"]
    if len(values) != 1:
        return None
    return tuple(uri for one in values[0].split(",") if (uri := one.strip()))


def _mailboxes(uris: Iterable[str]) -> tuple[Address, ...]:
    """Take the addresses out of mailto URIs; what is none is left out."""
    found = []
    for uri in uris:
        scheme, _, rest = uri.partition(":")
        if scheme.lower() != "mailto":
            continue
        try:
            found.append(Address.parse(unquote(rest.partition("?")[0].partition("!")[0])))
        except PeerFault:
            continue
    return tuple(found)


def _urls(uris: Iterable[str]) -> Iterator[WebUrl]:
    """Take the https URLs out of URIs; what we would not ask for is left out."""
    for uri in uris:
        try:
            url = WebUrl.parse(uri)
        except PeerFault:
            continue
        if url.scheme == "https":
            yield url
