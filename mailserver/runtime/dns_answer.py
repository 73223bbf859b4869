"""What DNS says, as plain values: an answer, the records of each type that mail needs.

Host names come back as lower-case A-labels without the final dot; the root is the empty name, which
is how a null MX or an SRV record says "no such service".
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

from dns.name import Name
from dns.rdatatype import RdataType

from mailserver.model.errors import Condition, Transient

T = TypeVar("T")


class DnsTransient(Transient):
    """DNS gave no answer now: SERVFAIL, REFUSED, a timeout, or signatures that do not hold."""

    def __init__(self, text: str = "DNS does not answer") -> None:
        """Say in a few words what came instead of an answer; no name, for it may be a person's."""
        super().__init__(Condition.UNAVAILABLE, text)


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """The records of one name and type; none where the name has none of the type."""

    records: tuple[T, ...]
    exists: bool
    """False for NXDOMAIN: the name has no record of any type, nor has a name below it."""
    secure: bool
    """Validated by DNSSEC, a denial included, by a resolver on this machine."""
    name: str
    """Where the records stand: the end of the CNAME chain that began at the name asked."""
    ttl: int
    """Seconds for which it was good when it came."""


class Mx(NamedTuple):
    """A mail exchanger; the lower preference first. Source: RFC 1035 §3.3.9, RFC 7505."""

    preference: int
    host: str


class Tlsa(NamedTuple):
    """A certificate or key that a TLS server is to show. Source: RFC 6698 §2.1."""

    usage: int
    selector: int
    matching: int
    data: bytes


class Srv(NamedTuple):
    """Where a service is. Source: RFC 2782."""

    priority: int
    weight: int
    port: int
    host: str


class Caa(NamedTuple):
    """Who may issue certificates. Source: RFC 8659 §4.1."""

    critical: bool
    tag: str
    value: bytes


class Ds(NamedTuple):
    """A parent zone's word on the key of its child. Source: RFC 4034 §5.1."""

    key_tag: int
    algorithm: int
    digest_type: int
    digest: bytes


def host(name: Name) -> str:
    """Write a name as the rest of the server does."""
    return name.to_text(omit_final_dot=True).lower().rstrip(".")


READERS: dict[RdataType, Callable[[Any], Any]] = {
    RdataType.A: lambda data: data.address,
    RdataType.AAAA: lambda data: data.address,
    RdataType.MX: lambda data: Mx(data.preference, host(data.exchange)),
    RdataType.TXT: lambda data: b"".join(data.strings),
    RdataType.PTR: lambda data: host(data.target),
    RdataType.CNAME: lambda data: host(data.target),
    RdataType.NS: lambda data: host(data.target),
    RdataType.TLSA: lambda data: Tlsa(data.usage, data.selector, data.mtype, data.cert),
    RdataType.SRV: lambda data: Srv(data.priority, data.weight, data.port, host(data.target)),
    RdataType.CAA: lambda data: Caa(
        bool(data.flags & 0x80), data.tag.decode("latin-1"), data.value
    ),
    RdataType.DS: lambda data: Ds(data.key_tag, data.algorithm, data.digest_type, data.digest),
}
"""How dnspython's record of each type is read."""
