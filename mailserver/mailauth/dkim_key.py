"""Finding a signer's public key in DNS.

Source: RFC 6376 §3.6.2, §6.1.2.
"""

from mailserver.mailauth.dkim_fields import KeyRecord, parse_key_record
from mailserver.model.errors import Condition, PeerFault
from mailserver.runtime.resolver import Resolver

RECORDS = 4  # looked at under one name; there should be one


def record_name(domain: str, selector: str) -> str:
    """Name the place of a key in DNS."""
    return f"{selector}._domainkey.{domain}"


async def look_up(resolver: Resolver, domain: str, selector: str) -> KeyRecord:
    """Return the public key that `domain` publishes under `selector`.

    Where there are several records, it is the first that is a usable key.

    Raises:
        PeerFault: BAD_SYNTAX, there is no usable key; the text says why.
        DnsTransient: DNS does not say now.
    """
    answer = await resolver.txt(record_name(domain, selector))
    fault = PeerFault(Condition.BAD_SYNTAX, "there is no key record")
    for text in answer.records[:RECORDS]:
        try:
            return parse_key_record(text)
        except PeerFault as wrong:
            fault = wrong
    raise fault
