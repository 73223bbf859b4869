"""Parameters of DSN, FUTURERELEASE and REQUIRETLS: read where they were offered, refused else."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailserver.model.envelope import Notify, Onward, Ret
from mailserver.model.errors import MailError
from mailserver.protocol.smtp.client import xtext
from mailserver.protocol.smtp.command import MailFrom, parse_mail, parse_rcpt
from mailserver.protocol.smtp.parameters import NOTHING, Offers, release_at
from mailserver.protocol.smtp.reply import Rejection
from mailserver.protocol.smtp.xtext import decode_recipient, decode_unitext, decode_xtext

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
WEEK = timedelta(days=7)
ALL = Offers(dsn=True, require_tls=True, hold=WEEK)


def mail(parameters: str, offers: Offers = ALL) -> MailFrom:
    return parse_mail(f"FROM:<a@b.example> {parameters}", offers)


def rcpt(parameters: str, offers: Offers = ALL, *, smtputf8: bool = False) -> Onward:
    return parse_rcpt(
        f"TO:<a@b.example> {parameters}",
        smtputf8=smtputf8,
        postmaster_domain="zegel.test",
        offers=offers,
    )


def test_what_mail_asks_is_read() -> None:
    said = mail("RET=hdrs ENVID=QQ+2B314 requiretls HOLDFOR=3600")
    assert (said.ret, said.envid, said.require_tls) == (Ret.HEADERS, "QQ+314", True)
    assert said.hold == timedelta(hours=1)
    until = mail("HOLDUNTIL=2026-03-02T12:00:00+01:00 RET=FULL")
    assert until.hold == datetime(2026, 3, 2, 11, tzinfo=UTC)
    assert until.ret is Ret.FULL


@pytest.mark.parametrize(
    "parameters",
    [
        "RET",
        "RET=SOME",
        "ENVID=a=b",
        "ENVID=a+3",
        "ENVID=a+3d",
        "ENVID=a+0A",
        "ENVID=" + "x" * 101,
        "ENVID=\u00e9",
        "REQUIRETLS=1",
        "HOLDFOR=-1",
        "HOLDFOR=1.5",
        "HOLDFOR=\u0663",
        "HOLDFOR=604801",
        "HOLDFOR=1 HOLDUNTIL=2026-03-02T12:00:00Z",
        "HOLDUNTIL=2026-03-02",
        "HOLDUNTIL=2026-02-30T12:00:00Z",
        "HOLDUNTIL=2026-03-02T12:00:00",
        "RET=FULL RET=FULL",
    ],
)
def test_malformed_parameters_of_mail_get_501(parameters: str) -> None:
    with pytest.raises(Rejection) as refused:
        mail(parameters)
    assert refused.value.reply.encode().startswith(b"501 5.5.4")


@pytest.mark.parametrize(
    "parameters", ["RET=FULL", "ENVID=1", "REQUIRETLS", "HOLDFOR=1", "HOLDUNTIL=x", "MT-PRIORITY=1"]
)
def test_what_was_not_offered_gets_555(parameters: str) -> None:
    with pytest.raises(Rejection) as refused:
        mail(parameters, NOTHING)
    assert refused.value.reply.encode().startswith(b"555 5.5.4")


def test_what_rcpt_asks_is_read() -> None:
    assert rcpt("").notify is None
    assert rcpt("NOTIFY=NEVER").notify is Notify.NEVER
    assert rcpt("notify=Success,failure,DELAY").notify == Notify(7)
    assert rcpt("ORCPT=RFC822;Bob+2Blist@there.example").orcpt == "rfc822;Bob+list@there.example"
    assert rcpt("ORCPT=utf-8;jos\\x{E9}@there.example").orcpt == "utf-8;jos\u00e9@there.example"
    said = rcpt("ORCPT=utf-8;jos\u00e9@there.example", smtputf8=True)
    assert said.orcpt == "utf-8;jos\u00e9@there.example"


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ("NOTIFY", b"501"),
        ("NOTIFY=", b"501"),
        ("NOTIFY=NEVER,SUCCESS", b"501"),
        ("NOTIFY=SUCCESS,", b"501"),
        ("NOTIFY=LATER", b"501"),
        ("ORCPT=bob@there.example", b"501"),
        ("ORCPT=rfc822;", b"501"),
        ("ORCPT=rfc822;a+0D+0Ab", b"501"),
        ("ORCPT=utf-8;a\\x{110000}", b"501"),
        ("ORCPT=utf-8;a\\x{D800}", b"501"),
        ("ORCPT=utf-8;a\\xb", b"501"),
        ("ORCPT=rf c;a", b"501"),
        ("ORCPT=rfc822;" + "x" * 500, b"501"),
        ("ORCPT=utf-8;jos\u00e9@there.example", b"553"),
        ("RET=FULL", b"555"),
        ("HOLDFOR=1", b"555"),
    ],
)
def test_what_rcpt_may_not_ask_is_refused(parameters: str, code: bytes) -> None:
    with pytest.raises(Rejection) as refused:
        rcpt(parameters)
    assert refused.value.reply.encode().startswith(code)
    with pytest.raises(Rejection) as refused:
        rcpt("NOTIFY=NEVER", NOTHING)
    assert refused.value.reply.encode().startswith(b"555")


def test_a_release_is_bounded_and_never_in_the_past() -> None:
    assert release_at(None, NOW, WEEK) is None
    assert release_at(timedelta(0), NOW, WEEK) is None
    assert release_at(timedelta(seconds=5), NOW, WEEK) == NOW + timedelta(seconds=5)
    assert release_at(NOW + WEEK, NOW, WEEK) == NOW + WEEK
    assert release_at(NOW - WEEK, NOW, WEEK) is None
    assert release_at(NOW, NOW, None) is None
    with pytest.raises(Rejection):
        release_at(NOW + WEEK + timedelta(seconds=1), NOW, WEEK)


@given(st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126), max_size=50))
def test_xtext_comes_back(text: str) -> None:
    assert decode_xtext(xtext(text)) == text


@given(st.text(max_size=40))
def test_nothing_that_decodes_ends_a_line(text: str) -> None:
    for decode in (decode_xtext, decode_unitext, decode_recipient):
        try:
            decoded = decode(text)
        except ValueError:
            continue
        assert len(decoded.splitlines()) <= 1


@given(st.text(max_size=60))
def test_any_parameters_are_read_or_refused(text: str) -> None:
    for read in (mail, rcpt):
        try:
            read(text)
        except MailError:
            continue
