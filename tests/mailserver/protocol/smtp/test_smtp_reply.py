from hypothesis import given
from hypothesis import strategies as st

from mailserver.protocol.smtp.codes import Code, Detail
from mailserver.protocol.smtp.reply import LINE_OCTETS, Reply


def test_a_reply_has_both_codes() -> None:
    assert Reply(Code.OK, Detail.OTHER, "Ok").encode() == b"250 2.0.0 Ok\r\n"
    assert Reply(Code.REFUSED, Detail.BARE_NEWLINE, "No").encode() == b"550 5.6.11 No\r\n"
    assert Reply(Code.MAILBOX_BUSY, Detail.MAILBOX_DISABLED, "").encode() == b"450 4.2.1 \r\n"


def test_a_reply_without_enhanced_code() -> None:
    assert Reply(Code.READY, None, "host ESMTP").encode() == b"220 host ESMTP\r\n"
    assert Reply(Code.OK, None, "a\nb\nc").encode() == b"250-a\r\n250-b\r\n250 c\r\n"


@given(st.sampled_from(Code), st.sampled_from([None, *Detail]), st.text(max_size=2_000))
def test_no_text_breaks_out_of_its_reply(code: Code, detail: Detail | None, text: str) -> None:
    wire = Reply(code, detail, text).encode()
    assert wire.endswith(b"\r\n")
    lines = wire[:-2].split(b"\r\n")
    for line in lines[:-1]:
        assert line.startswith(b"%d-" % code)
    assert lines[-1].startswith(b"%d " % code)
    for line in lines:
        assert len(line) + 2 <= LINE_OCTETS
        assert all(0x20 <= octet < 0x7F for octet in line)
