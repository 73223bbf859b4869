"""Notices of reading say what RFC 8098 §3 asks for, and are read back."""

import pytest

from mailserver.protocol.mime import mdn
from mailserver.protocol.mime.compose import compose
from mailserver.protocol.mime.scan import scan

_NOTICE = mdn.Notification(
    final_recipient="ann@zegel.test",
    action="manual-action",
    sending="mdn-sent-manually",
    type="displayed",
    original_message_id="<1@zegel.test>",
    original_recipient="rfc822;a@zegel.test",
    reporting_ua="zegel",
    gateway="dns; x.test",
    errors=("one", "two"),
    text="Gelesen, ja.",
)


def test_a_notice_is_read_back_as_it_was_written() -> None:
    message = compose([b"Subject: Read\r\n"], mdn.outline(_NOTICE, b"Subject: x\r\n\r\ntext\r\n"))
    root = scan(message)
    assert (root.type, root.subtype) == (b"multipart", b"report")
    assert b"report-type=disposition-notification" in message
    assert len(root.children) == 3
    read = mdn.parse(message)
    assert read is not None
    assert read.final_recipient == "rfc822; ann@zegel.test"
    assert read.original_recipient == "rfc822;a@zegel.test"
    assert (read.action, read.sending, read.type) == (
        "manual-action",
        "mdn-sent-manually",
        "displayed",
    )
    assert (read.errors, read.text) == (("one", "two"), "Gelesen, ja.")
    assert (read.reporting_ua, read.gateway) == ("zegel", "dns; x.test")
    assert read.original_message_id == "<1@zegel.test>"


def test_little_is_said_where_little_is_known() -> None:
    bare = mdn.Notification("ann@zegel.test", "manual-action", "mdn-sent-manually", "deleted")
    read = mdn.parse(compose([], mdn.outline(bare)))
    assert read is not None
    assert (read.original_message_id, read.errors) == (None, ())


@pytest.mark.parametrize(
    "message",
    [
        b"Subject: no notice\r\n\r\ntext\r\n",
        b"Content-Type: message/disposition-notification\r\n\r\nDisposition: a/b; c\r\n",
        b"Content-Type: message/disposition-notification\r\n\r\nFinal-Recipient: rfc822; a@b\r\n",
    ],
)
def test_what_is_no_notice_is_none(message: bytes) -> None:
    assert mdn.parse(message) is None


def test_a_notice_without_words_has_none() -> None:
    read = mdn.parse(
        b"Content-Type: message/disposition-notification\r\n\r\n"
        b"Final-Recipient: rfc822; a@b\r\nDisposition: a/b; c\r\n"
    )
    assert read is not None
    assert read.text == ""
