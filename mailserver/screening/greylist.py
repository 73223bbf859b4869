"""Who meets whom: the names under which a first meeting is remembered.

A message that is neither good nor bad is put off once. Who sends from a real queue comes back
(RFC 6647); who does not is spared us. Only a keyed hash of what met is kept.
"""

from collections.abc import Callable, Iterable

from mailserver.screening.network import network


def meetings(
    hash_of: Callable[[str], bytes], ip: str, sender_domain: str, recipients: Iterable[str]
) -> list[bytes]:
    """Name the meetings of a client's network and a sender's domain with each recipient.

    Args:
        hash_of: makes a keyed hash of a text.
        ip: the client.
        sender_domain: of the reverse-path; empty for `<>`.
        recipients: as they are compared.
    """
    begin = f"greylist\0{network(ip)}\0{sender_domain}\0"
    return [hash_of(begin + recipient) for recipient in dict.fromkeys(recipients)]
