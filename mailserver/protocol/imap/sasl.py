"""What clients say in PLAIN (RFC 4616) and in LOGIN, the mechanisms that carry a password."""

from dataclasses import dataclass

from mailserver.model.sealed import Plaintext
from mailserver.protocol.imap.lexer import SyntaxFault, utf8

PLAIN = "PLAIN"
LOGIN = "LOGIN"
MECHANISMS = (PLAIN, LOGIN)

LOGIN_PROMPTS = (b"VXNlcm5hbWU6", b"UGFzc3dvcmQ6")
"""`Username:` and `Password:` in base64. Source: draft-murchison-sasl-login."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who logs in, with what, to act as whom (`authorize_as` is empty: as oneself)."""

    username: str
    password: Plaintext
    authorize_as: str = ""


def plain(message: Plaintext) -> Credentials:
    """Read the one message of PLAIN.

    Raises:
        SyntaxFault: it is none.
    """
    parts = message.reveal().split(b"\x00")
    if len(parts) != 3 or not parts[1] or not parts[2]:
        raise SyntaxFault("this is not a PLAIN message")
    return Credentials(utf8(parts[1]), Plaintext(parts[2]), utf8(parts[0]))


def login(username: Plaintext, password: Plaintext) -> Credentials:
    """Join the two answers of LOGIN.

    Raises:
        SyntaxFault: the username is not UTF-8.
    """
    return Credentials(utf8(username.reveal()), password)
