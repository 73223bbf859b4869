"""Every setting of the server, frozen once read: a TOML file, then `ZEGEL_…` variables.

A key that is not known here is refused, naming the nearest one that is: a misspelt limit would
otherwise be no limit. Each key's variable is its path in capitals, `limits.message_octets` being
ZEGEL_LIMITS_MESSAGE_OCTETS. Relative paths in the file count from the file's directory.
"""

import os
import socket
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field

from mailserver.model.errors import Misconfigured
from mailserver.runtime.settings_alerts import Alerts
from mailserver.runtime.settings_limits import Limits
from mailserver.runtime.settings_listeners import WEB, Listener, Listeners
from mailserver.runtime.settings_reading import Reading
from mailserver.runtime.settings_registers import Audit, Backup, Consent, Organisation, Retention
from mailserver.runtime.settings_relay import Relay
from mailserver.runtime.settings_source import Origin, gather, read_toml, validated
from mailserver.runtime.settings_spam import Processors, Scanners, Spam, is_named, unnamed
from mailserver.runtime.settings_values import (
    KIB,
    MIB,
    Endpoint,
    Names,
    Nameservers,
    Octets,
    Section,
    Tls,
    server_of,
    sqlite_path,
    with_password,
)
from mailserver.runtime.settings_web import HTTPS_PORT, Api, Web

__all__ = ["Endpoint", "Limits", "Listener", "Settings", "Tls", "load"]

CONFIG_VARIABLE = "ZEGEL_CONFIG"
CONFIG_FILE = Path("/etc/zegel/zegel.toml")


class Database(Section):
    """The main database: mail, sealed. SQLite in the data directory where no URL is given."""

    url: str = Field(default="", repr=False)  # may hold a password
    password_file: Path | None = None
    """Holds the password of a PostgreSQL URL that has none."""


class Keystore(Section):
    """The database that decides who may open what; apart from the main one (PRIVACY §1)."""

    url: str = Field(default="sqlite:////var/lib/zegel-keystore/keystore.sqlite3", repr=False)
    password_file: Path | None = None


class Keys(Section):
    """Files that never lie beside data or in a backup of it."""

    master_file: Path = Path("/etc/zegel/secrets/master.key")
    audit_file: Path = Path("/etc/zegel/secrets/audit.key")


class Certificate(Section):
    """The certificate chain and its key; read again when either file changes."""

    certificate: Path = Path("/etc/zegel/tls/certificate.pem")
    private_key: Path = Path("/etc/zegel/tls/key.pem")
    self_signed: bool = False
    """Make a self-signed pair where none is: for a first look, not for the internet."""
    next_private_key: Path | None = None
    """A key for the next certificate; it stands in DNS before it is used (RFC 7671 §8.1)."""
    issuers: Names = ()
    """Domains of the authorities that CAA records let issue certificates (RFC 8659)."""


class Crypto(Section):
    """How mail is sealed (PRIVACY §1, §2)."""

    allow_classical: bool = False
    """Start without ML-KEM, sealing to X25519 alone; shown on the trust page."""
    epoch_seconds: int = Field(default=3_600, ge=0, le=3_600)
    """Life of a delivery's content key; 0 makes one for each message."""
    epoch_messages: int = Field(default=1_000, ge=1, le=1_000)


class Dns(Section):
    """Whom to ask for names; DANE needs a resolver on this machine that checks DNSSEC."""

    nameservers: Nameservers = ()
    """Addresses, port 53 unless given; none means those of /etc/resolv.conf."""
    validating: bool = True
    """False where the resolver on loopback does not check DNSSEC; others are never believed."""


class Queue(Section):
    """How long and how often mail to other servers is tried (RFC 5321 §4.5.4.1)."""

    first_retry_seconds: int = Field(default=300, ge=1, le=3_600)
    """Each wait is about twice the one before it, up to the longest."""
    longest_retry_seconds: int = Field(default=10_800, ge=60, le=86_400)
    expire_seconds: int = Field(default=432_000, ge=60, le=432_000)  # PRIVACY §7: 5 days
    warn_seconds: int = Field(default=14_400, ge=0, le=432_000)
    """When senders are told of a delay; 0: never."""
    per_destination: int = Field(default=20, ge=1, le=1_000)
    """Recipients of one domain that are being served at once, by all processes together."""
    hold_seconds: int = Field(default=604_800, ge=0, le=2_592_000)
    """The longest a sender may have mail held back (RFC 4865); 0: not offered."""


class Sieve(Section):
    """What filters of our people may take and do (RFC 5228 §10)."""

    scripts: int = Field(default=16, ge=1, le=100)
    """Scripts an account may keep."""
    script_octets: Octets = Field(default=64 * KIB, ge=4 * KIB, le=MIB)
    scripts_octets: Octets = Field(default=256 * KIB, ge=4 * KIB, le=16 * MIB)
    """All scripts of an account together."""
    redirects: int = Field(default=4, ge=1, le=20)
    """Of one message (RFC 5228 §4.2)."""
    vacation_seconds: int = Field(default=86_400, ge=60, le=2_592_000)
    """The same sender gets no second answer sooner, whatever a script says (RFC 6131 §2)."""


class External(Section):
    """Servers that accounts fetch mail from."""

    private_servers: bool = False
    """Also those in private networks and on this machine, on any port, and there without TLS."""
    per_account: int = Field(default=5, ge=0, le=100)
    shortest_interval_seconds: int = Field(default=300, ge=10, le=86_400)
    at_once: int = Field(default=4, ge=1, le=64)
    """Fetched from by one process at the same time."""


class Log(Section):
    """What the log says; never who wrote what to whom (PRIVACY §18)."""

    level: Literal["debug", "info", "warning", "error"] = "info"


class Settings(Section):
    """The whole configuration; `load` makes it."""

    hostname: str = Field(default_factory=socket.getfqdn, min_length=1, max_length=255)
    data_dir: Path = Path("/var/lib/zegel")
    workers: int = Field(default=1, ge=1, le=64)
    """Processes that serve side by side; above 1 the mail is in PostgreSQL (ADR 10)."""
    listeners: Listeners = Listeners()
    database: Database = Database()
    keystore: Keystore = Keystore()
    keys: Keys = Keys()
    audit: Audit = Audit()
    organisation: Organisation = Organisation()
    retention: Retention = Retention()
    alerts: Alerts = Alerts()
    consent: Consent = Consent()
    backup: Backup = Backup()
    tls: Certificate = Certificate()
    limits: Limits = Limits()
    crypto: Crypto = Crypto()
    dns: Dns = Dns()
    queue: Queue = Queue()
    relay: Relay = Relay()
    sieve: Sieve = Sieve()
    scanners: Scanners = Scanners()
    spam: Spam = Spam()
    processors: Processors = ()
    """Who else learns something of our mail; nobody who is not named here does."""
    external: External = External()
    web: Web = Web()
    api: Api = Api()
    reading: Reading = Reading()
    log: Log = Log()

    @cached_property
    def database_url(self) -> str:
        """The main database's URL, written out with its password.

        Raises:
            Misconfigured: the password's file cannot be read.
        """
        url = self.database.url or f"sqlite:///{self.data_dir / 'zegel.sqlite3'}"
        return with_password("database.password_file", url, self.database.password_file)

    @cached_property
    def keystore_url(self) -> str:
        """The keystore's URL, written out with its password.

        Raises:
            Misconfigured: the password's file cannot be read.
        """
        return with_password(
            "keystore.password_file", self.keystore.url, self.keystore.password_file
        )

    @property
    def blob_dir(self) -> Path:
        """Where large sealed bodies lie."""
        return self.data_dir / "blobs"

    @property
    def export_dir(self) -> Path:
        """Where exports that people asked for lie, sealed, until they fetched them."""
        return self.data_dir / "exports"

    @property
    def relays(self) -> bool:
        """Whether mail to other servers is taken and sent."""
        if isinstance(self.relay.enabled, bool):
            return self.relay.enabled
        doors = self.listeners
        places = (door.address for door in (doors.mx, doors.submission, doors.submissions))
        return any(place is not None and not place.is_loopback for place in places)

    @property
    def webmail_url(self) -> str:
        """Where people find the webmail, without a `/` at its end, as links name it."""
        if self.web.public_url:
            return self.web.public_url
        port = self.listeners.https.known_port
        tail = "" if port in (0, HTTPS_PORT) else f":{port}"
        return f"https://{self.hostname}{tail}"

    def checked(self) -> Self:
        """Return itself when the parts agree with each other.

        Raises:
            Misconfigured: they do not; the sentence says which and why.
        """
        _check_listeners(self)
        _check_urls(self)
        _check_separation(self)
        _check_processors(self)
        return self


def load(
    path: Path | None = None,
    environ: Mapping[str, str] | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Settings:
    """Read the settings: defaults, then the file, then the environment, then `overrides`.

    Args:
        path: the TOML file; else $ZEGEL_CONFIG, else /etc/zegel/zegel.toml where that exists.
        environ: the environment, else the process's own.
        overrides: dotted keys to values, from the command line.

    Raises:
        Misconfigured: one sentence that names the key, where it was set, and what to write.
    """
    environ = os.environ if environ is None else environ
    if path is None and environ.get(CONFIG_VARIABLE):
        path = Path(environ[CONFIG_VARIABLE])
    if path is None and CONFIG_FILE.is_file():
        path = CONFIG_FILE
    table = read_toml(path) if path is not None else {}
    values, origins = gather(Settings, table, path, environ, overrides or {})
    _anchor_paths(values, origins, path)
    return validated(Settings, values, origins).checked()


_PATHS = (
    "data_dir",
    "database.password_file",
    "keystore.password_file",
    "keys.master_file",
    "keys.audit_file",
    "audit.copy_to",
    "backup.public_key_file",
    "tls.certificate",
    "tls.private_key",
    "tls.next_private_key",
    "relay.credentials_file",
    "relay.ca_file",
    "scanners.rspamd_password_file",
)
_URLS = ("database.url", "keystore.url")


def _anchor_paths(values: dict[str, Any], origins: dict[str, Origin], file: Path | None) -> None:
    """Make paths absolute: those of the file count from its directory, others from here."""
    for key in _PATHS + _URLS:
        given = values.get(key)
        if not isinstance(given, str | Path):
            continue
        from_file = file is not None and origins[key].from_file
        base = file.resolve().parent if from_file and file is not None else Path.cwd()
        if key in _PATHS:
            values[key] = base / Path(given).expanduser()
        elif isinstance(given, str) and (relative := sqlite_path(given)) is not None:
            values[key] = f"sqlite:///{base / relative}"


def _check_listeners(settings: Settings) -> None:
    for name, listener in settings.listeners.named().items():
        if listener.address is None:
            continue
        if name in (*WEB, "metrics") and listener.tls is Tls.STARTTLS:
            raise Misconfigured(f'listeners.{name}: a web listener\'s tls is "implicit" or "none"')
        # What the http listener says anybody may read: challenges, and where https is.
        clear = listener.tls is Tls.NONE and name != "http"
        if clear and not listener.address.is_loopback:
            raise Misconfigured(
                f'listeners.{name}: tls = "none" is allowed on loopback addresses only,'
                f" not on {listener.address}"
            )
        if name == "lmtp" and not listener.address.is_loopback:
            raise Misconfigured(
                f"listeners.lmtp: it takes mail without asking who sends, so its address must be"
                f" on loopback, not {listener.address}"
            )
        if settings.log.level == "debug" and not listener.address.is_loopback:
            raise Misconfigured(
                f'log.level: "debug" is for a server on loopback, and listeners.{name} is not'
            )


def _check_urls(settings: Settings) -> None:
    urls = {"database.url": settings.database_url, "keystore.url": settings.keystore_url}
    for key, url in urls.items():
        if not url.startswith(("sqlite:///", "postgresql://")):
            raise Misconfigured(f"{key}: it must begin with sqlite:/// or postgresql://")
    if settings.workers > 1 and sqlite_path(settings.database_url) is not None:
        raise Misconfigured(
            "workers: several processes need PostgreSQL as database.url, for SQLite has one writer"
        )


def _check_processors(settings: Settings) -> None:
    host = unnamed(settings.scanners, settings.processors)
    if host is not None:
        raise Misconfigured(
            f"scanners: mail would be read by {host}, which is not this machine; it needs an entry"
            ' in [[processors]] with role = "scanner" and that host'
        )
    smart_host = settings.relay.smart_host
    if smart_host is not None and not is_named(smart_host.host, "relay", settings.processors):
        raise Misconfigured(
            f"relay.smart_host: {smart_host.host} would carry all mail that leaves; it needs an"
            ' entry in [[processors]] with role = "relay" and that host'
        )
    if settings.spam.doubtful_points > settings.spam.junk_points:
        raise Misconfigured("spam.doubtful_points: it must not be above spam.junk_points")
    if settings.spam.junk_points > settings.spam.reject_points:
        raise Misconfigured("spam.junk_points: it must not be above spam.reject_points")


def _check_separation(settings: Settings) -> None:
    """Keep what opens mail apart from mail. Source: PRIVACY §1, the table's last column."""
    data = settings.data_dir.resolve()
    for key, path in (
        ("keys.master_file", settings.keys.master_file),
        ("keys.audit_file", settings.keys.audit_file),
    ):
        if path.resolve().is_relative_to(data):
            raise Misconfigured(
                f"{key}: it must lie outside of the data directory, or a copy of the data"
                " would hold its own key"
            )
    copies = settings.audit.copy_to
    if copies is not None and copies.resolve().is_relative_to(data):
        raise Misconfigured(
            "audit.copy_to: it must lie outside of the data directory, best on another machine, for"
            " a copy beside the log proves nothing"
        )
    database, keystore = settings.database_url, settings.keystore_url
    store_file, keystore_file = sqlite_path(database), sqlite_path(keystore)
    if keystore_file is not None:
        homes = {data} if store_file is None else {data, store_file.resolve().parent}
        if any(keystore_file.resolve().is_relative_to(home) for home in homes):
            raise Misconfigured(
                "keystore.url: the keystore's file must lie outside of the data directory, or a"
                " backup of the mail would keep the keys of erased accounts"
            )
    elif store_file is None and server_of(database) == server_of(keystore):
        raise Misconfigured(
            "keystore.url: it names the PostgreSQL server of database.url; the keystore needs an"
            " instance of its own, for a cluster's write-ahead log and base backups are shared"
        )
