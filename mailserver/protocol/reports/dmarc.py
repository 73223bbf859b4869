"""DMARC aggregate reports as values, and how they are written.

Source: RFC 9990 §3.1; RFC 7489 appendix C for what older reporters send.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

NAMESPACE = "urn:ietf:params:xml:ns:dmarc-2.0"


@dataclass(frozen=True, slots=True)
class Published:
    """The policy that the reporter found."""

    domain: str
    policy: str
    subdomains: str = ""
    nonexistent: str = ""
    adkim: str = ""
    aspf: str = ""
    failures: str = ""
    testing: str = ""
    method: str = ""
    """How it was found: `treewalk` or `psl`."""


@dataclass(frozen=True, slots=True)
class DkimLine:
    """What became of one signature."""

    domain: str
    selector: str
    result: str


@dataclass(frozen=True, slots=True)
class SpfLine:
    """What SPF said."""

    domain: str
    result: str
    scope: str = ""
    """`mfrom` where it was the reverse-path's domain; else empty."""


@dataclass(frozen=True, slots=True)
class Line:
    """Messages from one address that fared alike."""

    ip: str
    count: int
    disposition: str
    """none, pass, quarantine or reject."""
    dkim: str
    """pass or fail, alignment considered; as the next."""
    spf: str
    header_from: str
    envelope_from: str = ""
    reasons: tuple[tuple[str, str], ...] = ()
    """Why the policy was not followed: type and comment."""
    signatures: tuple[DkimLine, ...] = ()
    sender: SpfLine | None = None

    @property
    def passed(self) -> bool:
        """Whether the messages were proven to be the domain's."""
        return "pass" in (self.dkim, self.spf)


@dataclass(frozen=True, slots=True)
class DmarcReport:
    """One report."""

    organization: str
    contact: str
    id: str
    begin: int
    """Seconds since 1970, as the next."""
    end: int
    published: Published
    lines: tuple[Line, ...]
    generator: str = ""

    @property
    def messages(self) -> int:
        """How many messages it tells of."""
        return sum(line.count for line in self.lines)

    @property
    def failed(self) -> int:
        """How many of them nobody vouched for."""
        return sum(line.count for line in self.lines if not line.passed)


def write(report: DmarcReport) -> bytes:
    """Write a report as XML. Source: RFC 9990 §3.1.1 and its appendix A."""
    return "".join(_document(report)).encode("utf-8")


def subject(domain: str, submitter: str, id_: str) -> str:
    """Write the Subject of the mail that carries it. Source: RFC 9990 §3.5.2; RFC 8460 §5.3."""
    return f"Report Domain: {domain} Submitter: {submitter} Report-ID: <{id_}>"


def _document(report: DmarcReport) -> Iterable[str]:
    yield f'<?xml version="1.0" encoding="UTF-8"?>\n<feedback xmlns="{NAMESPACE}">\n'
    yield "<version>1.0</version>\n<report_metadata>"
    yield _fields(
        ("org_name", report.organization),
        ("email", report.contact),
        ("report_id", report.id),
    )
    period = _fields(("begin", str(report.begin)), ("end", str(report.end)))
    yield f"<date_range>{period}</date_range>"
    yield _fields(("generator", report.generator))
    yield "</report_metadata>\n<policy_published>"
    yield _published(report.published)
    yield "</policy_published>\n"
    for line in report.lines:
        yield f"<record>{_row(line)}{_identifiers(line)}{_results(line)}</record>\n"
    yield "</feedback>\n"


def _published(policy: Published) -> str:
    return _fields(
        ("domain", policy.domain),
        ("p", policy.policy),
        ("sp", policy.subdomains),
        ("np", policy.nonexistent),
        ("adkim", policy.adkim),
        ("aspf", policy.aspf),
        ("discovery_method", policy.method),
        ("fo", policy.failures),
        ("testing", policy.testing),
    )


def _row(line: Line) -> str:
    evaluated = _fields(("disposition", line.disposition), ("dkim", line.dkim), ("spf", line.spf))
    for kind, comment in line.reasons:
        evaluated += f"<reason>{_fields(('type', kind), ('comment', comment))}</reason>"
    counted = _fields(("source_ip", line.ip), ("count", str(line.count)))
    return f"<row>{counted}<policy_evaluated>{evaluated}</policy_evaluated></row>"


def _identifiers(line: Line) -> str:
    said = _fields(("header_from", line.header_from))
    return f"<identifiers>{said}{_element('envelope_from', line.envelope_from)}</identifiers>"


def _results(line: Line) -> str:
    found = "".join(
        "<dkim>"
        + _fields(("domain", one.domain), ("selector", one.selector), ("result", one.result))
        + "</dkim>"
        for one in line.signatures
    )
    spf = line.sender
    if spf is not None:
        said = _fields(("domain", spf.domain), ("scope", spf.scope), ("result", spf.result))
        found += f"<spf>{said}</spf>"
    return f"<auth_results>{found}</auth_results>"


def _fields(*fields: tuple[str, str]) -> str:
    """Write elements, those without text left out."""
    return "".join(_element(name, text) for name, text in fields if text)


def _element(name: str, text: str) -> str:
    return f"<{name}>{escape(_printable(text))}</{name}>"


def _printable(text: str) -> str:
    """Leave out what XML cannot hold at all (its §2.2)."""
    return "".join(one for one in text if one >= " " and not "\ud800" <= one <= "\udfff")


def ordered(lines: Sequence[Line]) -> tuple[Line, ...]:
    """Order lines by how many messages they tell of."""
    return tuple(sorted(lines, key=lambda line: (-line.count, line.ip, line.header_from)))
