"""How much one client can make the server hold while it parses (RFC 9051 §4.3, §11)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one connection, in octets."""

    line_octets: int = 64 * 1024
    """All lines of one command together, and the line of an exchange."""
    literal_octets: int = 64 * 1024
    """All literals of one command together, messages aside."""
    early_literal_octets: int = 4 * 1024
    """One literal before login, and all that is dropped of one refused command then."""
    message_octets: int = 50 * 1024 * 1024
    """One message of an APPEND."""
    discard_octets: int = 256 * 1024 * 1024
    """What is dropped of one refused command before the connection is given up."""
