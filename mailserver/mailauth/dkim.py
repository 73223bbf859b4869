"""DKIM: which domains answer for a message, and our own signatures.

`verify` looks at each signature by itself and says of each what became of it. A signature that
holds is `pass` only where it is also worth believing: a part of the body that anybody could have
added, or a second From field make it `policy`, the word of RFC 8601 for "it holds, and we do not
take it".

Source: RFC 6376, RFC 8301, RFC 8463.
"""

import asyncio
import base64
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum

from mailserver.crypto.dkim import KeyType, PrivateKey
from mailserver.mailauth.dkim_canon import BodyHash, Canon, HeaderField, Letter, header_digest
from mailserver.mailauth.dkim_fields import (
    KeyRecord,
    Signature,
    folded,
    parse_dkim_signature,
)
from mailserver.mailauth.dkim_key import look_up
from mailserver.model.errors import Corrupt, PeerFault
from mailserver.runtime.offload import Offload
from mailserver.runtime.resolver import DnsTransient, Resolver

FIELD = b"dkim-signature"
MOST_SIGNATURES = 8  # verified of one message; each costs a DNS question and a stranger's key
LEAST_BITS = 1024  # RFC 8301 §3.2: shorter keys must not be believed
GOOD_BITS = 2048
CLOCK_SKEW = timedelta(minutes=15)  # between a signer's clock and ours
OFF_THE_LOOP = 256 * 1024  # octets of a body; hashing more would hold up everybody else

OVERSIGNED = (
    b"from",
    b"to",
    b"cc",
    b"subject",
    b"date",
    b"message-id",
    b"reply-to",
    b"mime-version",
    b"content-type",
    b"list-unsubscribe",
    b"list-unsubscribe-post",
)
"""Signed once more than they stand there, so that nobody adds another (PRIVACY §8)."""
SIGNED = (b"in-reply-to", b"references", b"content-transfer-encoding", b"list-id")
"""Signed where they are."""


class DkimResult(Enum):
    """What became of a signature. Source: RFC 8601 §2.7.1."""

    PASS = "pass"  # noqa: S105 (the word of the standard)
    FAIL = "fail"
    POLICY = "policy"
    NEUTRAL = "neutral"
    TEMPERROR = "temperror"
    PERMERROR = "permerror"


@dataclass(frozen=True, slots=True)
class DkimSignature:
    """One signature and what became of it."""

    result: DkimResult
    reason: str = ""
    """Why, in a few English words of our own; empty for a plain pass."""
    domain: str = ""
    """`d=`, canonical; empty where the field could not be read."""
    selector: str = ""
    identity: str = ""
    algorithm: str = ""
    """As in `a=`: rsa-sha256, ed25519-sha256."""
    key_bits: int = 0
    """0 where no key was found."""
    covers: frozenset[str] = frozenset()
    """Names in lower case of fields of which every one in the message is signed; meaningful of a
    pass only."""
    uncovered_octets: int = 0
    """How much of the canonical body lies beyond `l=`: anybody may have written that."""
    testing: bool = False
    """The domain says that it only tries DKIM."""
    signature: str = ""
    """`b=`, by which a report tells this signature from others (RFC 6008)."""

    @property
    def weak(self) -> bool:
        """Whether the key is shorter than keys should be (RFC 8301 §3.2)."""
        return self.algorithm.startswith("rsa") and 0 < self.key_bits < GOOD_BITS


@dataclass(frozen=True, slots=True)
class SigningKey:
    """What a domain signs with, and the selector under which its public half is found."""

    domain: str
    selector: str
    private: PrivateKey

    @property
    def algorithm(self) -> str:
        """What it writes as `a=`."""
        return f"{self.private.kind.value}-sha256"


async def verify(
    resolver: Resolver, message: bytes, *, now: datetime, offload: Offload | None = None
) -> list[DkimSignature]:
    """Verify the first `MOST_SIGNATURES` signatures of `message`, in order from the top.

    Args:
        resolver: asked for keys, all at once.
        message: with CRLF line ends.
        now: decides whether a signature has expired, or comes from the future.
        offload: where large bodies are hashed; without it they are on the loop.
    """
    letter = Letter(message)
    fields = letter.named(FIELD)[:MOST_SIGNATURES]
    async with asyncio.TaskGroup() as tasks:
        judged = [
            tasks.create_task(_judged(resolver, letter, field, now, offload)) for field in fields
        ]
    return [task.result() for task in judged]


async def _judged(
    resolver: Resolver,
    letter: Letter,
    field: HeaderField,
    now: datetime,
    offload: Offload | None,
) -> DkimSignature:
    try:
        signature = parse_dkim_signature(field.value)
    except PeerFault as wrong:
        return DkimSignature(DkimResult.NEUTRAL, wrong.text)
    about = DkimSignature(
        DkimResult.PASS,
        domain=signature.domain,
        selector=signature.selector,
        identity=signature.identity,
        algorithm=signature.algorithm,
        covers=letter.covered(signature.names),
        signature=signature.text,
    )
    untimely = out_of_time(signature, now)
    if untimely:
        return replace(about, result=DkimResult.PERMERROR, reason=untimely)
    if signature.hash_name != "sha256":
        return replace(about, result=DkimResult.PERMERROR, reason="SHA-1 proves nothing")
    try:
        record = await look_up(resolver, signature.domain, signature.selector)
    except DnsTransient as failure:
        return replace(about, result=DkimResult.TEMPERROR, reason=failure.text)
    except PeerFault as wrong:
        return replace(about, result=DkimResult.PERMERROR, reason=wrong.text)
    about = replace(about, key_bits=record.key.bits, testing=record.testing)
    unfit = unfit_key(signature, record)
    if unfit:
        return replace(about, result=DkimResult.PERMERROR, reason=unfit)
    hashed = await body_hash(letter, signature, offload)
    broken = broken_by(letter, field, signature, record, hashed)
    if broken:
        # A domain that only tries is to be treated as if it had not signed (RFC 6376 §3.6.1).
        # Deviates: its passes count, for many a domain that signs well never took the flag away.
        result = DkimResult.NEUTRAL if record.testing else DkimResult.FAIL
        return replace(about, result=result, reason=broken)
    about = replace(about, uncovered_octets=hashed.beyond_octets)
    unwanted = _not_believed(letter, about)
    return replace(about, result=DkimResult.POLICY, reason=unwanted) if unwanted else about


def out_of_time(signature: Signature, now: datetime) -> str:
    """Say what is wrong with the times of a signature; empty for nothing. RFC 6376 §3.5."""
    seconds, skew = now.timestamp(), CLOCK_SKEW.total_seconds()
    if signature.expires_at is not None and signature.expires_at + skew < seconds:
        return "it has expired"
    if signature.signed_at is not None and signature.signed_at - skew > seconds:
        return "it was made in the future"
    return ""


def unfit_key(signature: Signature, record: KeyRecord) -> str:
    """Say why the key cannot be that of the signature; empty where it can."""
    if record.key.kind is not signature.kind:
        return "the key is of another kind than the signature"
    if record.key.kind is KeyType.RSA and record.key.bits < LEAST_BITS:
        return f"a key of {record.key.bits} bits is too short"
    if record.exact and signature.within != signature.domain:
        return "the key is not for subdomains"
    return ""


async def body_hash(letter: Letter, signature: Signature, offload: Offload | None) -> BodyHash:
    """Hash the body as `signature` wants it."""
    if offload is None or len(letter.body) < OFF_THE_LOOP:
        return letter.body_hash(signature.body_canon, signature.length)
    return await offload(letter.body_hash, signature.body_canon, signature.length)


def broken_by(
    letter: Letter,
    field: HeaderField,
    signature: Signature,
    record: KeyRecord,
    hashed: BodyHash,
) -> str:
    """Say what of the message is not as it was signed; empty where all is. RFC 6376 §6.1.3."""
    if hashed.beyond_octets < 0:
        return "the body is shorter than was signed"
    if hashed.digest != signature.body_hash:
        return "the body was changed"
    fields = letter.selected(signature.names)
    try:
        record.key.verify(signature.value, header_digest(fields, field, signature.header_canon))
    except Corrupt:
        return "the signature does not hold"
    return ""


def _not_believed(letter: Letter, about: DkimSignature) -> str:
    """Say why a signature that holds is not taken; empty where it is."""
    if about.uncovered_octets:
        return f"{about.uncovered_octets} octets of the body are not signed"
    if letter.count(b"from") != 1:
        return f"there are {letter.count(b'from')} From fields"
    if not letter.sound:
        return "a line of the header has no proper end"
    return ""


def sign(message: bytes, keys: Sequence[SigningKey], *, now: datetime) -> bytes:
    """Sign `message`, as it will be sent, with each of `keys`.

    Relaxed in header and body, the whole body, each of `OVERSIGNED` once more than it is there.

    Returns:
        The finished DKIM-Signature fields with their CRLF, to be put on top; empty without keys.
    """
    letter = Letter(message)
    return b"".join(sign_letter(letter, key, now=now) for key in keys)


def sign_letter(letter: Letter, key: SigningKey, *, now: datetime) -> bytes:
    """Do as `sign` with one key; the letter keeps what several signatures share."""
    leading = (("v", "1"), ("a", key.algorithm))
    return signed_field("DKIM-Signature", leading, letter, names_to_sign(letter), key, now=now)


def names_to_sign(letter: Letter) -> list[bytes]:
    """Return the `h=` of a signature of ours."""
    names: list[bytes] = []
    for name in OVERSIGNED:
        names += [name] * (letter.count(name) + 1)
    for name in SIGNED:
        names += [name] * letter.count(name)
    return names


def signed_field(
    name: str,
    leading: Sequence[tuple[str, str]],
    letter: Letter,
    names: Sequence[bytes],
    key: SigningKey,
    *,
    now: datetime,
) -> bytes:
    """Write a signature of `names` and the body, with its CRLF; the tags `leading` come first."""
    hashed = letter.body_hash(Canon.RELAXED)
    tags = [
        *leading,
        ("c", "relaxed/relaxed"),
        ("d", key.domain),
        ("s", key.selector),
        ("t", str(int(now.timestamp()))),
        ("h", ":".join(one.decode() for one in names)),
        ("bh", base64.b64encode(hashed.digest).decode()),
    ]
    return with_signature(name, tags, letter.selected(names), key)


def with_signature(
    name: str,
    tags: Sequence[tuple[str, str]],
    fields: Sequence[HeaderField],
    key: SigningKey,
) -> bytes:
    """Write the field of `tags` with its signature over `fields` and itself, with its CRLF."""
    unsigned = folded(name, [*tags, ("b", "")]).removesuffix(b"\r\n")
    itself = HeaderField(name.lower().encode(), unsigned)
    value = key.private.sign(header_digest(fields, itself, Canon.RELAXED))
    return folded(name, [*tags, ("b", base64.b64encode(value).decode())])
