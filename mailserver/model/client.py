"""Who hands us mail: what the connection itself tells about the other side."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Client:
    """The peer of an SMTP connection, as it stands when it names a sender."""

    ip: str
    """Its address in text form."""
    helo: str
    """The name it gave in HELO, EHLO or LHLO, unchecked; empty before that."""
    tls: str | None
    """The version of TLS, such as TLSv1.3; None for a connection in the clear."""
    esmtp: bool
    """It greeted with EHLO."""
    utf8: bool
    """It declared SMTPUTF8 for this message. Source: RFC 6531."""
