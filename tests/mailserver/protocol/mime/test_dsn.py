"""Reports: what another library reads in them, what we read back, and what nobody can slip in."""

import email
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import policy
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailserver.model.address import Address
from mailserver.model.envelope import Envelope, Notify, Onward, RemoteReply, Ret
from mailserver.protocol.mime.dsn import Action, Outcome, Report, compose, is_wanted
from mailserver.protocol.mime.dsn_read import parse
from mailserver.protocol.mime.dsn_text import LANGUAGES, Reason, reason_of, words

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ANN = Address("ann", "zegel.test")
BOB = Onward(Address("bob", "there.test"), None, "rfc822;Bob+list@there.test")
MESSAGE = (
    b"From: ann@zegel.test\r\nTo: bob@there.test\r\nSubject: secret plans\r\n"
    b"Message-ID: <1@zegel.test>\r\n\r\nThe body.\r\n"
)
GONE = RemoteReply("No such user here", 550, "5.1.1", "mx.there.test")


def outcome(action: Action = Action.FAILED, reply: RemoteReply = GONE) -> Outcome:
    return Outcome(BOB, action, reply, NOW, NOW + timedelta(days=5))


def report(*outcomes: Outcome, envelope: Envelope | None = None, language: str = "en") -> Report:
    return Report(
        envelope or Envelope(ANN, None, "QQ+314"),
        outcomes or (outcome(),),
        Address("postmaster", "zegel.test"),
        "mail.zegel.test",
        NOW - timedelta(hours=1),
        NOW,
        "t0ken",
        language,
    )


def read(octets: bytes) -> EmailMessage:
    parsed = email.message_from_bytes(octets, policy=policy.SMTP)
    assert isinstance(parsed, EmailMessage)
    assert parsed.defects == []
    for part in parsed.iter_parts():
        assert part.defects == []
    return parsed


def text_of(message: EmailMessage) -> str:
    part = message.get_payload(0)
    assert isinstance(part, EmailMessage)
    content: str = part.get_content()
    return content


def blocks_of(message: EmailMessage) -> list[EmailMessage]:
    status = message.get_payload(1)
    assert isinstance(status, EmailMessage)
    blocks: list[EmailMessage] = []
    for block in status.get_payload():
        assert isinstance(block, EmailMessage)
        blocks.append(block)
    return blocks


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("action", Action)
def test_another_library_reads_it(action: Action, language: str) -> None:
    octets = compose(report(outcome(action), language=language), MESSAGE)
    assert octets.isascii()
    assert b"\n" not in octets.replace(b"\r\n", b"")
    assert max(map(len, octets.split(b"\r\n"))) < 100
    seen = read(octets)
    assert seen.get_content_type() == "multipart/report"
    assert seen.get_param("report-type") == "delivery-status"
    assert seen["To"] == "ann@zegel.test"
    assert seen["Auto-Submitted"] == "auto-replied"
    assert seen["In-Reply-To"] == "<1@zegel.test>"
    assert seen["Subject"] == words(language).subjects[action]
    types = [part.get_content_type() for part in seen.iter_parts()]
    assert types == ["text/plain", "message/delivery-status", "text/rfc822-headers"]
    told = text_of(seen)
    assert "<bob@there.test>" in told
    assert ("No such user here" in told) == (action in (Action.FAILED, Action.DELAYED))
    about, bob = blocks_of(seen)
    assert about["Reporting-MTA"] == "dns; mail.zegel.test"
    assert about["Original-Envelope-Id"] == "QQ+314"
    assert bob["Action"] == action.value
    assert bob["Status"] == "5.1.1"
    assert bob["Original-Recipient"] == "rfc822; Bob+list@there.test"
    assert ("Will-Retry-Until" in bob) == (action is Action.DELAYED)


def test_we_read_what_we_write() -> None:
    found = parse(compose(report(), MESSAGE))
    assert found is not None
    assert (found.reporter, found.envid) == ("mail.zegel.test", "QQ+314")
    assert found.message_id == b"<1@zegel.test>"
    (bob,) = found.recipients
    assert (bob.recipient, bob.original) == ("bob@there.test", "Bob+list@there.test")
    assert (bob.action, bob.status) == (Action.FAILED, "5.1.1")
    assert bob.diagnostic == "550 5.1.1 No such user here"


@pytest.mark.parametrize(
    ("ret", "action", "returned"),
    [
        (Ret.FULL, Action.FAILED, "message/rfc822"),
        (Ret.FULL, Action.DELAYED, "text/rfc822-headers"),
        (Ret.HEADERS, Action.FAILED, "text/rfc822-headers"),
        (None, Action.FAILED, "text/rfc822-headers"),
    ],
)
def test_only_a_failure_returns_the_message_and_only_if_asked(
    ret: Ret | None, action: Action, returned: str
) -> None:
    octets = compose(report(outcome(action), envelope=Envelope(ANN, ret)), MESSAGE)
    assert list(read(octets).iter_parts())[2].get_content_type() == returned
    assert (b"The body." in octets) == (returned == "message/rfc822")
    large = MESSAGE + b"x\r\n" * 400_000
    assert b"x\r\nx" not in compose(report(outcome(action), envelope=Envelope(ANN, ret)), large)


def test_what_is_beyond_ascii_stays_readable() -> None:
    jose = Onward(Address("jos\u00e9", "there.test"), None, "utf-8;jos\u00e9@there.test")
    said = RemoteReply("ung\u00fcltig", 550, "5.1.1", "mx.there.test")
    octets = compose(report(replace(outcome(reply=said), recipient=jose)), MESSAGE)
    assert octets.isascii()
    assert "<jos\u00e9@there.test>" in text_of(read(octets))
    found = parse(octets)
    assert found is not None
    assert found.recipients[0].recipient == "jos\u00e9@there.test"
    assert found.recipients[0].original == "jos\u00e9@there.test"
    # A header beyond ASCII makes the last part `global`.
    letter = MESSAGE.replace(b"secret", "geh\u00e4im".encode())
    for ret, kind in ((Ret.FULL, "message/global"), (None, "message/global-headers")):
        octets = compose(report(envelope=Envelope(ANN, ret)), letter)
        assert list(read(octets).iter_parts())[2].get_content_type() == kind
        again = parse(octets)
        assert again is not None
        assert again.message_id == b"<1@zegel.test>"
    # And a sender beyond ASCII the whole report.
    octets = compose(report(envelope=Envelope(Address("\u00e0", "zegel.test"))), MESSAGE)
    assert b"Content-Type: message/global-delivery-status" in octets


def test_the_status_is_the_servers_or_follows_from_what_happened() -> None:
    assert outcome(reply=RemoteReply("no", 554)).status == "5.0.0"
    assert outcome(reply=RemoteReply("no", 451)).status == "4.0.0"
    assert outcome(reply=RemoteReply("no")).status == "5.0.0"
    assert outcome(Action.DELAYED, RemoteReply("no", 0, "nonsense")).status == "4.0.0"
    assert outcome(Action.DELIVERED, RemoteReply("ok", 250)).status == "2.0.0"
    assert outcome(Action.DELIVERED, RemoteReply("?", 354)).status == "2.0.0"


def test_nobody_hears_what_he_did_not_ask() -> None:
    every = list(Action)
    for notify, heard in (
        (None, {Action.FAILED, Action.DELAYED}),
        (Notify.NEVER, set()),
        (Notify.FAILURE, {Action.FAILED}),
        (Notify.SUCCESS, {Action.DELIVERED, Action.RELAYED, Action.EXPANDED}),
    ):
        onward = replace(BOB, notify=notify)
        assert {a for a in every if is_wanted(Envelope(ANN), onward, a)} == heard
        assert not any(is_wanted(Envelope(None), onward, action) for action in every)
    with pytest.raises(ValueError, match="recipient"):
        compose(report(envelope=Envelope(None)), MESSAGE)


def test_every_language_says_everything() -> None:
    for said in LANGUAGES.values():
        assert set(said.subjects) == set(said.beginnings) == set(Action)
        assert set(said.reasons) == set(Reason)
        for wording in (said.said, said.told):
            assert "{said}" in wording
        assert "{until}" in said.retry
    assert words("nl-BE") is LANGUAGES["nl"]
    assert words("xx") is LANGUAGES["en"]


def test_codes_have_a_meaning_for_people() -> None:
    assert reason_of("5.1.1") is Reason.NO_SUCH_USER
    assert reason_of("4.2.2") is Reason.FULL
    assert reason_of("5.7.26") is Reason.REFUSED
    assert reason_of("5.7.30") is Reason.NO_TLS
    assert reason_of("5.9.9") is reason_of("") is Reason.OTHER


@given(st.text(max_size=200), st.text(max_size=80), st.text(max_size=80))
def test_no_word_of_a_stranger_adds_a_field_or_a_part(text: str, host: str, orcpt: str) -> None:
    reply = RemoteReply(text, 550, "5.1.1", host)
    strange = replace(outcome(reply=reply), recipient=replace(BOB, orcpt=f"x;{orcpt}"))
    octets = compose(report(strange), MESSAGE)
    assert octets.isascii()
    status = octets.split(b"delivery-status\r\n\r\n")[1].split(b"\r\n--")[0]
    names = [
        line.partition(b":")[0]
        for line in status.split(b"\r\n")
        if line and not line.startswith(b" ")
    ]
    assert set(names) <= {
        *(b"Original-Envelope-Id", b"Reporting-MTA", b"Arrival-Date", b"Original-Recipient"),
        *(b"Final-Recipient", b"Action", b"Status", b"Remote-MTA", b"Diagnostic-Code"),
        *(b"Last-Attempt-Date",),
    }
    found = parse(octets)
    assert found is not None
    assert len(found.recipients) == 1


@given(st.binary(max_size=300))
def test_any_octets_are_a_report_or_none(octets: bytes) -> None:
    parse(octets)
    head = b'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
    found = parse(head + b"--b\r\nContent-Type: message/delivery-status\r\n\r\n" + octets)
    assert found is None or len(found.recipients) <= 300
    compose(report(), octets)


def test_other_mail_is_no_report() -> None:
    for octets in (
        MESSAGE,
        b"Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n",
        b"Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"
        b"--b\r\n\r\nx\r\n--b--\r\n",
        b"Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"
        b"--b\r\nContent-Type: message/delivery-status\r\n\r\n\r\n--b--\r\n",
    ):
        assert parse(octets) is None


def test_an_action_that_does_not_exist_names_nobody() -> None:
    octets = compose(report(), MESSAGE).replace(b"Action: failed", b"Action: eaten")
    found = parse(octets)
    assert found is not None
    assert found.recipients == []
