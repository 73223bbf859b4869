"""Escrow: two custodians together may open mailboxes of an organisation (PRIVACY §5, ADR 27).

Off unless an operator turns it on, with a reason, a text for its people and an assessment. What
stands then decides nothing yet: an account's wrap is made in its owner's own unlocked web session,
after the owner saw the notice that names both custodians (`escrow_wraps`). Another text or another
custodian is another notice. Turning it off deletes every wrap; so does a custodian who leaves, and
each account that had one is to get new keys.
"""

import re
from dataclasses import dataclass

from mailserver.accounts.keyring import Keyring
from mailserver.audit.chain import Chain
from mailserver.audit.entry import OPERATOR, Event, Facts
from mailserver.model.errors import Absent, Condition, Conflict, PeerFault, Refused
from mailserver.model.ids import AccountId
from mailserver.model.sealed import Guarded
from mailserver.runtime.clock import Clock
from mailserver.store.keystore import Delete, Insert, Require, Row, Step
from mailserver.store.keystore_tables import Rows
from mailserver.vault.administrators import INSTANCE
from mailserver.vault.custodians import (
    CustodianKey,
    CustodianRecord,
    custodian_row_id,
    open_custodian,
    seal_custodian,
)
from mailserver.vault.escrow import CUSTODIANS, WRAPS
from mailserver.vault.escrow_rows import (
    POLICY_ROW,
    RENEWAL_ROW,
    REQUESTS,
    SEEN_ROW,
    PolicyRecord,
    notice_digest,
    open_policy,
    seal_policy,
    seal_renewal,
)
from mailserver.vault.records import SealedRow

POLICY_CHARACTERS = 20_000
_NAME = re.compile(r"[^\W_](?:[\w .'-]{0,62}[\w.])?\Z")


@dataclass(frozen=True, slots=True)
class Standing:
    """Escrow as it stands: its terms, and who would open."""

    policy: PolicyRecord
    custodians: tuple[CustodianRecord, ...]
    requires: tuple[Require, ...]
    """What must not change while a wrap is made."""

    @property
    def is_complete(self) -> bool:
        """Whether there are two custodians; wraps are made only then."""
        return len(self.custodians) == CUSTODIANS

    @property
    def digest(self) -> bytes:
        """What names the notice."""
        return notice_digest(self.policy, self.custodians)


class Escrow:
    """Whether accounts can be opened by custodians, on what terms, and by whom."""

    def __init__(self, keyring: Keyring, chain: Chain, clock: Clock) -> None:
        """Keep it in the keystore of `keyring`."""
        self._keyring = keyring
        self._chain = chain
        self._clock = clock
        self.is_on = False
        """As `look` saw it last, for who cannot wait: the register of processing."""

    async def look(self) -> bool:
        """See whether escrow is on."""
        self.is_on = bool(await self._keyring.keystore.of(Rows.ESCROW, INSTANCE))
        return self.is_on

    async def standing(self) -> Standing | None:
        """Return the terms, at most two seconds old; None where escrow is off.

        Raises:
            Corrupt: KEY_MISMATCH, a row is not authentic.
        """
        keystore, master = self._keyring.keystore, self._keyring.master
        rows = await keystore.of(Rows.ESCROW, INSTANCE)
        self.is_on = bool(rows)
        if not rows:
            return None
        (row,) = rows
        named = await keystore.of(Rows.CUSTODIANS, INSTANCE)
        custodians = [open_custodian(master, each.row_id, each.sealed) for each in named]
        return Standing(
            open_policy(master, row.sealed),
            tuple(sorted(custodians, key=lambda one: one.name.casefold())),
            (
                Require(Rows.ESCROW, INSTANCE, POLICY_ROW, row.sealed),
                *(Require(Rows.CUSTODIANS, INSTANCE, each.row_id, each.sealed) for each in named),
            ),
        )

    async def enable(
        self, reason: str, policy: str, dpia: str, *, actor: str = OPERATOR
    ) -> Standing:
        """Turn escrow on; it takes effect for an account once its owner saw the notice.

        Raises:
            PeerFault: BAD_SYNTAX, a reason, a text or the assessment is missing or too long.
            Refused: NOT_PERMITTED, there are not two custodians.
            Conflict: ALREADY_EXISTS, it is on.
        """
        for what, said in (("reason", reason), ("policy", policy), ("assessment", dpia)):
            if not said.strip() or len(said) > POLICY_CHARACTERS:
                raise PeerFault(
                    Condition.BAD_SYNTAX,
                    f"escrow needs its {what}, of {POLICY_CHARACTERS:,} characters at most",
                )
        if len(await self.custodians()) != CUSTODIANS:
            raise Refused(Condition.NOT_PERMITTED, "register two custodians first")
        if await self._keyring.keystore.fresh(Rows.ESCROW, INSTANCE):
            raise Conflict(
                Condition.ALREADY_EXISTS, "escrow is on; turn it off to change its terms"
            )
        record = PolicyRecord(reason.strip(), policy.strip(), dpia.strip(), self._clock.now())
        sealed = seal_policy(self._keyring.master, record)
        await self._record({"what": "enabled"}, actor)
        row = _row(INSTANCE, POLICY_ROW, POLICY_ROW, sealed)
        await self._keyring.apply([Insert(Rows.ESCROW, row)])
        standing = await self.standing()
        assert standing is not None  # noqa: S101 (it was made just now)
        return standing

    async def disable(self, *, actor: str = OPERATOR) -> int:
        """Turn escrow off and delete every wrap; return how many.

        Raises:
            Absent: NO_SUCH_CREDENTIAL, it is off.
        """
        if not await self._keyring.keystore.fresh(Rows.ESCROW, INSTANCE):
            raise Absent(Condition.NO_SUCH_CREDENTIAL, "escrow is off")
        wraps = await self._keyring.keystore.anywhere(Rows.WRAPS, WRAPS)
        steps: list[Step] = [Delete(Rows.WRAPS, row.account_id, row.row_id) for row in wraps]
        for selector in (POLICY_ROW, SEEN_ROW, REQUESTS):
            rows = await self._keyring.keystore.anywhere(Rows.ESCROW, selector)
            steps += [Delete(Rows.ESCROW, row.account_id, row.row_id) for row in rows]
        await self._record({"what": "disabled", "wraps": len(wraps)}, actor)
        await self._keyring.apply(steps)
        await self._keyring.clear()
        self.is_on = False
        return len(wraps)

    async def custodians(self) -> list[CustodianRecord]:
        """Return the custodians by name, read now.

        Raises:
            Corrupt: KEY_MISMATCH, a row is not authentic.
        """
        rows = await self._keyring.keystore.fresh(Rows.CUSTODIANS, INSTANCE)
        found = [open_custodian(self._keyring.master, row.row_id, row.sealed) for row in rows]
        return sorted(found, key=lambda one: one.name.casefold())

    async def add_custodian(
        self, name: str, key: CustodianKey, *, actor: str = OPERATOR
    ) -> CustodianRecord:
        """Register a custodian, whose fingerprint was compared in person.

        Raises:
            PeerFault: BAD_SYNTAX, the name is none.
            Refused: LIMIT, there are two.
            Conflict: ALREADY_EXISTS, that name or that key is registered.
        """
        if not _NAME.match(name):
            raise PeerFault(Condition.BAD_SYNTAX, "a custodian's name is of 64 letters at most")
        there = await self.custodians()
        taken = {one.name.casefold() for one in there}
        if name.casefold() in taken or key.id in {one.key.id for one in there}:
            raise Conflict(Condition.ALREADY_EXISTS, "this custodian, or this key, is registered")
        if len(there) >= CUSTODIANS:
            raise Refused(Condition.LIMIT, "there are two custodians; one must leave first")
        record = CustodianRecord(name, key, self._clock.now())
        sealed = seal_custodian(self._keyring.master, record)
        row = _row(INSTANCE, custodian_row_id(name), b"", sealed)
        facts: Facts = {"what": "custodian-added", "key": key.id.hex()[:16]}
        await self._record(facts, actor)
        await self._keyring.apply([Insert(Rows.CUSTODIANS, row)])
        return record

    async def remove_custodian(self, name: str, *, actor: str = OPERATOR) -> int:
        """Take a custodian off; return how many accounts are to get new keys.

        Their wraps and every request end now, their new keys come at their owners' next sign-in
        (PRIVACY §1, "Compromise").

        Raises:
            Absent: NO_SUCH_CREDENTIAL, there is none of that name.
        """
        keystore, row_id = self._keyring.keystore, custodian_row_id(name)
        rows = await keystore.fresh(Rows.CUSTODIANS, INSTANCE)
        mine = next((row for row in rows if row.row_id == row_id), None)
        if mine is None:
            raise Absent(Condition.NO_SUCH_CREDENTIAL, "there is no custodian of that name")
        key = open_custodian(self._keyring.master, row_id, mine.sealed).key
        wraps = await keystore.anywhere(Rows.WRAPS, WRAPS)
        requests = await keystore.anywhere(Rows.ESCROW, REQUESTS)
        due = {row.account_id for row in await keystore.anywhere(Rows.ESCROW, RENEWAL_ROW)}
        having = {row.account_id for row in wraps}
        steps: list[Step] = [Delete(Rows.CUSTODIANS, INSTANCE, row_id, mine.sealed)]
        steps += [Delete(Rows.WRAPS, row.account_id, row.row_id) for row in wraps]
        steps += [Delete(Rows.ESCROW, row.account_id, row.row_id) for row in requests]
        steps += [self._due(account_id) for account_id in having - due]
        facts: Facts = {"what": "custodian-removed", "key": key.id.hex()[:16], "wraps": len(wraps)}
        await self._record(facts, actor)
        await self._keyring.apply(steps)
        await self._keyring.clear()
        return len(having)

    def _due(self, account_id: AccountId) -> Insert:
        sealed = seal_renewal(self._keyring.master, account_id, self._clock.now())
        return Insert(Rows.ESCROW, _row(account_id, RENEWAL_ROW, RENEWAL_ROW, sealed))

    async def _record(self, facts: Facts, actor: str) -> None:
        await self._chain.record(Event.ESCROW_CHANGED, actor=actor, facts=facts)


def _row(account_id: AccountId, row_id: bytes, selector: bytes, sealed: SealedRow) -> Row:
    return Row(account_id, row_id, selector, sealed.kid, Guarded(sealed.sealed))
