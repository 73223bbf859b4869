"""Whom to tell of a hole in this server. Source: RFC 9116."""

from datetime import datetime, timedelta

from mailserver.runtime.settings import Settings

VALID = timedelta(days=90)  # RFC 9116 §2.5.5 advises less than a year
LANGUAGES = "nl, en, de, fr"


def security_txt(settings: Settings, origin: str, now: datetime) -> bytes:
    """Write the file as it stands at `origin`."""
    contact = settings.web.security_contact or f"mailto:postmaster@{settings.hostname.lower()}"
    until = (now + VALID).replace(hour=0, minute=0, second=0, microsecond=0)
    lines = (
        f"Contact: {contact}",
        f"Expires: {until:%Y-%m-%dT%H:%M:%SZ}",
        f"Preferred-Languages: {LANGUAGES}",
        f"Canonical: {origin}/.well-known/security.txt",
    )
    return "".join(f"{line}\r\n" for line in lines).encode("utf-8")
