"""DMARC records: what the tags say, and what becomes of those that cannot be read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailserver.mailauth.dmarc_record import DmarcRecord, Policy, Psd, parse_record


def record(text: str) -> DmarcRecord:
    read = parse_record(text.encode())
    assert read is not None
    return read


def test_every_tag_is_read() -> None:
    assert record(
        "v=DMARC1; p=reject; sp=quarantine; np=none; adkim=s; aspf=s; t=y; psd=n; fo=1:d;"
        " rua=mailto:a@example.test , mailto:b@example.test!10m; ruf=mailto:c@example.test"
    ) == DmarcRecord(
        Policy.REJECT,
        Policy.QUARANTINE,
        Policy.NONE,
        strict_dkim=True,
        strict_spf=True,
        testing=True,
        psd=Psd.NO,
        failures="1:d",
        rua=("mailto:a@example.test", "mailto:b@example.test"),
        ruf=("mailto:c@example.test",),
    )


def test_defaults_stand_in_for_absent_tags() -> None:
    assert record("v=DMARC1;p=none") == DmarcRecord(Policy.NONE)


@pytest.mark.parametrize(
    "text",
    ["V=DMARC1; P=Reject", "v = DMARC1 ;p = REJECT ;", "v=DMARC1;;p=reject", "v=DMARC1; p=reject;"],
)
def test_case_and_white_space_do_not_matter(text: str) -> None:
    assert record(text).policy is Policy.REJECT


@pytest.mark.parametrize(
    "text",
    ["", "v=DMARC2; p=none", "v=dmarc1; p=none", "p=none; v=DMARC1", " v=DMARC1", "v=DMARC1 p=none",
     "v=DMARC10; p=none", "DMARC1; p=none"],
)  # fmt: skip
def test_other_texts_are_no_records(text: str) -> None:
    assert parse_record(text.encode()) is None


def test_removed_and_unknown_tags_are_ignored() -> None:
    assert record("v=DMARC1; pct=0; x=y; rf=afrf; p=reject") == DmarcRecord(Policy.REJECT)


def test_bad_values_fall_back_to_the_default() -> None:
    read = record("v=DMARC1; p=reject; adkim=x; aspf=; t=maybe; psd=z; rua=nowhere, mailto:a b")
    assert read == DmarcRecord(Policy.REJECT)


@pytest.mark.parametrize("text", ["p=block", "sp=none", "p=reject; sp=x", "p=reject; np="])
def test_bad_policy_counts_as_none_where_reports_are_wanted(text: str) -> None:
    """RFC 9989 §4.10.1."""
    read = record(f"v=DMARC1; {text}; rua=mailto:a@example.test")
    if text.endswith("np="):  # an empty value is no tag at all (§4.8)
        assert read.policy is Policy.REJECT
    else:
        assert (read.policy, read.subdomains, read.usable) == (Policy.NONE, None, True)


def test_bad_policy_without_reports_is_no_policy() -> None:
    assert not record("v=DMARC1; p=block").usable
    assert not record("v=DMARC1; p=block; rua=example.test").usable


def test_first_of_two_equal_tags_counts() -> None:
    assert record("v=DMARC1; p=none; p=reject").policy is Policy.NONE


def test_reports_go_to_a_bounded_number_of_places() -> None:
    read = record("v=DMARC1; p=none; rua=" + ",".join(f"mailto:a{n}@x.test" for n in range(50)))
    assert len(read.rua) == 10


def test_testing_lowers_a_policy_by_one() -> None:
    assert [policy.lowered for policy in Policy] == [Policy.NONE, Policy.NONE, Policy.QUARANTINE]


def test_absurdly_long_record_is_none() -> None:
    assert parse_record(b"v=DMARC1; p=reject" + b";x=y" * 5_000) is None


@given(st.binary(max_size=300))
def test_no_octets_break_the_reader(octets: bytes) -> None:
    parse_record(b"v=DMARC1;" + octets)
    parse_record(octets)
