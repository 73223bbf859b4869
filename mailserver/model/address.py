"""Mail addresses as the server compares them (RFC 5321 §2.4, RFC 6531 §3.3)."""

import re
import unicodedata
from dataclasses import dataclass
from typing import Self

from mailserver.model.errors import Condition, PeerFault

LOCAL_PART_OCTETS = 64  # RFC 5321 §4.5.3.1.1
DOMAIN_OCTETS = 255  # RFC 5321 §4.5.3.1.2

# Beyond ASCII all is taken but control characters and spaces, of which some would end a line.
_ATOM = r"[^\s\x00-\x20\x7f-\x9f()<>@,;:\\\".\[\]]+"
_DOT_STRING = re.compile(rf"{_ATOM}(?:\.{_ATOM})*\Z")
_QUOTED = re.compile(r'"(?:[^\x00-\x1f\x7f-\x9f\u2028\u2029"\\]|\\[\x20-\x7e])*"\Z')
_JOINERS = frozenset("\u200c\u200d")
_DEVIATING = _JOINERS | {"ß", "ς"}
_WITHOUT_DEVIATING = str.maketrans({"ß": "s", "ς": "σ"})
_DOTS = re.compile("[.\u3002\uff0e\uff61]")  # RFC 3490 §3.1
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\Z")


def canonical_domain(text: str) -> str:
    """Return `text` as a lower-case A-label domain name.

    Raises:
        PeerFault: it is no domain name.
    """
    name = text.strip().rstrip(".").lower()
    try:
        ascii_name = name if name.isascii() else ".".join(map(_a_label, _DOTS.split(name)))
    except UnicodeError as error:
        raise PeerFault(Condition.BAD_ADDRESS, "this is not a domain name") from error
    if (
        not ascii_name
        or len(ascii_name) > DOMAIN_OCTETS
        or not all(_LABEL.match(label) for label in ascii_name.split("."))
    ):
        raise PeerFault(Condition.BAD_ADDRESS, "this is not a domain name")
    return ascii_name


def _a_label(label: str) -> str:
    """Write one label in ASCII.

    Python's codec is of IDNA 2003, which makes another name of four characters: `faß.de` and
    `fass.de` are two people's (RFC 5894 §7.2). Two of them are written here as they are; joiners,
    which nobody sees, are in no name.

    Raises:
        UnicodeError: it is none.
    """
    if _DEVIATING.isdisjoint(label):
        return label.encode("idna").decode("ascii") if label else ""
    if not _JOINERS.isdisjoint(label):
        raise UnicodeError("a joiner")
    normal = unicodedata.normalize("NFKC", label)
    # What else is wrong with it the codec says, of the label without what it would change.
    normal.translate(_WITHOUT_DEVIATING).encode("idna")
    return "xn--" + normal.encode("punycode").decode("ascii")


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
