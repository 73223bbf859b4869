"""The grammar of signatures and key records: lists of `tag=value`, read and written. Pure.

Source: RFC 6376 §3.2, §3.5, §3.6.1; RFC 8301; RFC 8463; RFC 8616 for names that are not ASCII.
"""

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from mailserver.crypto.dkim import KeyType, PublicKey
from mailserver.mailauth.dkim_canon import Canon
from mailserver.model.address import canonical_domain
from mailserver.model.errors import Condition, PeerFault

MOST_NAMES = 1_000  # in an `h=`; ours have thirty
LINE_OCTETS = 76  # a folded line of a field that we write
_SHORT = 1024  # octets of a record; that of an RSA key of 4096 bits has 750
_DIGITS = 76  # RFC 6376 §3.5, of `l=`
_WHITE = " \t\r\n"
_TAG_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z")
_FIELD_NAME = re.compile(r"[!-9;-~]+\Z")

Tags = Mapping[str, str]


def parse_tags(value: bytes) -> dict[str, str]:
    """Read a tag list; white space around names and values goes, inside values it stays.

    Raises:
        PeerFault: BAD_SYNTAX, something in it is no tag, or a tag stands there twice.
    """
    try:
        items = value.decode().split(";")
    except UnicodeDecodeError:
        raise _wrong("the tag list is not UTF-8") from None
    if not items[-1].strip(_WHITE):
        items.pop()
    tags: dict[str, str] = {}
    for item in items:
        name, equals, text = item.partition("=")
        name = name.strip(_WHITE)
        if not equals or not _TAG_NAME.match(name):
            raise _wrong("the tag list has something that is no tag")
        if name in tags:
            raise _wrong(f"the tag {name[:8]}= stands twice")
        tags[name] = text.strip(_WHITE)
    return tags


@dataclass(frozen=True, slots=True)
class Signature:
    """A DKIM-Signature or ARC-Message-Signature field; an ARC-Seal leaves out what it has not."""

    kind: KeyType
    hash_name: str
    """sha256, or sha1, which nothing is verified with any more."""
    value: bytes
    """The signature itself."""
    domain: str
    selector: str
    tags: Tags
    header_canon: Canon = Canon.RELAXED
    body_canon: Canon = Canon.RELAXED
    body_hash: bytes = b""
    names: tuple[bytes, ...] = ()
    """The fields it covers, in order, in lower case."""
    identity: str = ""
    """The agent or user in whose name it is made, with an @; ARC has none."""
    within: str = ""
    """The identity's domain, or where there is none `domain`."""
    length: int | None = None
    """How many octets of the canonical body are hashed; None for all."""
    signed_at: int | None = None
    expires_at: int | None = None

    @property
    def algorithm(self) -> str:
        """What stood in `a=`, in lower case."""
        return f"{self.kind.value}-{self.hash_name}"

    @property
    def text(self) -> str:
        """What stood in `b=`, without white space."""
        return _packed(self.tags["b"])


def parse_dkim_signature(value: bytes) -> Signature:
    """Read the value of a DKIM-Signature field.

    Raises:
        PeerFault: BAD_SYNTAX, it is none that could be verified; the text says why.
    """
    tags = parse_tags(value)
    if _needed(tags, "v") != "1":
        raise _wrong("the version is not 1")
    seal = parse_seal(tags)
    methods = tags.get("q", "dns/txt").split(":")
    if "dns/txt" not in (method.strip(_WHITE).lower() for method in methods):
        raise _wrong("its key is not to be found in DNS")
    identity = _unquoted(tags.get("i", f"@{seal.domain}"))
    _, at, domain = identity.rpartition("@")
    within = _domain(domain) if at else ""
    if within != seal.domain and not within.endswith(f".{seal.domain}"):
        raise _wrong("the identity i= is not of the domain d=")
    return _of_message(seal, identity, within)


def parse_message_signature(tags: Tags) -> Signature:
    """Read an ARC-Message-Signature, whose `i=` and `v=` are not those of DKIM (RFC 8617 §4.1.2).

    Raises:
        PeerFault: BAD_SYNTAX, as above.
    """
    seal = parse_seal(tags)
    return _of_message(seal, "", seal.domain)


def _of_message(seal: Signature, identity: str, within: str) -> Signature:
    """Read what DKIM-Signature and ARC-Message-Signature have in common."""
    tags = seal.tags
    header, _, body = tags.get("c", "simple/simple").lower().partition("/")
    try:
        header_canon, body_canon = Canon(header), Canon(body or "simple")
    except ValueError:
        raise _wrong("the canonicalisation c= is unknown") from None
    names = tuple(name.strip(_WHITE).lower() for name in _needed(tags, "h").split(":"))
    if len(names) > MOST_NAMES or not all(map(_FIELD_NAME.match, names)):
        raise _wrong("the list h= is no list of field names")
    if "from" not in names:
        raise _wrong("the From field is not signed")
    signed_at, expires_at = seal.signed_at, _number(tags, "x")
    if signed_at is not None and expires_at is not None and expires_at < signed_at:
        raise _wrong("it expires before it was made")
    return Signature(  # `replace` takes four times as long
        kind=seal.kind,
        hash_name=seal.hash_name,
        value=seal.value,
        domain=seal.domain,
        selector=seal.selector,
        tags=tags,
        header_canon=header_canon,
        body_canon=body_canon,
        body_hash=_base64(tags, "bh"),
        names=tuple(name.encode() for name in names),
        identity=identity,
        within=within,
        length=_number(tags, "l"),
        signed_at=signed_at,
        expires_at=expires_at,
    )


def parse_seal(tags: Tags) -> Signature:
    """Read what every signature has: algorithm, domain, selector, signature, time.

    Raises:
        PeerFault: BAD_SYNTAX, as above.
    """
    kind, _, hash_name = _needed(tags, "a").lower().partition("-")
    if (kind, hash_name) not in (("rsa", "sha256"), ("ed25519", "sha256"), ("rsa", "sha1")):
        raise _wrong("the algorithm a= is unknown")
    domain = _domain(_needed(tags, "d"))
    return Signature(
        kind=KeyType(kind),
        hash_name=hash_name,
        value=_base64(tags, "b"),
        domain=domain,
        within=domain,
        selector=_domain(_needed(tags, "s")),
        tags=tags,
        signed_at=_number(tags, "t"),
    )


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """A public key as its owner publishes it."""

    key: PublicKey
    testing: bool = False
    """`t=y`: the domain only tries DKIM."""
    exact: bool = False
    """`t=s`: `i=` may not name a subdomain."""


def parse_key_record(text: bytes) -> KeyRecord:
    """Read a key record for signatures of mail with SHA-256.

    Raises:
        PeerFault: BAD_SYNTAX, it is none, is not for that, or was revoked; the text says why.
    """
    return _read_short(text) if len(text) <= _SHORT else _read_record(text)


def _read_record(text: bytes) -> KeyRecord:
    tags = parse_tags(text)
    if "v" in tags and (next(iter(tags)) != "v" or tags["v"] != "DKIM1"):
        raise _wrong("the key record is of another version")
    try:
        kind = KeyType(tags.get("k", "rsa").lower())
    except ValueError:
        raise _wrong("the key is of an unknown kind") from None
    if "sha256" not in _words(tags, "h", "sha256"):
        raise _wrong("the key is not for SHA-256")
    if not {"*", "email"} & _words(tags, "s", "*"):
        raise _wrong("the key is not for mail")
    if not tags.get("p", "-"):
        raise _wrong("the key was revoked")
    flags = _words(tags, "t", "")
    key = PublicKey.parse(kind, _base64(tags, "p"))
    return KeyRecord(key, testing="y" in flags, exact="s" in flags)


_read_short = lru_cache(maxsize=1024)(_read_record)  # loading a key costs what verifying does


def key_record(key: PublicKey) -> str:
    """Write the key record to publish for `key`. Source: RFC 6376 §3.6.1, RFC 8463 §4.2."""
    return f"v=DKIM1; k={key.kind.value}; p={base64.b64encode(key.encode()).decode()}"


def folded(name: str, tags: Iterable[tuple[str, str]]) -> bytes:
    """Write a field of tags, folded, with its last CRLF; `b=` should be the last of them.

    A value is broken behind a colon or, where it has none, anywhere: base64 may be. One that has to
    stay whole, and every short one, fits a line.
    """
    lines, line = [], f"{name}:"
    for tag, value in tags:
        item = f"{tag}={value};" if tag != "b" else f"{tag}={value}"
        if len(line) + 1 + len(item) <= LINE_OCTETS:
            line += f" {item}"
            continue
        lines.append(line)
        line = ""
        for piece in _pieces(item):
            if line and len(line) + len(piece) > LINE_OCTETS:
                lines.append(line)
                line = ""
            line += piece
    return "\r\n\t".join([*lines, line]).encode() + b"\r\n"


def _pieces(item: str) -> list[str]:
    """Cut a tag where it may be folded."""
    if ":" in item:
        return re.findall(r"[^:]+:?", item)
    return [item[at : at + LINE_OCTETS] for at in range(0, len(item), LINE_OCTETS)]


def _needed(tags: Tags, name: str) -> str:
    value = tags.get(name)
    if not value:
        raise _wrong(f"the tag {name}= is missing")
    return value


def _number(tags: Tags, name: str) -> int | None:
    text = tags.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS):
        raise _wrong(f"the tag {name}= is no number")
    return int(text)


def _base64(tags: Tags, name: str) -> bytes:
    try:
        return binascii.a2b_base64(_packed(_needed(tags, name)), strict_mode=True)
    except ValueError:
        raise _wrong(f"the tag {name}= is no base64") from None


def _packed(text: str) -> str:
    return "".join(text.split())


def _domain(text: str) -> str:
    try:
        return canonical_domain(text)
    except PeerFault:
        raise _wrong("it names no domain or selector") from None


def _words(tags: Tags, name: str, default: str) -> set[str]:
    return {word.strip(_WHITE).lower() for word in tags.get(name, default).split(":")}


def _unquoted(text: str) -> str:
    """Undo DKIM's quoted-printable. Source: RFC 6376 §2.11."""
    octets = _packed(text).encode()
    if b"=" not in octets:
        return octets.decode()
    return binascii.a2b_qp(octets).decode("utf-8", "replace")


def _wrong(text: str) -> PeerFault:
    return PeerFault(Condition.BAD_SYNTAX, text)
