"""The servers that mail programs are told, as their listeners stand in the settings."""

from dataclasses import dataclass

from mailserver.runtime.settings import Settings, Tls


@dataclass(frozen=True, slots=True)
class MailServer:
    """A server to read or to send mail by."""

    protocol: str
    """`imap` or `smtp`."""
    host: str
    port: int
    tls: Tls


def mail_servers(settings: Settings) -> list[MailServer]:
    """Return those that can be reached with TLS, the best of each protocol first (RFC 8314 §3)."""
    listeners = settings.listeners
    host = settings.hostname.lower().rstrip(".")
    offered = (
        ("imap", listeners.imaps),
        ("imap", listeners.imap),
        ("smtp", listeners.submissions),
        ("smtp", listeners.submission),
    )
    return [
        MailServer(protocol, host, listener.known_port, listener.tls)
        for protocol, listener in offered
        if listener.known_port and listener.tls is not Tls.NONE
    ]
