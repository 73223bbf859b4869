"""Mail addresses as the server compares them (RFC 5321 §2.4, RFC 6531 §3.3)."""

import re
from dataclasses import dataclass
from typing import Self

from mailserver.model.errors import Condition, PeerFault

LOCAL_PART_OCTETS = 64  # RFC 5321 §4.5.3.1.1
DOMAIN_OCTETS = 255  # RFC 5321 §4.5.3.1.2

# Beyond ASCII all is taken but control characters and spaces, of which some would end a line.
_ATOM = r"[^\s\x00-\x20\x7f-\x9f()<>@,;:\\\".\[\]]+"
_DOT_STRING = re.compile(rf"{_ATOM}(?:\.{_ATOM})*\Z")
_QUOTED = re.compile(r'"(?:[^\x00-\x1f\x7f-\x9f\u2028\u2029"\\]|\\[\x20-\x7e])*"\Z')
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\Z")


def canonical_domain(text: str) -> str:
    """Return `text` as a lower-case A-label domain name.

    Raises:
        PeerFault: it is no domain name.
    """
    name = text.strip().rstrip(".").lower()
    try:
        ascii_name = name if name.isascii() else name.encode("idna").decode("ascii")
    except UnicodeError as error:
        raise PeerFault(Condition.BAD_ADDRESS, "this is not a domain name") from error
    if (
        not ascii_name
        or len(ascii_name) > DOMAIN_OCTETS
        or not all(_LABEL.match(label) for label in ascii_name.split("."))
    ):
        raise PeerFault(Condition.BAD_ADDRESS, "this is not a domain name")
    return ascii_name


@dataclass(frozen=True, slots=True)
class Address:
    """An address: local part as written (quotes removed), domain in canonical form."""

    local: str
    domain: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `local@domain` without angle brackets; quoted strings and UTF-8 are taken.

        Raises:
            PeerFault: it is no address, or longer than RFC 5321 §4.5.3.1 allows.
        """
        local, at, domain = text.strip().rpartition("@")
        if not at or len(local.encode("utf-8", "surrogatepass")) > LOCAL_PART_OCTETS:
            raise PeerFault(Condition.BAD_ADDRESS, "this is not a mail address")
        if local.startswith('"'):
            if not _QUOTED.match(local):
                raise PeerFault(Condition.BAD_ADDRESS, "this is not a mail address")
            local = re.sub(r"\\(.)", r"\1", local[1:-1])
        elif not _DOT_STRING.match(local):
            raise PeerFault(Condition.BAD_ADDRESS, "this is not a mail address")
        return cls(local, canonical_domain(domain))

    @property
    def key(self) -> str:
        """The form in which a local address is looked up: our local parts ignore case."""
        return f"{self.local.casefold()}@{self.domain}"

    def __str__(self) -> str:
        """Write it as it stands in an SMTP path, quoting the local part where it must be."""
        if _DOT_STRING.match(self.local):
            return f"{self.local}@{self.domain}"
        return '"' + re.sub(r'(["\\])', r"\\\1", self.local) + f'"@{self.domain}'
