"""Our domains' signatures on what leaves: DKIM on our people's mail, ARC on what is forwarded.

The keys of a domain are opened once and kept for a minute, so that a key that another process or
the command line switched is soon used here too; the one it replaced stays published for a month.
"""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import timedelta

from mailserver.mailauth import arc, dkim
from mailserver.mailauth.arc import Arc
from mailserver.mailauth.dkim import OFF_THE_LOOP, SigningKey
from mailserver.model.errors import Corrupt
from mailserver.runtime.clock import Clock
from mailserver.runtime.log import get_logger
from mailserver.runtime.offload import Offload
from mailserver.store.dkim import DkimKeyRow
from mailserver.store.store import Store
from mailserver.vault.guard import InstanceGuard
from mailserver.vault.signing_keys import open_signing_key

KEPT = timedelta(minutes=1)
DOMAINS_KEPT = 1_000  # some 5 KB each

log = get_logger("mail")


@dataclass(frozen=True, slots=True)
class _Known:
    """A domain's keys, and until when they are good without a look."""

    keys: tuple[SigningKey, ...]
    until: float


class Signing:
    """Signs messages with the keys of their domains."""

    def __init__(self, store: Store, guard: InstanceGuard, clock: Clock, offload: Offload) -> None:
        """Open keys with `guard`; large messages are signed in `offload`."""
        self._store = store
        self._guard = guard
        self._clock = clock
        self._offload = offload
        self._known: OrderedDict[str, _Known] = OrderedDict()

    async def sign(self, domain: str, message: bytes) -> bytes:
        """Sign `message` for `domain`, in canonical form.

        Args:
            domain: whose keys sign: that of the author's address.
            message: as it will be sent; what is changed afterwards breaks the signatures.

        Returns:
            The DKIM-Signature fields to put on top; empty where the domain has no keys.

        Raises:
            Transient: the keys cannot be read now.
        """
        keys = await self._keys(domain)
        if not keys:
            return b""
        now = self._clock.now()
        if len(message) < OFF_THE_LOOP:
            return dkim.sign(message, keys, now=now)
        return await self._offload(dkim.sign, message, keys, now=now)

    async def seal(self, domain: str, message: bytes, *, results: bytes, chain: Arc) -> bytes:
        """Seal `message`, which `domain` forwards, with what we found out about it.

        Args:
            domain: whose RSA key seals; verifiers of ARC know no other.
            message: as it will be sent.
            results: what `authentication_results.write` wrote of it.
            chain: what `arc.verify` said of it.

        Returns:
            The three fields to put on top; empty where the domain has no key, or the chain takes
            no more.

        Raises:
            Transient: the keys cannot be read now.
        """
        keys = [key for key in await self._keys(domain) if key.algorithm == arc.ALGORITHM]
        if not keys:
            return b""
        now = self._clock.now()
        if len(message) < OFF_THE_LOOP:
            return arc.seal(message, keys[0], results=results, chain=chain, now=now)
        return await self._offload(
            arc.seal, message, keys[0], results=results, chain=chain, now=now
        )

    async def _keys(self, domain: str) -> tuple[SigningKey, ...]:
        """Return the keys that sign for a domain now, Ed25519 first."""
        known = self._known.get(domain)
        if known is not None and known.until > self._clock.monotonic():
            return known.keys
        rows = await self._store.dkim_keys.of(domain)
        active = [row for row in rows if row.active_from is not None and row.retired_at is None]
        keys = [key for row in active if (key := self._opened(row)) is not None]
        keys.sort(key=lambda key: key.algorithm)
        until = self._clock.monotonic() + KEPT.total_seconds()
        self._known[domain] = _Known(tuple(keys), until)
        self._known.move_to_end(domain)
        if len(self._known) > DOMAINS_KEPT:
            self._known.popitem(last=False)
        return tuple(keys)

    def _opened(self, row: DkimKeyRow) -> SigningKey | None:
        """Open a key; one that is not authentic signs nothing, and the mail goes all the same."""
        try:
            private = open_signing_key(self._guard, row.domain, row.selector, row.private)
        except Corrupt as refusal:
            log.error("a signing key is not authentic", condition=refusal.condition.name)
            return None
        return SigningKey(row.domain, row.selector, private)
