"""DMARC aggregate reports: read in the shapes that are sent, written as others read them."""

import pytest
from dmarc_report.parser import DMARCParser
from dmarc_report.schema import ReportFormat
from hypothesis import given
from hypothesis import strategies as st

from mailserver.model.errors import Condition, PeerFault
from mailserver.protocol.reports import dmarc_read
from mailserver.protocol.reports.dmarc import (
    DkimLine,
    DmarcReport,
    Line,
    Published,
    SpfLine,
    ordered,
    subject,
    write,
)
from mailserver.protocol.reports.dmarc_read import parse
from tests.support.reports import OLD_STYLE, OTHER_STYLE

OURS = DmarcReport(
    organization="mx.example.org",
    contact="postmaster@example.org",
    id="abc123",
    begin=1772409600,
    end=1772495999,
    published=Published(
        "sender.test", "reject", "quarantine", "none", "r", "s", "1", "n", "treewalk"
    ),
    lines=(
        Line(
            "192.0.2.1",
            7,
            "pass",
            "pass",
            "fail",
            "sub.sender.test",
            "lists.test",
            signatures=(
                DkimLine("sender.test", "s1", "pass"),
                DkimLine("other.test", "x", "permerror"),
            ),
            sender=SpfLine("lists.test", "softfail", "mfrom"),
        ),
        Line(
            "2001:db8::1",
            2,
            "none",
            "fail",
            "fail",
            "sender.test",
            reasons=(("trusted_forwarder", "a & b <sealed>"),),
            sender=SpfLine("helo.test", "none"),
        ),
    ),
    generator="Zegel",
)


def test_what_is_written_is_read_back() -> None:
    assert parse(write(OURS)) == OURS


def test_a_second_implementation_reads_what_we_write() -> None:
    theirs = DMARCParser.parse_bytes(write(OURS))
    assert theirs.format is ReportFormat.RFC_9990
    assert not theirs.warnings
    assert theirs.policy_published.domain == "sender.test"
    assert [record.count for record in theirs.records] == [7, 2]
    first, second = theirs.records
    assert [each.selector for each in first.auth_results.dkim] == ["s1", "x"]
    assert first.source_ip == "192.0.2.1"
    assert second.policy_evaluated.reasons[0].comment == "a & b <sealed>"


def test_the_older_form_without_a_namespace_is_read() -> None:
    report = parse(OLD_STYLE)
    assert (report.organization, report.id) == ("bigmail.example", "10482957103958275021")
    assert (report.messages, report.failed) == (20, 3)
    good, bad = report.lines
    assert good.passed
    assert [one.selector for one in good.signatures] == ["202603-rsa-abcde", "202603-ed25519-fghij"]
    assert bad.ip == "2001:db8::bad"
    assert bad.reasons == (("forwarded", "looks forwarded"),)
    assert report.published.nonexistent == "quarantine"


def test_of_two_identities_of_spf_that_of_the_reverse_path_counts() -> None:
    (line,) = parse(OTHER_STYLE).lines
    assert line.sender == SpfLine("lists.elsewhere.test", "pass", "mfrom")
    assert line.envelope_from == "lists.elsewhere.test"


def test_a_fraction_of_a_second_is_cut() -> None:
    assert parse(OLD_STYLE.replace(b"1772409600<", b"1772409600.5<")).begin == 1772409600


def test_words_of_no_standard_become_harmless_ones() -> None:
    odd = OLD_STYLE.replace(b"<result>softfail<", b"<result>\xc3\xa9vil<").replace(
        b"<disposition>quarantine<", b"<disposition>DELETE<"
    )
    line = parse(odd).lines[1]
    assert line.sender is not None
    assert (line.sender.result, line.disposition) == ("none", "none")


def test_a_line_without_an_address_is_left_out() -> None:
    assert len(parse(OLD_STYLE.replace(b"192.0.2.25", b"nobody")).lines) == 1


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"no xml",
        b"<feedback>",
        b"<html></html>",
        b"<feedback></feedback>",
        OLD_STYLE.replace(b"<domain>example.org</domain>", b"", 1),
        OLD_STYLE.replace(b"10482957103958275021", b""),
        b'<?xml version="1.0" encoding="no-such-thing"?><feedback/>',
    ],
)
def test_what_is_no_report_is_told(octets: bytes) -> None:
    if b"<domain>ex.org" in octets:
        octets = octets.replace(b"<policy_published>", b"<x>").replace(
            b"</policy_published", b"</x"
        )
    with pytest.raises(PeerFault) as told:
        parse(octets)
    assert told.value.condition is Condition.BAD_SYNTAX


BOMB = b'<!DOCTYPE feedback [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
OUTSIDE = b'<!DOCTYPE feedback [<!ENTITY a SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize("prolog", [BOMB, OUTSIDE, b"<!DOCTYPE feedback>"])
def test_a_document_type_ends_the_reading(prolog: bytes) -> None:
    body = OLD_STYLE.partition(b"?>")[2].replace(b"bigmail.example<", b"&a;<", 1)
    with pytest.raises(PeerFault, match="document type"):
        parse(prolog + body)


def test_elements_that_nest_without_end_are_refused() -> None:
    with pytest.raises(PeerFault) as told:
        parse(b"<feedback>" + b"<a>" * 10_000)
    assert told.value.condition is Condition.TOO_MANY


def test_the_number_of_lines_is_bounded() -> None:
    record = OLD_STYLE[OLD_STYLE.index(b"<record>") : OLD_STYLE.index(b"</feedback>")]
    many = OLD_STYLE.replace(record, record * (dmarc_read.LINES // 2 + 1))
    with pytest.raises(PeerFault) as told:
        parse(many)
    assert told.value.condition is Condition.TOO_MANY


def test_signatures_of_a_line_are_bounded() -> None:
    start = OLD_STYLE.index(b"<dkim>\n        <domain>")
    one = OLD_STYLE[start : OLD_STYLE.index(b"</dkim>\n      <dkim>") + 7]
    report = parse(OLD_STYLE.replace(one, one * 300, 1))
    assert len(report.lines[0].signatures) == dmarc_read.SIGNATURES


def test_long_texts_are_cut() -> None:
    report = parse(OLD_STYLE.replace(b"bigmail.example<", b"x" * 100_000 + b"<", 1))
    assert len(report.organization) <= dmarc_read.TEXT_CHARACTERS


def test_lines_are_ordered_by_their_messages() -> None:
    assert [line.count for line in ordered(list(reversed(OURS.lines)))] == [7, 2]


def test_the_subject_is_as_the_standard_has_it() -> None:
    wanted = "Report Domain: a.test Submitter: b.test Report-ID: <1@b.test>"
    assert subject("a.test", "b.test", "1@b.test") == wanted


@given(st.text(max_size=50), st.text(max_size=50))
def test_any_text_is_written_so_that_it_is_read(name: str, comment: str) -> None:
    line = Line("192.0.2.1", 1, "none", "fail", "fail", name, reasons=(("other", comment),))
    report = DmarcReport("o", "c", "i", 1, 2, Published("d.test", "none"), (line,))
    (read,) = parse(write(report)).lines
    kept = "".join(one for one in name if one >= " " and not "\ud800" <= one <= "\udfff")
    assert read.header_from == kept.strip() or not kept.isprintable()


@given(st.binary(max_size=300))
def test_no_octets_upset_the_reader(octets: bytes) -> None:
    for text in (octets, OLD_STYLE[:400] + octets, OLD_STYLE[:-12] + octets):
        try:
            parse(text)
        except PeerFault:
            continue
