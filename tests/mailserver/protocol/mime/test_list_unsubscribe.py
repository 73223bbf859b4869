"""The ways out of a list (RFC 2369, RFC 8058, RFC 6068)."""

import pytest

from mailserver.protocol.mime.headers import header_fields
from mailserver.protocol.mime.list_unsubscribe import Letter, Ways, letter, ways

POST = b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"


def read(*lines: bytes) -> Ways:
    return ways(header_fields(b"".join(lines)))


def test_one_click_needs_both_fields_and_https() -> None:
    https = b"List-Unsubscribe: <https://news.example.org/u?t=1>\r\n"
    assert read(https, POST).post == "https://news.example.org/u?t=1"
    assert read(https).post == ""
    assert read(POST).post == ""
    clear = read(b"List-Unsubscribe: <http://news.example.org/u>\r\n", POST)
    assert (clear.post, clear.page) == ("", "http://news.example.org/u")


def test_the_first_https_uri_is_meant_whatever_stands_around_it() -> None:
    found = read(
        b"List-Unsubscribe: (Use this) <mailto:leave@example.org?subject=out>,\r\n"
        b" <http://a.example/>, <https://news.example.org/very/\r\n long?t=1>, <https://b.example>\r\n",
        POST,
    )
    assert found.post == found.page == "https://news.example.org/very/long?t=1"
    assert found.letter == Letter("leave@example.org", "out", "")


@pytest.mark.parametrize(
    "value",
    [b"List-Unsubscribe=Two-Click", b"", b"One-Click", b"List-Unsubscribe=One-Click&a=b", b"x"],
)
def test_the_second_field_says_one_thing(value: bytes) -> None:
    https = b"List-Unsubscribe: <https://news.example.org/u>\r\n"
    assert read(https, b"List-Unsubscribe-Post: " + value + b"\r\n").post == ""


def test_fields_that_stand_twice_mean_nothing() -> None:
    https = b"List-Unsubscribe: <https://news.example.org/u>\r\n"
    assert read(https, https, POST) == Ways()
    assert read(https, POST, POST).post == ""


@pytest.mark.parametrize(
    ("uri", "wanted"),
    [
        ("mailto:a@b.example", Letter("a@b.example", "", "")),
        (
            "MAILTO:a%2Bb@b.example?Subject=go%20away&body=x%0D%0Ay&cc=c@d.example&from=e@f.example",
            Letter("a+b@b.example", "go away", "x\ny"),
        ),
        (
            "mailto:a@b.example?subject=x%0D%0ABcc:%20c@d.example",
            Letter("a@b.example", "x Bcc: c@d.example", ""),
        ),
        ("mailto:a@b.example,c@d.example", None),
        ("mailto:?to=a@b.example", None),
        ("mailto:a%0D%0A@b.example", None),
        ("mailto:", None),
    ],
)
def test_a_letter_goes_to_one_and_chooses_none_of_our_fields(
    uri: str, wanted: Letter | None
) -> None:
    assert letter(uri) == wanted
