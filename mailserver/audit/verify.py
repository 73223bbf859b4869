"""Reading the whole chain: what was edited, deleted, reordered or cut off since it was written.

Every hash is computed anew from the canonical octets, what stands in clear beside them must agree,
every checkpoint must be signed and lie on the chain, a pruned chain must begin behind one, and it
must end where the keystore says. Without a head from elsewhere the answer is "consistent,
completeness not proved": whoever holds both databases and the master key could have cut both back
to an earlier checkpoint (PRIVACY §17).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

from mailserver.audit.checkpoint import check
from mailserver.audit.entry import decode, link
from mailserver.audit.head import End, Head, HeadRow
from mailserver.model.errors import Condition, Corrupt
from mailserver.store.audit import AuditLog, AuditRow, CheckpointRow
from mailserver.store.keystore import Keystore
from mailserver.vault.master import MasterKeys

PAGE_ENTRIES = 1_000


class Tampering(Enum):
    """What was done to the log."""

    EDITED = "edited"
    DELETED = "deleted"
    REORDERED = "reordered"
    TRUNCATED = "truncated"
    EXTENDED = "extended"
    """Entries stand behind the end that the keystore knows."""
    CHECKPOINT = "checkpoint"
    """A checkpoint is not signed by our key, or says something else than the chain."""


class ChainBroken(Corrupt):
    """The log is not what was written; `number` is the first entry that shows it."""

    def __init__(self, tampering: Tampering, number: int) -> None:
        """Say what was done, and where."""
        super().__init__(
            Condition.DAMAGED, f"audit log: {tampering.value} at entry {number}; see it as a breach"
        )
        self.tampering = tampering
        self.number = number


@dataclass(frozen=True, slots=True)
class Verified:
    """A chain without a fault: how far it reaches, and whether its completeness is proved."""

    first: int
    last: int
    checkpoints: int
    proved: int = 0
    """Up to this entry a head from elsewhere proves that nothing is missing; 0: nothing does."""

    @property
    def complete(self) -> bool:
        """Whether a head from elsewhere lies on it; else completeness is not proved."""
        return self.proved > 0


async def verify(
    log: AuditLog,
    keystore: Keystore,
    master: MasterKeys,
    public: bytes,
    *,
    known: Sequence[CheckpointRow] = (),
    progress: Callable[[int], None] = lambda _: None,
) -> Verified:
    """Verify the whole log.

    Args:
        log: the entries.
        keystore: it has the head.
        master: what the head is authenticated with.
        public: the key that checkpoints are signed with.
        known: checkpoints that were kept elsewhere.
        progress: told after each page how many entries were read.

    Raises:
        ChainBroken: something was edited, deleted, reordered, cut off or added.
        Corrupt: the keystore's head is not authentic, or there is none.
    """
    row = HeadRow(keystore, master)
    head = await _read(row)
    signed = await _signed(log, head, public, known)
    at = head.base
    if at.number and at.number not in signed:  # what went before was never signed away
        raise ChainBroken(Tampering.CHECKPOINT, at.number)
    _compare(signed, at)
    while True:
        at = await _walk(log, head, signed, at, progress)
        if at in head.ends:
            break
        before, head = head, await _read(row)
        if head == before:  # else servers write meanwhile, and the log may have grown
            raise _wrong_end(head, at)
    missing = [number for number in signed if number > at.number]
    if missing:
        raise ChainBroken(Tampering.TRUNCATED, at.number + 1)
    proved = max((mark.number for mark in known), default=0)
    return Verified(head.base.number + 1, at.number, len(signed), proved)


async def verify_copy(log: AuditLog, head: Head, end: End, public: bytes) -> Verified:
    """Verify a log that came out of a backup; what the keystore knows may be older or newer.

    Args:
        log: the entries; those before the head's base are not looked at.
        head: of the keystore, at another time.
        end: where the log ended at least when it was copied, as the backup's signature says.
        public: the key that checkpoints are signed with.

    Raises:
        ChainBroken: something was edited, deleted, reordered or cut off.
    """
    signed = await _signed(log, head, public, ())
    if end.number >= head.base.number and signed.setdefault(end.number, end) != end:
        raise ChainBroken(Tampering.CHECKPOINT, end.number)
    at = await _walk(log, head, signed, head.base, lambda _: None)
    if any(number > max(at.number, head.base.number) for number in signed):
        raise ChainBroken(Tampering.TRUNCATED, at.number + 1)
    return Verified(head.base.number + 1, at.number, len(signed))


async def _read(row: HeadRow) -> Head:
    head = await row.read()
    if head is None:
        raise Corrupt(Condition.DAMAGED, "the keystore knows no audit log")
    return head


async def _walk(
    log: AuditLog, head: Head, signed: dict[int, End], at: End, progress: Callable[[int], None]
) -> End:
    """Verify what follows on `at`; return where the log ends now."""
    while rows := await log.rows(at.number, PAGE_ENTRIES):
        for row in rows:
            at = _next(head.instance, at, row)
            _compare(signed, at)
        progress(at.number - head.base.number)
    return at


async def _signed(
    log: AuditLog, head: Head, public: bytes, known: Sequence[CheckpointRow]
) -> dict[int, End]:
    """Return what signed checkpoints say of the part of the chain that is kept."""
    signed: dict[int, End] = {}
    for checkpoint in [*await log.checkpoints(), *known]:
        try:
            end = check(public, head.instance, checkpoint)
        except Corrupt:
            raise ChainBroken(Tampering.CHECKPOINT, checkpoint.number) from None
        if signed.setdefault(end.number, end) != end:
            raise ChainBroken(Tampering.CHECKPOINT, end.number)
    return {number: end for number, end in signed.items() if number >= head.base.number}


def _compare(signed: dict[int, End], at: End) -> None:
    if signed.get(at.number, at) != at:
        raise ChainBroken(Tampering.CHECKPOINT, at.number)


def _next(instance: bytes, before: End, row: AuditRow) -> End:
    """Return the end behind `row`, which must follow on `before`."""
    number = before.number + 1
    if row.number != number:
        raise ChainBroken(Tampering.DELETED, number)
    try:
        entry = decode(row.entry)
    except Corrupt:
        raise ChainBroken(Tampering.EDITED, number) from None
    if entry.number != number:
        raise ChainBroken(Tampering.REORDERED, number)
    beside = (entry.account_id, entry.event.value, entry.at)
    if beside != (row.account_id, row.event, row.at) or row.previous != before.hash:
        raise ChainBroken(Tampering.EDITED, number)
    if link(instance, number, before.hash, row.entry) != row.hash:
        raise ChainBroken(Tampering.EDITED, number)
    return End(number, row.hash)


def _wrong_end(head: Head, at: End) -> ChainBroken:
    """Say what it means that the log ends where the keystore does not say."""
    if at.number > head.pending.number:
        return ChainBroken(Tampering.EXTENDED, at.number)
    if at.number < head.confirmed.number:
        return ChainBroken(Tampering.TRUNCATED, at.number + 1)
    return ChainBroken(Tampering.EDITED, at.number)
