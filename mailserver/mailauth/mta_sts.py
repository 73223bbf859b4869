"""MTA-STS: a domain's own word, over https, on which hosts take its mail and that they have TLS.

Theory. A TXT record says that there is a policy, and its id; the policy lies at a fixed https
address, whose certificate is what makes it trustworthy. What was fetched is kept for its
`max_age`, over restarts too: whoever can keep the record or the policy from us may not take back
what the domain said before. So (RFC 8461 §3.1, §5.1):

- no record, or no answer: the policy that is kept stays in force until it is too old;
- a record with the id that is kept: nothing is fetched but once a day;
- another id: the policy is fetched; if that fails, what is kept stays in force, without anything
  kept the domain has no policy, and it is reported.

A kept policy whose record was looked at lately is used at once, and looked at again beside it.

Source: RFC 8461.
"""

import asyncio
import re
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Protocol

from mailserver.mailauth.mta_sts_fetch import Fetch, FetchError
from mailserver.model.address import canonical_domain
from mailserver.model.errors import Condition, PeerFault
from mailserver.runtime.clock import Clock
from mailserver.runtime.resolver import DnsTransient, Resolver

MAX_AGE = timedelta(seconds=31_557_600)  # RFC 8461 §3.2: no policy is good for more than a year
FETCH_AGAIN = timedelta(days=1)  # RFC 8461 §3.3: well before what is kept is too old
LOOK_AGAIN = timedelta(minutes=10)  # how long a record that was looked at counts as the domain's
FAILED_FETCH = timedelta(minutes=5)  # RFC 8461 §3.3: do not ask again at every message
KNOWN_AT_ONCE = 10_000
MX_PATTERNS = 1_000

_RECORD = re.compile(r"v=STSv1[ \t]*(?:;(.*))?\Z", re.DOTALL)
_ID = re.compile(r"[A-Za-z0-9]{1,32}\Z")


class Mode(Enum):
    """What a policy asks for. Source: RFC 8461 §3.2."""

    ENFORCE = "enforce"
    TESTING = "testing"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Policy:
    """A domain's policy."""

    mode: Mode
    hosts: tuple[str, ...]
    """Names of mail hosts; `*.` in front stands for one label."""
    max_age: timedelta

    def allows(self, host: str) -> bool:
        """Say whether `host` is one of the policy's. Source: RFC 8461 §4.1."""
        return any(_is_named(host, pattern) for pattern in self.hosts)


@dataclass(frozen=True, slots=True)
class Kept:
    """A policy as it is kept: its text, which record it went with, and when it was fetched."""

    id: str
    text: bytes
    fetched_at: datetime


class Shelf(Protocol):
    """Where policies outlive the process; what it is given holds a domain's name only guarded."""

    async def get(self, domain: str) -> Kept | None:
        """Return what is kept of a domain."""
        ...

    async def put(self, domain: str, kept: Kept, *, until: datetime) -> None:
        """Keep it until then, in place of what is kept."""
        ...


@dataclass(frozen=True, slots=True)
class Found:
    """What a domain's MTA-STS comes to."""

    policy: Policy | None = None
    text: bytes = b""
    """The policy as it was fetched; for reports."""
    failure: str = ""
    """Why there is none though the domain announces one: a result type of RFC 8460 §4.3."""


@dataclass(slots=True)
class _Known:
    kept: Kept | None
    policy: Policy | None
    failure: str
    looked_at: float
    """By the monotonic clock."""
    looking: bool = False


class MtaSts:
    """The policies of the domains that we send to."""

    def __init__(
        self,
        resolver: Resolver,
        fetch: Fetch,
        shelf: Shelf,
        *,
        clock: Clock,
        spawn: Callable[[Coroutine[Any, Any, None]], object],
    ) -> None:
        """Keep policies on `shelf`; `spawn` starts a task that looks at one again."""
        self._resolver = resolver
        self._fetch = fetch
        self._shelf = shelf
        self._clock = clock
        self._spawn = spawn
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._turns: dict[str, asyncio.Lock] = {}

    async def of(self, domain: str) -> Found:
        """Return the policy of a mail domain, as far as one is in force."""
        known = self._known.get(domain)
        if known is None or (self._is_stale(known) and not self._in_force(known)):
            known = await self._in_turn(domain)
        elif self._is_stale(known) and not known.looking:
            known.looking = True
            self._spawn(self._again(domain, known))
        self._known.move_to_end(domain)
        if known.kept is not None and self._in_force(known):
            return Found(known.policy, known.kept.text)
        return Found(failure=known.failure)

    async def _again(self, domain: str, known: _Known) -> None:
        try:
            await self._in_turn(domain)
        finally:
            known.looking = False

    async def _in_turn(self, domain: str) -> _Known:
        """Look at the domain, once for all who ask at the same time."""
        turn = self._turns.setdefault(domain, asyncio.Lock())
        try:
            async with turn:
                known = self._known.get(domain)
                if known is None or self._is_stale(known):
                    known = self._known[domain] = await self._look(domain, known)
                    while len(self._known) > KNOWN_AT_ONCE:
                        self._known.popitem(last=False)
                return known
        finally:
            if not turn.locked():
                self._turns.pop(domain, None)

    async def _look(self, domain: str, before: _Known | None) -> _Known:
        kept = before.kept if before is not None else await self._shelf.get(domain)
        policy = _parsed(kept)
        looked_at = self._clock.monotonic()
        try:
            answer = await self._resolver.txt(f"_mta-sts.{domain}")
        except DnsTransient:
            return _Known(kept, policy, "", looked_at)
        id_ = record_id(answer.records)
        if id_ is None or (kept is not None and kept.id == id_ and self._is_fresh(kept, policy)):
            return _Known(kept, policy, "", looked_at)
        try:
            text = await self._fetch(domain)
            fetched = parse(text)
        except FetchError as error:
            return self._without(kept, policy, error.result, looked_at)
        except PeerFault:
            return self._without(kept, policy, "sts-policy-invalid", looked_at)
        now = self._clock.now()
        kept = Kept(id_, text, now)
        await self._shelf.put(domain, kept, until=now + fetched.max_age)
        return _Known(kept, fetched, "", looked_at)

    @staticmethod
    def _without(
        kept: Kept | None, policy: Policy | None, failure: str, looked_at: float
    ) -> _Known:
        """Go on with what is kept, and try again sooner."""
        sooner = (LOOK_AGAIN - FAILED_FETCH).total_seconds()
        return _Known(kept, policy, failure, looked_at - sooner)

    def _is_fresh(self, kept: Kept, policy: Policy | None) -> bool:
        if policy is None:
            return False
        return self._clock.now() - kept.fetched_at < min(FETCH_AGAIN, policy.max_age / 2)

    def _is_stale(self, known: _Known) -> bool:
        return self._clock.monotonic() - known.looked_at >= LOOK_AGAIN.total_seconds()

    def _in_force(self, known: _Known) -> bool:
        if known.kept is None or known.policy is None:
            return False
        return self._clock.now() < known.kept.fetched_at + known.policy.max_age


def record_id(texts: tuple[bytes, ...]) -> str | None:
    """Return the id in the one record that announces a policy; None where none, or several, do.

    Source: RFC 8461 §3.1.
    """
    records = [text for text in map(_text, texts) if text.startswith("v=STSv1")]
    match = _RECORD.match(records[0]) if len(records) == 1 else None
    if match is None:
        return None
    fields = (part.strip().partition("=") for part in (match[1] or "").split(";"))
    ids = [value for name, _, value in fields if name == "id"]
    return ids[0] if len(ids) == 1 and _ID.match(ids[0]) else None


def parse(text: bytes) -> Policy:
    """Read a policy.

    Raises:
        PeerFault: BAD_SYNTAX, it is none.

    Source: RFC 8461 §3.2.
    """
    fields: dict[str, str] = {}
    hosts: list[str] = []
    for line in _text(text).replace("\r\n", "\n").split("\n"):
        name, colon, value = line.partition(":")
        name, value = name.strip(), value.strip()
        if not colon:
            if name:
                raise PeerFault(Condition.BAD_SYNTAX, "the policy has a line that is no field")
        elif name == "mx":
            hosts.append(_pattern(value))
        else:
            fields.setdefault(name, value)  # of fields that come twice, the first counts
    age = fields.get("max_age", "")
    modes = {mode.value: mode for mode in Mode}
    mode = modes.get(fields.get("mode", ""))
    whole = age.isascii() and age.isdigit() and len(age) <= 10
    if fields.get("version") != "STSv1" or mode is None or not whole:
        raise PeerFault(Condition.BAD_SYNTAX, "the policy lacks a field")
    if (mode is not Mode.NONE and not hosts) or len(hosts) > MX_PATTERNS:
        raise PeerFault(Condition.BAD_SYNTAX, "the policy has no hosts, or too many")
    return Policy(mode, tuple(hosts), min(timedelta(seconds=int(age)), MAX_AGE))


def _pattern(value: str) -> str:
    star = "*." if value.startswith("*.") else ""
    try:
        return star + canonical_domain(value.removeprefix("*."))
    except PeerFault as error:
        raise PeerFault(Condition.BAD_SYNTAX, "the policy names what is no host") from error


def _is_named(host: str, pattern: str) -> bool:
    if pattern.startswith("*."):
        return host.partition(".")[2] == pattern[2:]
    return host == pattern


def _parsed(kept: Kept | None) -> Policy | None:
    if kept is None:
        return None
    try:
        return parse(kept.text)
    except PeerFault:
        return None  # kept by an earlier release that read it differently


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "replace")
