from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_to_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailserver.model.address import Address
from mailserver.protocol.smtp.trace import (
    Hop,
    date_time,
    hops,
    protocol_name,
    received,
    received_from_user,
)

AT = datetime(2026, 3, 1, 9, 8, 7, tzinfo=UTC)
BOB = Address.parse("bob@zegel.test")


def test_a_message_from_another_server() -> None:
    field = received(
        Hop("client.example", "192.0.2.7", "ESMTPS"),
        by="mail.zegel.test",
        token="t1",
        recipient=BOB,
        at=AT,
    )
    assert field == (
        b"Received: from client.example ([192.0.2.7])\r\n\tby mail.zegel.test with ESMTPS id t1\r\n"
        b"\tfor <bob@zegel.test>;\r\n\tSun, 01 Mar 2026 09:08:07 +0000\r\n"
    )


def test_several_recipients_are_not_told_of_each_other() -> None:
    field = received(Hop("c", "", "LMTP"), by="h", token="t", recipient=None, at=AT)
    assert field == (
        b"Received: from c\r\n\tby h with LMTP id t;\r\n\tSun, 01 Mar 2026 09:08:07 +0000\r\n"
    )


def test_an_ipv6_client() -> None:
    field = received(Hop("c", "2001:db8::1", "SMTP"), by="h", token="t", recipient=None, at=AT)
    assert b"from c ([IPv6:2001:db8::1])" in field


def test_a_message_from_a_user_says_nothing_of_him() -> None:
    assert received_from_user("ESMTPSA", token="t", at=AT) == (
        b"Received: with ESMTPSA id t; Sun, 01 Mar 2026 09:08:07 +0000\r\n"
    )


@pytest.mark.parametrize(
    ("flags", "name"),
    [
        ("", "SMTP"),
        ("extended", "ESMTP"),
        ("extended tls", "ESMTPS"),
        ("extended tls signed_in", "ESMTPSA"),
        ("extended utf8", "UTF8SMTP"),
        ("extended utf8 tls signed_in", "UTF8SMTPSA"),
        ("lmtp extended", "LMTP"),
        ("lmtp extended utf8 tls", "UTF8LMTPS"),
    ],
)
def test_protocols_have_registered_names(flags: str, name: str) -> None:
    given_flags = {
        flag: flag in flags.split() for flag in ("lmtp", "extended", "utf8", "tls", "signed_in")
    }
    assert protocol_name(**given_flags) == name


@given(
    st.integers(1, 200_000_000_000),
    st.integers(-12, 14),
)
def test_dates_are_read_by_others_as_we_mean_them(seconds: int, hours: int) -> None:
    at = datetime.fromtimestamp(seconds, timezone(timedelta(hours=hours)))
    assert parsedate_to_datetime(date_time(at)) == at


def test_hops_are_counted_in_the_header_only() -> None:
    message = b"Received: a\r\nrEceived : b\r\n c\r\nX-Received: d\r\n\r\nReceived: e\r\n"
    assert hops(message) == 2
    assert hops(b"Received: a\r\n" * 101) == 101
