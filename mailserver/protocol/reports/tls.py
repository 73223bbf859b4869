"""TLS-RPT: how TLS with a domain's mail hosts went, as values, and as JSON in and out.

Source: RFC 8460 §4.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mailserver.model.errors import Condition, PeerFault

POLICIES = 1_000
FAILURES = 10_000
STRINGS = 1_000  # of one policy
TEXT_CHARACTERS = 4_096
COUNT = 10**9
KINDS = ("tlsa", "sts", "no-policy-found")


@dataclass(frozen=True, slots=True)
class Failure:
    """Sessions that failed alike."""

    result: str
    """As in RFC 8460 §4.3."""
    count: int
    sending_ip: str = ""
    host: str = ""
    receiving_ip: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class PolicyResult:
    """What became of sessions under one policy."""

    kind: str
    domain: str
    text: tuple[str, ...] = ()
    """The policy's lines."""
    hosts: tuple[str, ...] = ()
    successes: int = 0
    failures: int = 0
    details: tuple[Failure, ...] = ()


@dataclass(frozen=True, slots=True)
class TlsReport:
    """One report."""

    organization: str
    contact: str
    id: str
    begin: datetime
    end: datetime
    policies: tuple[PolicyResult, ...]

    @property
    def sessions(self) -> int:
        """How many sessions it tells of."""
        return sum(one.successes + one.failures for one in self.policies)

    @property
    def failed(self) -> int:
        """How many of them were not as the domain wants."""
        return sum(one.failures for one in self.policies)


def write(report: TlsReport) -> bytes:
    """Write a report as JSON. Source: RFC 8460 §4.4."""
    document = {
        "organization-name": report.organization,
        "date-range": {
            "start-datetime": _instant(report.begin),
            "end-datetime": _instant(report.end),
        },
        "contact-info": report.contact,
        "report-id": report.id,
        "policies": [_policy(one) for one in report.policies],
    }
    return json.dumps(document, ensure_ascii=False, indent=1).encode("utf-8", "replace")


def _policy(one: PolicyResult) -> dict[str, Any]:
    policy: dict[str, Any] = {"policy-type": one.kind, "policy-domain": one.domain}
    if one.text:
        policy["policy-string"] = list(one.text)
    if one.hosts:
        policy["mx-host"] = list(one.hosts)
    said: dict[str, Any] = {
        "policy": policy,
        "summary": {
            "total-successful-session-count": one.successes,
            "total-failure-session-count": one.failures,
        },
    }
    if one.details:
        said["failure-details"] = [_failure(each) for each in one.details]
    return said


def _failure(one: Failure) -> dict[str, Any]:
    fields = {
        "result-type": one.result,
        "sending-mta-ip": one.sending_ip,
        "receiving-mx-hostname": one.host,
        "receiving-ip": one.receiving_ip,
        "failed-session-count": one.count,
        "failure-reason-code": one.reason,
    }
    return {name: value for name, value in fields.items() if value != ""}


def parse(octets: bytes) -> TlsReport:
    """Read a report.

    Raises:
        PeerFault: BAD_SYNTAX, it is none; TOO_MANY, it is beyond the bounds.
    """
    try:
        document = json.loads(octets)
    except (ValueError, RecursionError) as error:
        raise PeerFault(Condition.BAD_SYNTAX, "the report is no JSON") from error
    said = _object(document)
    id_ = _text(said, "report-id")
    listed = said.get("policies")
    if not id_ or not isinstance(listed, list):
        raise PeerFault(Condition.BAD_SYNTAX, "the report lacks its id or its policies")
    if len(listed) > POLICIES:
        raise PeerFault(Condition.TOO_MANY, "the report has too many policies")
    period = _object(said.get("date-range"))
    return TlsReport(
        organization=_text(said, "organization-name"),
        contact=_text(said, "contact-info"),
        id=id_,
        begin=_read_instant(_text(period, "start-datetime")),
        end=_read_instant(_text(period, "end-datetime")),
        policies=tuple(_read_policy(_object(one)) for one in listed),
    )


def _read_policy(said: Mapping[str, Any]) -> PolicyResult:
    policy, summary = _object(said.get("policy")), _object(said.get("summary"))
    kind = _text(policy, "policy-type")
    details = said.get("failure-details")
    listed = details if isinstance(details, list) else []
    if len(listed) > FAILURES:
        raise PeerFault(Condition.TOO_MANY, "the report has too many failures")
    return PolicyResult(
        kind=kind if kind in KINDS else KINDS[-1],
        domain=_text(policy, "policy-domain").lower().rstrip("."),
        text=_texts(policy, "policy-string"),
        hosts=_texts(policy, "mx-host"),
        successes=_count(summary, "total-successful-session-count"),
        failures=_count(summary, "total-failure-session-count"),
        details=tuple(_read_failure(_object(one)) for one in listed),
    )


def _read_failure(said: Mapping[str, Any]) -> Failure:
    return Failure(
        result=_text(said, "result-type"),
        count=_count(said, "failed-session-count"),
        sending_ip=_text(said, "sending-mta-ip"),
        host=_text(said, "receiving-mx-hostname"),
        receiving_ip=_text(said, "receiving-ip"),
        reason=_text(said, "failure-reason-code"),
    )


def _object(value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise PeerFault(Condition.BAD_SYNTAX, "the report lacks a part")
    return value


def _text(said: Mapping[str, Any], name: str) -> str:
    value = said.get(name)
    return value[:TEXT_CHARACTERS] if isinstance(value, str) else ""


def _texts(said: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value = said.get(name)
    listed = value if isinstance(value, list) else [value]
    return tuple(one[:TEXT_CHARACTERS] for one in listed[:STRINGS] if isinstance(one, str))


def _count(said: Mapping[str, Any], name: str) -> int:
    value = said.get(name)
    if isinstance(value, bool) or not isinstance(value, int):
        return 0
    return min(max(value, 0), COUNT)


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _read_instant(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise PeerFault(Condition.BAD_SYNTAX, "the report lacks its period") from error
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
