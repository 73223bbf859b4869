"""PLAIN (RFC 4616) and LOGIN."""

import binascii

import pytest

from mailserver.model.sealed import Plaintext
from mailserver.protocol.imap import sasl
from mailserver.protocol.imap.lexer import SyntaxFault


def told(credentials: sasl.Credentials) -> tuple[str, bytes, str]:
    return credentials.username, credentials.password.reveal(), credentials.authorize_as


@pytest.mark.parametrize(
    ("message", "credentials"),
    [
        (b"\x00joe\x00secret", ("joe", b"secret", "")),
        (b"boss\x00joe\x00secret", ("joe", b"secret", "boss")),
        ("\x00jörg\x00geheim".encode(), ("jörg", b"geheim", "")),
    ],
)
def test_plain(message: bytes, credentials: tuple[str, bytes, str]) -> None:
    assert told(sasl.plain(Plaintext(message))) == credentials


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"joe",
        b"joe\x00secret",
        b"\x00\x00secret",
        b"\x00joe\x00",
        b"\x00joe\x00a\x00b",
        b"\x00\xff\x00secret",
        b"\xff\x00joe\x00secret",
    ],
)
def test_no_plain(message: bytes) -> None:
    with pytest.raises(SyntaxFault):
        sasl.plain(Plaintext(message))


def test_login() -> None:
    credentials = sasl.login(Plaintext("jörg".encode()), Plaintext(b"\xff"))
    assert told(credentials) == ("jörg", b"\xff", "")
    with pytest.raises(SyntaxFault):
        sasl.login(Plaintext(b"\xff"), Plaintext(b"x"))


def test_login_prompts_are_what_clients_look_for() -> None:
    prompts = [binascii.a2b_base64(prompt) for prompt in sasl.LOGIN_PROMPTS]
    assert prompts == [b"Username:", b"Password:"]


def test_credentials_do_not_print_the_password() -> None:
    assert "secret" not in repr(sasl.plain(Plaintext(b"\x00joe\x00secret")))
