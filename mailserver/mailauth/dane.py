"""DANE for SMTP: which keys a mail host's zone says it has, and whether it showed one of them.

Theory. TLSA records count only where DNSSEC proves them, together with the host's own address: the
resolver must be a validating one on this machine (`Resolver.trusted`). A domain's MX records must
be proven as well, which is the caller's to see, for else somebody else chose the host. Then:

- no records: DANE says nothing, and the next policy is asked;
- records of which none can be used: TLS is a must, whom with is not checked (RFC 7672 §2.2);
- usable ones: one of them must match, and nothing else will do.

Usage 3 (the server's own key) is compared with the certificate the server shows; its names and
dates say nothing then (RFC 7672 §3.1.1). Usage 2 (an issuer's key) needs the whole chain that the
server sent, which Python's ssl gives from version 3.13 on: before, such records cannot be used.
Usages 0 and 1 cannot be used in SMTP (RFC 7672 §3.1.3).

Source: RFC 7672, RFC 7671, RFC 6698.
"""

import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from mailserver.crypto.certificates import association, verify_chain
from mailserver.crypto.sign import same
from mailserver.model.errors import Condition, Corrupt
from mailserver.runtime.resolver import Resolver, Tlsa

DANE_TA = 2
DANE_EE = 3
SELECTORS = (0, 1)
DIGESTS = {1: 32, 2: 64}  # octets of SHA-256 and SHA-512
CHAIN_KNOWN = hasattr(ssl.SSLObject, "get_unverified_chain")
"""Whether this Python tells the chain that a server sent."""


@dataclass(frozen=True, slots=True)
class Keys:
    """What a host's zone says of it."""

    records: tuple[Tlsa, ...] = ()
    """Those that can be used."""
    names: tuple[str, ...] = ()
    """What a certificate under an issuer's key may be for. Source: RFC 7672 §3.2.2."""
    base: str = ""
    """Under which name they stand, which is also the one to say in SNI (RFC 7672 §8.1); empty
    where there are none. Where there are some, `records` may still be empty: none can be used."""


async def keys_of(
    resolver: Resolver, host: str, port: int, *, domain: str, chain_known: bool = CHAIN_KNOWN
) -> Keys:
    """Ask for the keys of a mail host that proven MX records of `domain` named.

    Args:
        resolver: what proves answers; if it does not, there are no keys.
        host: as the MX record names it.
        port: where it listens.
        domain: the mail domain, which a certificate under an issuer's key may be for as well.
        chain_known: whether `matches` will be given whole chains.

    Raises:
        DnsTransient: DNS does not say, so that mail must wait: what is kept from us could be the
            very record (RFC 7672 §2.1.2).
    """
    if not resolver.trusted:
        return Keys()
    bases = await _bases(resolver, host)
    for base in bases:
        answer = await resolver.tlsa(f"_{port}._tcp.{base}")
        if answer.secure and answer.records:
            usable = tuple(
                record for record in answer.records if is_usable(record, chain_known=chain_known)
            )
            return Keys(usable, tuple(dict.fromkeys((*bases, domain))), base)
    return Keys()


async def _bases(resolver: Resolver, host: str) -> tuple[str, ...]:
    """Name where TLSA records of `host` may stand; nowhere unless its address is proven.

    An alias counts under its target's name first, then under its own, where DNSSEC proves the
    whole chain; where only the alias itself is proven, under its own alone (RFC 7672 §2.2.3).
    """
    answers = [await resolver.a(host), await resolver.aaaa(host)]
    proven = [answer for answer in answers if answer.secure]
    if len(proven) == len(answers):
        target = next((answer.name for answer in proven if answer.records), host)
        return (target, host) if target != host else (host,)
    if all(answer.name == host for answer in answers):
        return ()
    return (host,) if (await resolver.cname(host)).secure else ()


def is_usable(record: Tlsa, *, chain_known: bool = CHAIN_KNOWN) -> bool:
    """Say whether a record can be compared with what a server shows. Source: RFC 7672 §3.1."""
    if record.usage not in (DANE_TA, DANE_EE) or record.selector not in SELECTORS:
        return False
    if record.usage == DANE_TA and not chain_known:
        return False
    if record.matching == 0:
        return bool(record.data)
    return len(record.data) == DIGESTS.get(record.matching, 0)


def matches(keys: Keys, chain: Sequence[bytes], *, now: datetime) -> bool:
    """Say whether a server showed one of its zone's keys.

    Args:
        keys: of which at least one can be used.
        chain: the certificates it showed, DER, its own first; that one alone where Python tells
            no more.
        now: for the dates in a chain that leads to an issuer's key.
    """
    return any(_match(record, keys.names, chain, now) for record in keys.records)


def _match(record: Tlsa, names: tuple[str, ...], chain: Sequence[bytes], now: datetime) -> bool:
    if not chain:
        return False
    if record.usage == DANE_EE:
        return _is(record, chain[0])
    for place, anchor in enumerate(chain):
        if not _is(record, anchor):
            continue
        between = chain[1:place]
        if any(_leads(chain[0], between, anchor, name, now) for name in names):
            return True
    return False


def _is(record: Tlsa, certificate: bytes) -> bool:
    try:
        shown = association(certificate, selector=record.selector, matching=record.matching)
    except Corrupt:
        return False
    return shown is not None and same(shown, record.data)


def _leads(leaf: bytes, between: Sequence[bytes], anchor: bytes, name: str, now: datetime) -> bool:
    try:
        verify_chain(leaf, between, anchor, name, now=now)
    except Corrupt as error:
        if error.condition not in (Condition.KEY_MISMATCH, Condition.DAMAGED):
            raise
        return False
    return True
