"""TLS reports: read as they are sent, written as RFC 8460 has them, bounded."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailserver.model.errors import Condition, PeerFault
from mailserver.protocol.reports import tls
from mailserver.protocol.reports.tls import Failure, PolicyResult, TlsReport, parse, write
from tests.support.reports import TLS_STYLE

BEGIN, END = datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 3, 2, 23, 59, 59, tzinfo=UTC)
OURS = TlsReport(
    organization="mx.example.org",
    contact="postmaster@example.org",
    id="abc",
    begin=BEGIN,
    end=END,
    policies=(
        PolicyResult("tlsa", "there.test", ("3 1 1 ab",), (), 5, 0),
        PolicyResult(
            "sts",
            "there.test",
            ("version: STSv1",),
            ("mx.there.test",),
            1,
            3,
            (Failure("starttls-not-supported", 3, "192.0.2.1", "mx.there.test", "192.0.2.2"),),
        ),
    ),
)


def test_what_is_written_is_read_back() -> None:
    assert parse(write(OURS)) == OURS
    assert (OURS.sessions, OURS.failed) == (9, 3)


def test_the_names_of_the_standard_are_used() -> None:
    document = json.loads(write(OURS))
    assert document["date-range"]["start-datetime"] == "2026-03-02T00:00:00Z"
    summary = document["policies"][1]["summary"]
    assert summary == {"total-successful-session-count": 1, "total-failure-session-count": 3}
    assert "failure-details" not in document["policies"][0]


def test_a_report_as_others_send_it_is_read() -> None:
    report = parse(TLS_STYLE)
    (policy,) = report.policies
    assert policy.hosts == ("mx.example.org",)  # a text where the standard has a list
    assert (report.begin, report.end) == (BEGIN, END)
    assert policy.details[0].result == "certificate-expired"


def changed(**fields: Any) -> bytes:
    return json.dumps(json.loads(TLS_STYLE) | fields).encode()


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"[]",
        b"{}",
        b'{"a":' * 100_000,
        changed(policies="none"),
        changed(policies=[1]),
        changed(**{"report-id": 5}),
        changed(**{"date-range": {"start-datetime": "soon"}}),
    ],
)
def test_what_is_no_report_is_told(octets: bytes) -> None:
    with pytest.raises(PeerFault) as told:
        parse(octets)
    assert told.value.condition is Condition.BAD_SYNTAX


def test_numbers_and_words_of_no_sense_count_as_nothing() -> None:
    summary = {"total-successful-session-count": True, "total-failure-session-count": -4}
    policy = {"policy-type": "magic", "policy-string": [1, "a"]}
    one = {"policy": policy, "summary": summary, "failure-details": "?"}
    (read,) = parse(changed(policies=[one])).policies
    assert (read.kind, read.text, read.successes, read.failures) == (
        "no-policy-found",
        ("a",),
        0,
        0,
    )


def test_an_instant_without_a_zone_is_utc() -> None:
    period = {"start-datetime": "2026-03-02T00:00:00", "end-datetime": "2026-03-03T00:00:00+01:00"}
    assert parse(changed(**{"date-range": period})).end == datetime(2026, 3, 2, 23, tzinfo=UTC)


def test_policies_and_failures_are_bounded() -> None:
    one = json.loads(TLS_STYLE)["policies"][0]
    many = one | {"failure-details": one["failure-details"] * (tls.FAILURES + 1)}
    for policies in ([one] * (tls.POLICIES + 1), [many]):
        with pytest.raises(PeerFault) as told:
            parse(changed(policies=policies))
        assert told.value.condition is Condition.TOO_MANY


@given(st.binary(max_size=200))
def test_no_octets_upset_the_reader(octets: bytes) -> None:
    for text in (octets, TLS_STYLE[:200] + octets):
        try:
            parse(text)
        except PeerFault:
            continue
