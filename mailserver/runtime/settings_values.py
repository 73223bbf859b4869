"""The kinds of value that settings have: sizes with a unit, listening addresses, database URLs."""

from enum import Enum
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated
from urllib.parse import parse_qsl, quote, urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

from mailserver.model.errors import Misconfigured

KIB, MIB, GIB, TIB = 1 << 10, 1 << 20, 1 << 30, 1 << 40
DNS_PORT = 53
_UNITS = {"octets": 1, "KiB": KIB, "MiB": MIB, "GiB": GIB, "TiB": TIB}


def _octets(value: object) -> object:
    """Read `50 MiB` as octets; a bare number is octets already."""
    if isinstance(value, str):
        number, _, unit = value.strip().partition(" ")
        if unit.strip() in _UNITS and number.isdigit():
            return int(number) * _UNITS[unit.strip()]
    return value


Octets = Annotated[int, BeforeValidator(_octets)]


class Section(BaseModel):
    """A table of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


class Tls(Enum):
    """How a listener comes to TLS."""

    IMPLICIT = "implicit"
    STARTTLS = "starttls"
    NONE = "none"


class Endpoint(BaseModel):
    """A host and a port to listen on; no host means every interface, port 0 any free port."""

    model_config = ConfigDict(frozen=True)

    host: str
    port: int = Field(ge=0, le=65_535)

    @property
    def is_loopback(self) -> bool:
        """Whether nobody but this machine can reach it."""
        if self.host == "localhost":
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False

    def __str__(self) -> str:
        """Write it as it stands in the settings."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def _endpoint(value: object) -> object:
    if not isinstance(value, str):
        return value
    if value.strip().lower() == "off":
        return None
    host, colon, port = value.strip().rpartition(":")
    host = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if not colon or not port.isdigit() or int(port) > 65_535:
        raise ValueError('write it as "host:port", or "off"')
    return Endpoint(host=host, port=int(port))


Address = Annotated[
    Endpoint | None,
    BeforeValidator(_endpoint),
    PlainSerializer(lambda endpoint: "off" if endpoint is None else str(endpoint)),
]


def _nameservers(value: object) -> object:
    """Read a list of addresses, or one text with commas, as environment variables have it."""
    listed = value.split(",") if isinstance(value, str) else value
    if not isinstance(listed, list | tuple):
        return value
    return tuple(map(_nameserver, listed))


def _nameserver(value: object) -> Endpoint:
    if isinstance(value, Endpoint):
        return value
    text = str(value).strip()
    try:
        return Endpoint(host=str(ip_address(text)), port=DNS_PORT)
    except ValueError:
        endpoint = _endpoint(text)
    if not isinstance(endpoint, Endpoint):
        raise ValueError('write each as "address:port"')
    try:
        ip_address(endpoint.host)
    except ValueError:
        raise ValueError("a name server is named by its IP address") from None
    return endpoint


Nameservers = Annotated[
    tuple[Endpoint, ...],
    BeforeValidator(_nameservers),
    PlainSerializer(lambda servers: [str(server) for server in servers]),
]


def _names(value: object) -> object:
    """Read a list, or one text with commas, as environment variables have it."""
    listed = value.split(",") if isinstance(value, str) else value
    if not isinstance(listed, list | tuple):
        return value
    return tuple(name for one in listed if (name := str(one).strip().lower()))


Names = Annotated[tuple[str, ...], BeforeValidator(_names)]


def _paths(value: object) -> object:
    """Read a list, or one text with colons between, as environment variables have it."""
    listed = value.split(":") if isinstance(value, str) else value
    if not isinstance(listed, list | tuple):
        return value
    paths = tuple(Path(one).expanduser() for one in listed if one)
    if not all(path.is_absolute() for path in paths):
        raise ValueError("write each path in full, from the root")
    return paths


Paths = Annotated[tuple[Path, ...], BeforeValidator(_paths)]


def sqlite_path(url: str) -> Path | None:
    """Return the file of an SQLite URL, as written; None for any other URL."""
    return Path(url[len("sqlite:///") :]) if url.startswith("sqlite:///") else None


def with_password(key: str, url: str, file: Path | None) -> str:
    """Put the password in `file`, if any, into a PostgreSQL `url` that names a user.

    Raises:
        Misconfigured: the file cannot be read, or the URL has no user or a password already.
    """
    if file is None:
        return url
    scheme, _, rest = url.partition("://")
    user, at, host = rest.partition("@")
    if scheme != "postgresql" or not at or ":" in user:
        raise Misconfigured(f"{key}: it goes with a URL like postgresql://user@host/name")
    try:
        password = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(f"{key}: {file} cannot be read") from error
    return f"{scheme}://{user}:{quote(password, safe='')}@{host}"


def server_of(url: str) -> tuple[str, int]:
    """Say which host and port a PostgreSQL URL names; for `?host=` the directory of its socket."""
    parts = urlsplit(url)
    asked = dict(parse_qsl(parts.query))
    host = asked.get("host") or parts.hostname or "localhost"
    port = asked.get("port", "")
    return (host, int(port) if port.isdecimal() else parts.port or 5432)
