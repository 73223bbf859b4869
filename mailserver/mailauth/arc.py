"""ARC: what the hosts that passed a message on say they found, each sealing what came before.

A host that forwards adds a set of three fields with the next instance number: its verdict
(ARC-Authentication-Results), a signature of the message as it leaves (ARC-Message-Signature) and a
seal of all the sets there are (ARC-Seal). A chain passes where the sets are whole and in order, the
latest signature holds and every seal does. It then says truly who wrote each verdict; whether to
believe them is another matter, decided elsewhere by name.

Source: RFC 8617.
"""

import asyncio
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from mailserver.mailauth.dkim import (
    SigningKey,
    body_hash,
    broken_by,
    names_to_sign,
    out_of_time,
    signed_field,
    unfit_key,
    with_signature,
)
from mailserver.mailauth.dkim_canon import (
    Canon,
    HeaderField,
    Letter,
    canonical_field,
    without_signature,
)
from mailserver.mailauth.dkim_fields import (
    KeyRecord,
    Signature,
    parse_message_signature,
    parse_seal,
    parse_tags,
)
from mailserver.mailauth.dkim_key import look_up
from mailserver.model.errors import Condition, Corrupt, PeerFault
from mailserver.runtime.offload import Offload
from mailserver.runtime.resolver import DnsTransient, Resolver

RESULTS = b"arc-authentication-results"
MESSAGE = b"arc-message-signature"
SEAL = b"arc-seal"
MOST_INSTANCES = 50  # RFC 8617 §4.2.1
ALGORITHM = "rsa-sha256"
"""What we seal with: not every verifier of ARC knows Ed25519, and a set has room for one."""

_INSTANCE = re.compile(rb"[ \t\r\n]*+i[ \t\r\n]*+=[ \t\r\n]*+([0-9]{1,2})[ \t\r\n]*+;")
_NUMBER = re.compile(r"[1-9][0-9]?\Z")


class ArcResult(Enum):
    """What became of a chain. Source: RFC 8617 §4.4."""

    NONE = "none"
    PASS = "pass"  # noqa: S105 (the word of the standard)
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Arc:
    """A message's chain and what became of it."""

    result: ArcResult
    reason: str = ""
    """Why it fails, in a few English words of our own."""
    instances: int = 0
    """The highest instance number."""
    sealers: tuple[str, ...] = ()
    """The domains that sealed, the first to pass the message on first; empty unless it passes."""
    results: tuple[bytes, ...] = ()
    """What each of them found: an Authentication-Results value; empty unless it passes."""
    ended: bool = False
    """Nobody adds to it: its latest seal says that it had failed before, or it has no order."""

    @property
    def domain(self) -> str:
        """Who sealed last; empty unless the chain passes."""
        return self.sealers[-1] if self.sealers else ""


@dataclass(frozen=True, slots=True)
class _Set:
    """The three fields of one instance."""

    results: HeaderField
    message: HeaderField
    seal: HeaderField
    sealed: Signature

    @property
    def fields(self) -> list[HeaderField]:
        """Return them in the order in which they are sealed."""
        return [self.results, self.message, self.seal]


async def verify(
    resolver: Resolver, message: bytes, *, now: datetime, offload: Offload | None = None
) -> Arc:
    """Verify the chain of `message`, whose lines end with CRLF.

    A key that DNS does not give now fails the chain, and the reason says so.

    Source: RFC 8617 §5.2.
    """
    letter = Letter(message)
    try:
        numbered = _numbered(letter)
    except PeerFault as wrong:
        return Arc(ArcResult.FAIL, wrong.text, ended=True)  # where would another set belong?
    instances = max(map(max, filter(None, numbered.values())), default=0)
    if not instances:
        return Arc(ArcResult.NONE)
    try:
        sets = _sets(numbered, instances)
        ended = sets[-1].sealed.tags.get("cv", "").lower() == "fail"
        if ended:
            return Arc(ArcResult.FAIL, "it had failed before", instances, ended=True)
        await _check_message(resolver, letter, sets[-1], now, offload)
        await _check_seals(resolver, sets)
    except PeerFault as wrong:
        return Arc(ArcResult.FAIL, wrong.text, instances)
    except DnsTransient as failure:
        return Arc(ArcResult.FAIL, failure.text, instances)
    return Arc(
        ArcResult.PASS,
        "",
        instances,
        tuple(one.sealed.domain for one in sets),
        tuple(one.results.value.partition(b";")[2].strip() for one in sets),
    )


def seal(message: bytes, key: SigningKey, *, results: bytes, chain: Arc, now: datetime) -> bytes:
    """Add a set to the chain of `message`.

    Args:
        message: as it will be sent; nothing that is signed may change afterwards.
        key: who seals.
        results: our Authentication-Results field, as it was written for this message.
        chain: what `verify` said when the message came.
        now: the time that is written.

    Returns:
        The three fields with their CRLF, to be put on top; empty where nothing may be added.

    Source: RFC 8617 §5.1.
    """
    instance = chain.instances + 1
    if chain.ended or instance > MOST_INSTANCES:
        return b""
    letter = Letter(message)
    number = str(instance)
    found = b"ARC-Authentication-Results: i=%d; %s" % (
        instance,
        results.partition(b":")[2].strip(),
    )
    names = [*names_to_sign(letter), *[b"dkim-signature"] * letter.count(b"dkim-signature")]
    leading = (("i", number), ("a", key.algorithm))
    signed = signed_field("ARC-Message-Signature", leading, letter, names, key, now=now)
    before = [] if chain.result is ArcResult.FAIL else _in_order(letter)
    tags = [
        *leading,
        ("t", str(int(now.timestamp()))),
        ("cv", chain.result.value),
        ("d", key.domain),
        ("s", key.selector),
    ]
    fields = [
        *before,
        HeaderField(RESULTS, found),
        HeaderField(MESSAGE, signed.removesuffix(b"\r\n")),
    ]
    return with_signature("ARC-Seal", tags, fields, key) + signed + found + b"\r\n"


def _in_order(letter: Letter) -> list[HeaderField]:
    """Return the fields of a chain that passes, as they are sealed."""
    numbered = _numbered(letter)
    return [
        numbered[name][instance][0]
        for instance in sorted(numbered[SEAL])
        for name in (RESULTS, MESSAGE, SEAL)
    ]


def _numbered(letter: Letter) -> dict[bytes, dict[int, list[HeaderField]]]:
    """Sort the fields of a chain by name and instance.

    Raises:
        PeerFault: one names no instance.
    """
    numbered: dict[bytes, dict[int, list[HeaderField]]] = {RESULTS: {}, MESSAGE: {}, SEAL: {}}
    for field in letter.fields:
        if field.name in numbered:
            numbered[field.name].setdefault(_instance(field), []).append(field)
    return numbered


def _instance(field: HeaderField) -> int:
    if field.name == RESULTS:
        found = _INSTANCE.match(field.value)
        text = found[1].decode() if found else ""
    else:
        text = parse_tags(field.value).get("i", "")
    if not _NUMBER.match(text):
        raise _wrong("a field of the chain has no number")
    return int(text)


def _sets(
    numbered: Mapping[bytes, Mapping[int, Sequence[HeaderField]]], instances: int
) -> list[_Set]:
    """Put the sets together.

    Raises:
        PeerFault: one is not whole, stands there twice, or says what it may not.
    """
    if instances > MOST_INSTANCES:
        raise _wrong("the chain is too long")
    sets = []
    for instance in range(1, instances + 1):
        fields = [numbered[name].get(instance, ()) for name in (RESULTS, MESSAGE, SEAL)]
        if any(len(found) != 1 for found in fields):
            raise _wrong(f"set {instance} is not whole, or is there twice")
        results, message, sealing = (found[0] for found in fields)
        sealed = parse_seal(parse_tags(sealing.value))
        if "h" in sealed.tags:
            raise _wrong(f"seal {instance} has a list of fields")
        sets.append(_Set(results, message, sealing, sealed))
        said, expected = sealed.tags.get("cv", "").lower(), "none" if instance == 1 else "pass"
        if said != expected and not (said == "fail" and instance == instances):
            raise _wrong(f"seal {instance} does not say that the chain held")
    return sets


async def _check_message(
    resolver: Resolver, letter: Letter, last: _Set, now: datetime, offload: Offload | None
) -> None:
    """Verify the latest signature of the message. Raises PeerFault and DnsTransient."""
    signature = parse_message_signature(parse_tags(last.message.value))
    if SEAL in signature.names:
        raise _wrong("the message signature covers a seal")
    untimely = out_of_time(signature, now)
    if untimely:
        raise _wrong(f"the message signature: {untimely}")
    record = await _key(resolver, signature)
    hashed = await body_hash(letter, signature, offload)
    broken = broken_by(letter, last.message, signature, record, hashed)
    if broken:
        raise _wrong(f"the message signature: {broken}")
    if hashed.beyond_octets:
        raise _wrong("the message signature leaves out a part of the body")


async def _check_seals(resolver: Resolver, sets: Sequence[_Set]) -> None:
    """Verify every seal, the latest first. Raises PeerFault and DnsTransient."""
    async with asyncio.TaskGroup() as tasks:
        asking = [tasks.create_task(_asked(resolver, one.sealed)) for one in sets]
    hashed = hashlib.sha256()
    digests = []
    for one in sets:
        for field in one.fields[:2]:
            hashed.update(canonical_field(field, Canon.RELAXED) + b"\r\n")
        sealing = hashed.copy()
        sealing.update(canonical_field(without_signature(one.seal), Canon.RELAXED))
        digests.append(sealing.digest())
        hashed.update(canonical_field(one.seal, Canon.RELAXED) + b"\r\n")
    for instance in range(len(sets), 0, -1):
        record = asking[instance - 1].result()
        if not isinstance(record, KeyRecord):
            raise record
        try:
            record.key.verify(sets[instance - 1].sealed.value, digests[instance - 1])
        except Corrupt:
            raise _wrong(f"seal {instance} does not hold") from None


async def _asked(resolver: Resolver, sealed: Signature) -> KeyRecord | PeerFault | DnsTransient:
    """Look a seal's key up; what goes wrong is told when its turn comes."""
    try:
        return await _key(resolver, sealed)
    except (PeerFault, DnsTransient) as failure:
        return failure


async def _key(resolver: Resolver, signature: Signature) -> KeyRecord:
    if signature.hash_name != "sha256":
        raise _wrong("SHA-1 proves nothing")
    record = await look_up(resolver, signature.domain, signature.selector)
    unfit = unfit_key(signature, record)
    if unfit:
        raise _wrong(unfit)
    return record


def _wrong(text: str) -> PeerFault:
    return PeerFault(Condition.BAD_SYNTAX, text)
