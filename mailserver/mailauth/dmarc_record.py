"""DMARC policy records: the tags of a TXT record at `_dmarc`. Pure.

What cannot be read is left out in favour of the default, and tags that nobody registered are
ignored, `pct` among them: it is gone from the standard.

Source: RFC 9989 §4.7, §4.8.
"""

import re
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

RECORD_OCTETS = 8_192  # no real one has 1,000; reading 64 KiB of tags would hold others up
CACHED_OCTETS = 1_024  # nobody makes us keep long records
REPORT_ADDRESSES = 10  # of one tag; more would be a way to make us write to strangers

_VERSION = re.compile(r"v[ \t]*+=[ \t]*+DMARC1[ \t]*+(?:;|\Z)", re.IGNORECASE)
_TAG = re.compile(r"[ \t]*+([a-z]++)[ \t]*+=[ \t]*+([\x20-\x3a\x3c-\x7e]++)", re.IGNORECASE)
_URI = re.compile(r"[a-z][a-z0-9+.-]*+:[^\s,!]++", re.IGNORECASE)
_OLD_SIZE = re.compile(r"![0-9]++[kmgt]?\Z", re.IGNORECASE)


class Policy(Enum):
    """What a domain owner wants done with mail that fails. Source: RFC 9989 §4.7, tag p."""

    NONE = "none"
    QUARANTINE = "quarantine"
    REJECT = "reject"

    @property
    def lowered(self) -> "Policy":
        """One level less, as a domain that only tests its policy asks for (tag t)."""
        return Policy.QUARANTINE if self is Policy.REJECT else Policy.NONE


class Psd(Enum):
    """Whether names are registered directly below a domain. Source: RFC 9989 §4.7, tag psd."""

    YES = "y"
    NO = "n"
    UNSAID = "u"


@dataclass(frozen=True, slots=True)
class DmarcRecord:
    """A policy record, with defaults in place of what is absent or unreadable."""

    policy: Policy
    subdomains: Policy | None = None
    """Tag sp; where it is None the policy holds for them."""
    nonexistent: Policy | None = None
    """Tag np; where it is None they are like other subdomains."""
    strict_dkim: bool = False
    strict_spf: bool = False
    testing: bool = False
    psd: Psd = Psd.UNSAID
    failures: str = "0"
    """Tag fo, which matters to reports alone."""
    rua: tuple[str, ...] = ()
    """URIs that ask for aggregate reports."""
    ruf: tuple[str, ...] = ()
    usable: bool = True
    """False where it sets no policy: it has a bad p, sp or np and asks for no report. It still
    says where an organisation begins. Source: RFC 9989 §4.10.1."""


def parse_record(octets: bytes) -> DmarcRecord | None:
    """Read a TXT record; None where it is no DMARC record of version 1, or absurdly long."""
    if len(octets) > RECORD_OCTETS:
        return None
    return _parse_short(octets) if len(octets) <= CACHED_OCTETS else _parse(octets)


def _parse(octets: bytes) -> DmarcRecord | None:
    text = octets.decode("latin-1")
    version = _VERSION.match(text)
    if version is None or "DMARC1" not in version.group():  # its case matters, that of v does not
        return None
    tags: dict[str, str] = {}
    for part in text[version.end() :].split(";"):
        found = _TAG.fullmatch(part.strip(" \t"))
        if found:
            tags.setdefault(found[1].lower(), found[2].strip(" \t"))
    policy, subdomains, nonexistent = (_policy(tags.get(name)) for name in ("p", "sp", "np"))
    rua = _uris(tags.get("rua", ""))
    sound = policy is not None and None not in (
        subdomains if "sp" in tags else policy,
        nonexistent if "np" in tags else policy,
    )
    return DmarcRecord(
        policy=policy if sound and policy is not None else Policy.NONE,
        subdomains=subdomains if sound else None,
        nonexistent=nonexistent if sound else None,
        strict_dkim=tags.get("adkim", "").lower() == "s",
        strict_spf=tags.get("aspf", "").lower() == "s",
        testing=tags.get("t", "").lower() == "y",
        psd={"y": Psd.YES, "n": Psd.NO}.get(tags.get("psd", "").lower(), Psd.UNSAID),
        failures=tags.get("fo", "0"),
        rua=rua,
        ruf=_uris(tags.get("ruf", "")),
        usable=sound or bool(rua),
    )


_parse_short = lru_cache(maxsize=2_048)(_parse)


def _policy(value: str | None) -> Policy | None:
    try:
        return None if value is None else Policy(value.lower())
    except ValueError:
        return None


def _uris(value: str) -> tuple[str, ...]:
    """Take the URIs out of a list, without the size that an older standard let follow them."""
    trimmed = (_OLD_SIZE.sub("", one.strip(" \t")) for one in value.split(","))
    return tuple(one for one in trimmed if _URI.fullmatch(one))[:REPORT_ADDRESSES]
