"""How mail that comes in is screened: by which scanners, how strictly, and whom else it asks.

What leaves this machine because of a message, be it only its sender's network, goes to a processor
(GDPR Art. 28). Lists in DNS and scanners elsewhere are asked only if an entry of `[[processors]]`
names them: who they are, where, and on what ground.
"""

import json
from datetime import date
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, field_validator, model_validator

from mailserver.model.address import canonical_domain
from mailserver.model.errors import MailError
from mailserver.runtime.settings_values import Section


def _domains(value: object) -> object:
    """Read a list of domains, or one text with commas."""
    listed = value.split(",") if isinstance(value, str) else value
    if not isinstance(listed, list | tuple):
        return value
    try:
        return tuple(canonical_domain(str(one)) for one in listed if str(one).strip())
    except MailError:
        raise ValueError("these are domains") from None


Domains = Annotated[tuple[str, ...], BeforeValidator(_domains)]


class Scanners(Section):
    """Programs that look at messages; each is asked before the `250`."""

    clamd: str = ""
    """ClamAV's daemon, `unix:/run/clamav/clamd.ctl` or `host:port`; empty: none."""
    rspamd: str = ""
    """An rspamd worker, `http://127.0.0.1:11333`; it then scores in the place of our own rules."""
    rspamd_password_file: Path | None = None
    """Holds the worker's password, where it wants one."""
    seconds: int = Field(default=60, ge=1, le=240)
    """How long one may take; senders wait ten minutes (RFC 5321 §4.5.3.2.6)."""
    when_down: Literal["defer", "mark"] = "defer"
    """Whether mail waits at its sender while a scanner does not answer, or comes in marked."""
    attachments: Literal["refuse", "junk", "allow"] = "refuse"
    """What becomes of mail with programs in it, which no scanner need know."""

    @field_validator("clamd")
    @classmethod
    def _place(cls, text: str) -> str:
        host, _, port = text.rpartition(":")
        if text and not text.startswith("unix:/") and not (host and port.isdigit()):
            raise ValueError('write it as "unix:/path" or "host:port"')
        return text

    @field_validator("rspamd")
    @classmethod
    def _url(cls, text: str) -> str:
        parts = urlsplit(text)
        if text and (parts.scheme not in ("http", "https") or not parts.hostname):
            raise ValueError('write it as "http://host:port"')
        return text.rstrip("/")

    @property
    def elsewhere(self) -> list[str]:
        """The hosts of scanners that are not on this machine."""
        hosts = []
        if self.clamd and not self.clamd.startswith("unix:"):
            hosts.append(self.clamd.rpartition(":")[0].strip("[]"))
        if self.rspamd:
            hosts.append(urlsplit(self.rspamd).hostname or "")
        return [host for host in hosts if not _is_here(host)]


class Spam(Section):
    """How strictly mail is judged, in points; `docs/spam.md` says what earns them."""

    junk_points: float = Field(default=6.0, ge=1.0, le=100.0)
    """From here on a message goes to Junk."""
    reject_points: float = Field(default=15.0, ge=5.0, le=1_000.0)
    """From here on it is refused, by what it is itself; a reader's own taste never refuses."""
    doubtful_points: float = Field(default=3.5, ge=0.0, le=100.0)
    """From here up to `junk_points` its sender is asked to come again."""
    greylisting: bool = True
    greylist_seconds: int = Field(default=240, ge=1, le=86_400)
    """How long a doubtful sender waits the first time."""
    reputation: bool = True
    """Count what domains and networks send us."""
    learning: bool = True
    """Learn from what a reader moves to Junk and out of it, for him alone."""
    trusted_sealers: Domains = ()
    """Forwarders, mailing lists above all, whose word counts for mail that they changed (ARC)."""


class Processor(Section):
    """Somebody else who learns something of our people's data (GDPR Art. 28, Art. 30)."""

    name: str = Field(min_length=1, max_length=200)
    """Who it is."""
    role: Literal[
        "address-list",
        "domain-list",
        "scanner",
        "relay",
        "identity-provider",
        "push-service",
        "hosting",
    ]
    """What it sees: the address of a client, the domains in a message, the whole message, all mail
    on its way out, who signs in, when something changes for which device, or the machine itself."""
    zone: str = Field(default="", max_length=200)
    """Where a list is asked, `list.example.org`."""
    host: str = Field(default="", max_length=255)
    """Where a scanner, relay or identity provider is; of a push service, the domain of its URLs."""
    country: str = Field(pattern=r"^[A-Z]{2}$")
    """Where it is established (ISO 3166)."""
    basis: str = Field(min_length=2, max_length=500)
    """On what ground it may be asked, and data may go there: an agreement, adequacy, clauses."""
    agreement: str = Field(default="", max_length=500)
    """Which version of which agreement."""
    since: date | None = None
    points: float = Field(default=4.0, ge=0.1, le=20.0)
    """What being listed costs."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.role in ("scanner", "relay", "identity-provider", "push-service"):
            if not self.host or self.zone:
                raise ValueError(f"a {self.role} has a host, and no zone")
        elif self.role == "hosting":
            if self.zone or self.host:
                raise ValueError("who hosts the machine has neither a host nor a zone")
        elif not self.zone or self.host:
            raise ValueError("a list has a zone, and no host")
        return self

    @field_validator("zone")
    @classmethod
    def _domain(cls, text: str) -> str:
        try:
            return canonical_domain(text) if text else ""
        except MailError:
            raise ValueError("it is a domain") from None


def _listed(value: object) -> object:
    """Read tables, or as an environment variable has them, JSON."""
    if isinstance(value, str):
        try:
            return json.loads(value)
        except ValueError:
            raise ValueError("write it as a list of tables, in a variable as JSON") from None
    return value


Processors = Annotated[tuple[Processor, ...], BeforeValidator(_listed)]


def unnamed(scanners: Scanners, processors: Processors) -> str | None:
    """Return the host of a scanner elsewhere that no processor stands for, if there is one."""
    named = {one.host for one in processors if one.role == "scanner"}
    return next((host for host in scanners.elsewhere if host not in named), None)


def is_named(host: str, role: str, processors: Processors) -> bool:
    """Say whether a host may learn of our data: it is our own, or an entry stands for it."""
    ours = _is_here(host) or _is_private(host)
    return ours or any(one.role == role and one.host == host for one in processors)


def _is_private(host: str) -> bool:
    try:
        return ip_address(host).is_private
    except ValueError:
        return False


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
