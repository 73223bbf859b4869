"""The keys our domains sign their mail with: made, published by hand, switched, retired.

Of each algorithm a domain has one key that signs and one that waits, under selectors of their own.
Both are in DNS from the first day, so that the switch, every half year, needs nobody: the waiting
key signs once DNS shows it, a new one takes its place, and the old one's record stays for a month,
for mail that is still on its way. Only then may it be taken out of DNS, and the key is deleted.
"""

import base64
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from mailserver.audit.chain import Chain
from mailserver.audit.entry import OPERATOR, SERVER, Event
from mailserver.crypto.dkim import KeyType, PrivateKey
from mailserver.mailauth.dkim_fields import key_record
from mailserver.mailauth.dkim_key import look_up, record_name
from mailserver.model.errors import Absent, Condition, Conflict, MailError, PeerFault
from mailserver.runtime.clock import Clock
from mailserver.runtime.log import get_logger
from mailserver.runtime.offload import Offload
from mailserver.runtime.resolver import DnsTransient, Resolver
from mailserver.store.dkim import DkimKeyRow
from mailserver.store.store import Store
from mailserver.vault.guard import InstanceGuard
from mailserver.vault.signing_keys import open_signing_key, seal_signing_key

ROTATED_AFTER = timedelta(days=182)  # PRIVACY §8: half a year
PUBLISHED_FOR = timedelta(days=30)  # after its last signature; queues hold mail for five days
_RANDOM_OCTETS = 3

log = get_logger("accounts")


class KeyState(Enum):
    """Where a key is in its life."""

    NEXT = "waits"
    ACTIVE = "signs"
    RETIRED = "retired"


class Publication(Enum):
    """What DNS shows in a key's place."""

    PUBLISHED = "in DNS"
    ABSENT = "not in DNS"
    OTHER = "another key in DNS"
    UNKNOWN = "DNS does not answer"


@dataclass(frozen=True, slots=True)
class DomainKey:
    """A key of a domain, and the record that publishes it."""

    domain: str
    selector: str
    algorithm: str
    record: str
    """The text of its TXT record."""
    created_at: datetime
    active_from: datetime | None
    retired_at: datetime | None

    @property
    def name(self) -> str:
        """Where its record stands in DNS, without the final dot."""
        return record_name(self.domain, self.selector)

    @property
    def state(self) -> KeyState:
        """Where it is in its life."""
        if self.active_from is None:
            return KeyState.NEXT
        return KeyState.ACTIVE if self.retired_at is None else KeyState.RETIRED

    @property
    def needed_until(self) -> datetime | None:
        """When its record may be taken out of DNS; None while there is no end."""
        return None if self.retired_at is None else self.retired_at + PUBLISHED_FOR


@dataclass(frozen=True, slots=True)
class Turn:
    """What a rotation did with one algorithm."""

    key: DomainKey
    """The key whose turn it was."""
    publication: Publication
    switched: bool


class SigningKeys:
    """Looks after the signing keys of all domains."""

    def __init__(
        self,
        store: Store,
        guard: InstanceGuard,
        resolver: Resolver,
        chain: Chain,
        clock: Clock,
        offload: Offload,
    ) -> None:
        """Guard keys with `guard`, make them in `offload`, and ask `resolver` what is in DNS."""
        self._store = store
        self._guard = guard
        self._resolver = resolver
        self._chain = chain
        self._clock = clock
        self._offload = offload

    async def make(self, domain: str, *, actor: str = OPERATOR) -> None:
        """Make what keys a domain lacks: of each algorithm one that signs and one that waits."""
        await self._fill(domain, await self._store.dkim_keys.of(domain), actor)

    async def forget(self, domain: str) -> None:
        """Delete a domain's keys: it is ours no more."""
        await self._store.dkim_keys.forget(domain)

    async def listing(self, domain: str) -> list[DomainKey]:
        """Return a domain's keys, oldest first, each with its record.

        Records are made from the private keys, so that nobody who writes to the database can have
        a key of their own published.

        Raises:
            Corrupt: a key is not authentic.
        """
        return [self._shown(row) for row in await self._store.dkim_keys.of(domain)]

    async def publication(self, key: DomainKey) -> Publication:
        """Ask DNS for a key's record."""
        try:
            found = await look_up(self._resolver, key.domain, key.selector)
        except DnsTransient:
            return Publication.UNKNOWN
        except PeerFault:
            return Publication.ABSENT
        return Publication.PUBLISHED if key_record(found.key) == key.record else Publication.OTHER

    async def rotate(
        self, domain: str, *, unchecked: bool = False, actor: str = OPERATOR
    ) -> list[Turn]:
        """Let the waiting keys sign that DNS shows, or all of them where that is `unchecked`.

        Raises:
            Absent: NO_SUCH_DOMAIN, it has no keys.
            Conflict: somebody else did it at the same time.
            Corrupt: a key is not authentic.
        """
        rows = await self._store.dkim_keys.of(domain)
        if not rows:
            raise Absent(Condition.NO_SUCH_DOMAIN, f"there are no signing keys of {domain} here")
        waiting = [row for row in rows if row.active_from is None]
        return [await self._turn(row, unchecked=unchecked, actor=actor) for row in waiting]

    async def tend(self) -> None:
        """Make keys that are lacking, switch those whose time has come, delete those retired.

        Once a day; doing it twice changes nothing. What fails for one domain is logged and comes
        again, and the others have their turn all the same.

        Raises:
            Transient: the list of domains could not be read.
        """
        for domain in await self._store.domains.listing():
            try:
                await self._tend(domain.name)
            except MailError as error:
                log.warning(
                    "signing keys of a domain not tended",
                    domain=domain.name,
                    condition=error.condition.name,
                )

    async def _tend(self, domain: str) -> None:
        rows = await self._store.dkim_keys.of(domain)
        await self._fill(domain, rows, SERVER)
        now = self._clock.now()
        old = {
            row.algorithm
            for row in rows
            if row.active_from and not row.retired_at and now - row.active_from >= ROTATED_AFTER
        }
        for row in rows:
            if row.retired_at is not None and now - row.retired_at >= PUBLISHED_FOR:
                await self._store.dkim_keys.forget(domain, row.selector)
            elif row.active_from is None and row.algorithm in old:
                turn = await self._turn(row, unchecked=False, actor=SERVER)
                if not turn.switched:
                    log.warning(
                        "a signing key is due to be replaced", domain=domain, state="not in DNS"
                    )

    async def _turn(self, row: DkimKeyRow, *, unchecked: bool, actor: str) -> Turn:
        key = self._shown(row)
        publication = await self.publication(key)
        if publication is not Publication.PUBLISHED and not unchecked:
            return Turn(key, publication, switched=False)
        successor = await self._new(row.domain, KeyType(row.algorithm), active=False)
        await self._record(Event.SIGNING_KEY_ROTATED, row, actor)
        await self._store.dkim_keys.switch(row, successor, self._clock.now())
        return Turn(key, publication, switched=True)

    async def _fill(self, domain: str, rows: Sequence[DkimKeyRow], actor: str) -> None:
        new = []
        for kind in KeyType:
            of_kind = [row for row in rows if row.algorithm == kind.value]
            if not any(row.active_from and not row.retired_at for row in of_kind):
                new.append(await self._new(domain, kind, active=True))
            if all(row.active_from for row in of_kind):
                new.append(await self._new(domain, kind, active=False))
        if not new:
            return
        for row in new:
            await self._record(Event.SIGNING_KEY_MADE, row, actor)
        try:
            await self._store.dkim_keys.add(new)
        except Conflict:
            log.info("signing keys were made elsewhere meanwhile", domain=domain)

    async def _new(self, domain: str, kind: KeyType, *, active: bool) -> DkimKeyRow:
        private = await self._offload(PrivateKey.generate, kind)
        now = self._clock.now()
        # A selector is never used again: resolvers may remember what stood there.
        tail = base64.b32encode(secrets.token_bytes(_RANDOM_OCTETS)).decode().rstrip("=").lower()
        selector = f"{now:%Y%m}-{kind.value}-{tail}"
        sealed = seal_signing_key(self._guard, domain, selector, private)
        return DkimKeyRow(domain, selector, kind.value, sealed, now, now if active else None)

    def _shown(self, row: DkimKeyRow) -> DomainKey:
        private = open_signing_key(self._guard, row.domain, row.selector, row.private)
        return DomainKey(
            row.domain,
            row.selector,
            private.kind.value,
            key_record(private.public),
            row.created_at,
            row.active_from,
            row.retired_at,
        )

    async def _record(self, event: Event, row: DkimKeyRow, actor: str) -> None:
        facts = {"domain": row.domain, "selector": row.selector, "algorithm": row.algorithm}
        await self._chain.record(event, actor=actor, facts=facts)
