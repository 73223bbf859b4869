"""Reading DMARC aggregate reports: a stream of XML events in, a report out.

Namespaces are ignored, for older reports have none and some have a wrong one; elements that are not
known are skipped. A document type ends the reading: with it no entity can be defined, so nothing
expands and nothing outside is asked for. Words that the standards do not name become their harmless
neighbours, so that whoever reads a report later need not doubt its values.
"""

from collections.abc import Callable
from ipaddress import ip_address
from xml.parsers import expat

from mailserver.model.errors import Condition, PeerFault
from mailserver.protocol.reports.dmarc import DkimLine, DmarcReport, Line, Published, SpfLine

LINES = 100_000
DEPTH = 20
TEXT_CHARACTERS = 4_096  # of one element
SIGNATURES = 100  # RFC 9990 §3.1.4: of one row
COUNT = 10**9

_POLICIES = ("none", "quarantine", "reject")
_DISPOSITIONS = (*_POLICIES, "pass")
_RESULTS = (
    *("none", "neutral", "pass", "fail", "softfail", "policy"),
    *("temperror", "permerror", "unknown", "error", "hardfail"),
)
_ROOT, _RECORD = "feedback", "feedback/record"
_DKIM = f"{_RECORD}/auth_results/dkim"
_SPF = f"{_RECORD}/auth_results/spf"
_REASON = f"{_RECORD}/row/policy_evaluated/reason"


def parse(octets: bytes) -> DmarcReport:
    """Read a report.

    Raises:
        PeerFault: BAD_SYNTAX, it is none; TOO_MANY, it is beyond the bounds.
    """
    reading = _Reading()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = reading.begin
    parser.EndElementHandler = reading.end
    parser.CharacterDataHandler = reading.text
    parser.StartDoctypeDeclHandler = _no_document_type
    try:
        parser.Parse(octets, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise PeerFault(Condition.BAD_SYNTAX, "the report is no XML to be read") from error
    return reading.report()


def _no_document_type(*_: object) -> None:
    raise PeerFault(Condition.BAD_SYNTAX, "a report has no document type")


class _Reading:
    """What was read so far."""

    def __init__(self) -> None:
        self._path: list[str] = []
        self._text: list[str] = []
        self._length = 0
        self._head: dict[str, str] = {}
        self._record: dict[str, str] = {}
        self._parts: dict[str, dict[str, str]] = {}
        self._signatures: list[DkimLine] = []
        self._senders: list[SpfLine] = []
        self._reasons: list[tuple[str, str]] = []
        self._lines: list[Line] = []
        self._leave: dict[str, Callable[[dict[str, str]], None]] = {
            _DKIM: self._signature,
            _SPF: self._spf,
            _REASON: self._reason,
        }

    def begin(self, name: str, _attributes: dict[str, str]) -> None:
        self._path.append(name.rpartition(" ")[2])
        self._text.clear()
        self._length = 0
        if len(self._path) > DEPTH:
            raise PeerFault(Condition.TOO_MANY, "the report is nested too deep")
        if self._path[0] != _ROOT:
            raise PeerFault(Condition.BAD_SYNTAX, "this is no DMARC report")
        path = "/".join(self._path)
        if path == _RECORD:
            self._record, self._parts = {}, {}
            self._signatures, self._senders, self._reasons = [], [], []
        elif path in self._leave:
            self._parts[path] = {}

    def text(self, piece: str) -> None:
        self._length += len(piece)
        if self._length <= TEXT_CHARACTERS:
            self._text.append(piece)

    def end(self, _name: str) -> None:
        path = "/".join(self._path)
        said = "".join(self._text).strip()
        self._text.clear()
        above, _, last = path.rpartition("/")
        self._path.pop()
        if path in self._leave:
            self._leave[path](self._parts.pop(path))
        elif above in self._parts:
            self._parts[above].setdefault(last, said)
        elif path == _RECORD:
            self._line()
        elif path.startswith(f"{_RECORD}/"):
            self._record.setdefault(path[len(_RECORD) + 1 :], said)
        elif path not in (_ROOT,):
            self._head.setdefault(path[len(_ROOT) + 1 :], said)

    def _signature(self, found: dict[str, str]) -> None:
        if len(self._signatures) < SIGNATURES:
            result = _one_of(found.get("result"), _RESULTS, "none")
            self._signatures.append(
                DkimLine(found.get("domain", ""), found.get("selector", ""), result)
            )

    def _spf(self, found: dict[str, str]) -> None:
        result = _one_of(found.get("result"), _RESULTS, "none")
        self._senders.append(SpfLine(found.get("domain", ""), result, found.get("scope", "")))

    def _reason(self, found: dict[str, str]) -> None:
        if len(self._reasons) < SIGNATURES:
            self._reasons.append((found.get("type", ""), found.get("comment", "")))

    def _line(self) -> None:
        if len(self._lines) >= LINES:
            raise PeerFault(Condition.TOO_MANY, "the report has too many records")
        said = self._record
        try:
            ip = str(ip_address(said.get("row/source_ip", "")))
        except ValueError:
            return  # a line about nobody tells nothing
        senders = sorted(self._senders, key=lambda one: one.scope != "mfrom")
        evaluated = "row/policy_evaluated"
        self._lines.append(
            Line(
                ip=ip,
                count=_number(said.get("row/count"), COUNT),
                disposition=_one_of(said.get(f"{evaluated}/disposition"), _DISPOSITIONS, "none"),
                dkim=_one_of(said.get(f"{evaluated}/dkim"), ("pass",), "fail"),
                spf=_one_of(said.get(f"{evaluated}/spf"), ("pass",), "fail"),
                header_from=said.get("identifiers/header_from", ""),
                envelope_from=said.get("identifiers/envelope_from", ""),
                reasons=tuple(self._reasons),
                signatures=tuple(self._signatures),
                sender=senders[0] if senders else None,
            )
        )

    def report(self) -> DmarcReport:
        """Put it together; the domain, the period and an id are what it cannot be without."""
        head = self._head
        domain = head.get("policy_published/domain", "").lower().rstrip(".")
        id_ = head.get("report_metadata/report_id", "")
        if not domain or not id_:
            raise PeerFault(Condition.BAD_SYNTAX, "the report lacks its domain or its id")
        return DmarcReport(
            organization=head.get("report_metadata/org_name", ""),
            contact=head.get("report_metadata/email", ""),
            id=id_,
            begin=_number(head.get("report_metadata/date_range/begin"), 1 << 40),
            end=_number(head.get("report_metadata/date_range/end"), 1 << 40),
            published=_published(head, domain),
            lines=tuple(self._lines),
            generator=head.get("report_metadata/generator", ""),
        )


def _published(head: dict[str, str], domain: str) -> Published:
    def said(name: str, allowed: tuple[str, ...]) -> str:
        return _one_of(head.get(f"policy_published/{name}"), allowed, "")

    return Published(
        domain=domain,
        policy=said("p", _POLICIES) or "none",
        subdomains=said("sp", _POLICIES),
        nonexistent=said("np", _POLICIES),
        adkim=said("adkim", ("r", "s")),
        aspf=said("aspf", ("r", "s")),
        failures=head.get("policy_published/fo", "")[:20],
        testing=said("testing", ("y", "n")),
        method=said("discovery_method", ("treewalk", "psl")),
    )


def _one_of(said: str | None, allowed: tuple[str, ...], otherwise: str) -> str:
    word = (said or "").lower()
    return word if word in allowed else otherwise


def _number(said: str | None, most: int) -> int:
    """Read a whole number; Google's begin and end have had a fraction."""
    whole = (said or "").partition(".")[0]
    return min(int(whole), most) if whole.isascii() and whole.isdigit() and len(whole) < 20 else 0
