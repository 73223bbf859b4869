"""Second factors: enrolled, shown and taken off (PRIVACY §6).

The account's row says which there are, the row of factors what they are checked against. Each use
and each change replaces what was read, in one transaction, so that a code is taken once whichever
process it comes to. E-mail is never a factor, and none is enrolled before it worked once.
"""

from dataclasses import dataclass, replace
from datetime import timedelta

from mailserver.accounts import passkeys, totp
from mailserver.accounts.delays import Delays
from mailserver.accounts.directory import addresses_of
from mailserver.accounts.keyring import Keyring, OpenedRow
from mailserver.accounts.passkeys import PasskeySite
from mailserver.audit.chain import Chain
from mailserver.audit.entry import Event, account_actor
from mailserver.model.errors import Absent, Condition, Conflict, Corrupt, Refused
from mailserver.model.ids import AccountId
from mailserver.model.notice import Notice, Tell
from mailserver.model.sealed import Guarded, Plaintext
from mailserver.runtime.clock import Clock
from mailserver.store.keystore import DeleteAll, Insert, Replace, Row, Step
from mailserver.store.keystore_tables import Rows
from mailserver.vault.codes import backup_code_hash, new_backup_codes
from mailserver.vault.factors import Factor, FactorsRecord, Passkey, open_factors, seal_factors

__all__ = ["Factor", "Factors", "FactorsShown", "Proof"]

CHANGE_SHOWN_FOR = timedelta(hours=24)


@dataclass(frozen=True, slots=True, repr=False)
class Proof:
    """A second factor, as it was typed or as a passkey answered."""

    factor: Factor
    value: Plaintext
    """A code, or a passkey's answer in JSON."""
    challenge: bytes = b""
    """What the passkey was asked to sign."""
    site: PasskeySite | None = None


@dataclass(frozen=True, slots=True, repr=False)
class FactorsShown:
    """An account's factors as its owner sees them; no secret is among them."""

    totp: bool
    passkeys: tuple[Passkey, ...]
    backup_codes_left: int
    required: bool
    """Whether its domain asks for one."""
    changed_lately: bool
    """Whether a factor went or was replaced within the last day: shown as a banner."""


@dataclass(frozen=True, slots=True, repr=False)
class _Held:
    """An account and its factors, both read now."""

    account: OpenedRow
    row: Row | None
    record: FactorsRecord


class Factors:
    """The second factors of accounts; used on the event loop only."""

    def __init__(
        self, keyring: Keyring, chain: Chain, delays: Delays, clock: Clock, tell: Tell
    ) -> None:
        """Keep them in the keystore of `keyring`; `tell` writes to owners of what changed."""
        self._keyring = keyring
        self._chain = chain
        self._delays = delays
        self._clock = clock
        self._tell = tell

    async def kinds(self, account: OpenedRow) -> tuple[Factor, ...]:
        """Return what may be shown as second factor: passkeys first, backup codes last.

        Raises:
            Corrupt: KEY_MISMATCH.
        """
        record = (await self._held(account.account_id)).record
        found = sorted(record.kinds, reverse=True, key=lambda kind: kind is Factor.PASSKEY)
        return (*found, *((Factor.BACKUP,) if record.backup else ()))

    async def shown(self, account_id: AccountId) -> FactorsShown:
        """Return an account's factors for its owner."""
        held = await self._held(account_id)
        changed_at, now = held.record.changed_at, self._clock.now()
        return FactorsShown(
            totp=bool(held.record.seed),
            passkeys=held.record.passkeys,
            backup_codes_left=len(held.record.backup),
            required=await self.is_required(held.account),
            changed_lately=changed_at is not None and now - changed_at < CHANGE_SHOWN_FOR,
        )

    async def is_required(self, account: OpenedRow) -> bool:
        """Say whether the account's domain asks for a second factor."""
        domain = addresses_of(account)[0].domain
        return (await self._keyring.receiving.domain(domain)).second_factor

    async def check(
        self, account: OpenedRow, proof: Proof, peer: str, *, known: bool, first: bool = False
    ) -> None:
        """See that a factor is the account's, and use it up.

        Shown `first`, before the password, its guesses are counted apart: whoever does not know the
        password keeps nobody from the step after it.

        Raises:
            Refused: AUTHENTICATION_FAILED, it is not, or was used before; TRY_LATER.
            Corrupt: KEY_MISMATCH.
        """
        name = f"{'first ' if first else ''}factor {account.account_id.hex()}"
        octets = proof.value.reveal()
        guessable = proof.factor is Factor.TOTP
        attempt = self._delays.attempt(name, octets, peer, guessable=guessable, known=known)
        try:
            held = await self._held(account.account_id)
            after = self._used(held, proof)
            await self._keyring.apply(self._steps(held, after))
        except (Refused, Conflict):  # of two uses at once, one is a replay
            began_at = self._clock.monotonic()
            seconds = self._delays.failed(attempt)
            await self._delays.hold(seconds - (self._clock.monotonic() - began_at))
            raise _refused() from None
        self._delays.succeeded(attempt)

    def check_old(self, account_id: AccountId, record: FactorsRecord, proof: Proof) -> None:
        """See that a factor is one of `record`, which stood before a reset; it is used once only.

        Raises:
            Refused: AUTHENTICATION_FAILED.
        """
        self._taken(account_id, record, proof)

    async def add_totp(
        self, account_id: AccountId, seed: bytes, code: Plaintext
    ) -> list[Plaintext]:
        """Enrol an authenticator whose first code is right; return backup codes, if it is first.

        Raises:
            Refused: AUTHENTICATION_FAILED, the code is not; NOT_PERMITTED, there is one already.
        """
        step = totp.taken_step(seed, code, self._clock.now(), after=-1)
        if step is None:
            raise _refused()
        held = await self._held(account_id)
        if held.record.seed:
            raise Refused(Condition.NOT_PERMITTED, "take the authenticator you have off first")
        return await self._enrol(held, replace(held.record, seed=seed, step=step), "totp")

    async def add_passkey(self, account_id: AccountId, passkey: Passkey) -> list[Plaintext]:
        """Enrol a passkey that was made and checked; return backup codes, if it is the first.

        Raises:
            Refused: LIMIT.
        """
        held = await self._held(account_id)
        if len(held.record.passkeys) >= passkeys.AT_MOST:
            raise Refused(Condition.LIMIT, f"{passkeys.AT_MOST} passkeys are the most")
        return await self._enrol(held, held.record.with_passkey(passkey), "passkey")

    async def record(self, account_id: AccountId) -> FactorsRecord:
        """Return what an account's factors are checked against, read now."""
        return (await self._held(account_id)).record

    async def remove(self, account_id: AccountId, *, credential: bytes | None = None) -> None:
        """Take off the authenticator, or the passkey with that id; the last takes the codes along.

        The caller has seen the password and a factor.

        Raises:
            Absent: NO_SUCH_CREDENTIAL.
            Refused: NOT_PERMITTED, the account's domain asks for a factor and this is the last.
        """
        held = await self._held(account_id)
        if credential is None:
            after = replace(held.record, seed=b"", step=-1)
        else:
            left = tuple(e for e in held.record.passkeys if e.credential != credential)
            after = replace(held.record, passkeys=left)
        if after == held.record:
            raise Absent(Condition.NO_SUCH_CREDENTIAL, "the account has no such factor")
        if not after.kinds and await self.is_required(held.account):
            raise Refused(Condition.NOT_PERMITTED, "your organisation asks for a second factor")
        kind = "totp" if credential is None else "passkey"
        await self._change(held, replace(after, changed_at=self._clock.now()), "removed", kind)

    async def renew_backup_codes(self, account_id: AccountId) -> list[Plaintext]:
        """Make ten new backup codes; the ones before are void.

        Raises:
            Refused: NOT_PERMITTED, the account has no other factor.
        """
        held = await self._held(account_id)
        if not held.record.kinds:
            raise Refused(Condition.NOT_PERMITTED, "set up an authenticator or a passkey first")
        codes = new_backup_codes()
        after = replace(held.record, backup=_hashes(account_id, codes))
        await self._change(held, after, "renewed", "backup")
        return codes

    async def clearing(self, account_id: AccountId) -> tuple[FactorsRecord, list[Step]]:
        """Return what there is, and the step that deletes the row of factors.

        Whoever takes it changes the account's row in the same transaction.
        """
        held = await self._held(account_id)
        return held.record, [DeleteAll(Rows.FACTORS, account_id)]

    def restoring(self, account_id: AccountId, record: FactorsRecord) -> list[Step]:
        """Make the steps that put `record` in the place of whatever factors there are."""
        gone: list[Step] = [DeleteAll(Rows.FACTORS, account_id)]
        if not record.kinds:
            return gone
        return [*gone, Insert(Rows.FACTORS, self._row(account_id, record))]

    def _used(self, held: _Held, proof: Proof) -> FactorsRecord:
        if not held.record.kinds:
            raise _refused()
        return self._taken(held.account.account_id, held.record, proof)

    def _taken(self, account_id: AccountId, record: FactorsRecord, proof: Proof) -> FactorsRecord:
        """Return the record after `proof` is used up."""
        after: FactorsRecord | None = None
        now = self._clock.now()
        match proof.factor:
            case Factor.TOTP if record.seed:
                step = totp.taken_step(record.seed, proof.value, now, after=record.step)
                after = None if step is None else replace(record, step=step)
            case Factor.BACKUP:
                after = record.without_backup(account_id, proof.value)
            case Factor.PASSKEY if proof.site is not None and proof.challenge:
                after = passkeys.used(proof.site, proof.value, proof.challenge, record, now)
        if after is None:
            raise _refused()
        return after

    async def _enrol(self, held: _Held, after: FactorsRecord, kind: str) -> list[Plaintext]:
        codes: list[Plaintext] = []
        if not held.record.kinds:
            codes = new_backup_codes()
            after = replace(after, backup=_hashes(held.account.account_id, codes))
        await self._change(held, after, "added", kind)
        return codes

    async def _change(self, held: _Held, after: FactorsRecord, what: str, kind: str) -> None:
        """Write a change to the audit log, do it, and tell the owner."""
        account_id = held.account.account_id
        await self._chain.record(
            Event.FACTOR_CHANGED,
            actor=account_actor(account_id),
            account_id=account_id,
            facts={"what": what, "kind": kind},
        )
        if not after.kinds:
            after = replace(after, backup=())
        named = tuple(str(kind) for kind in after.kinds)
        steps = self._steps(held, after)
        if named != held.account.record.factors:
            record = replace(held.account.record, factors=named)
            steps.append(self._keyring.change_account(held.account, record))
        await self._keyring.apply(steps)
        await self._keyring.clear()
        await self._tell(account_id, Notice.FACTOR_CHANGED, kind)

    def _steps(self, held: _Held, after: FactorsRecord) -> list[Step]:
        row = self._row(held.account.account_id, after)
        if held.row is None:
            return [Insert(Rows.FACTORS, row)]
        return [Replace(Rows.FACTORS, row, held.row.sealed)]

    def _row(self, account_id: AccountId, record: FactorsRecord) -> Row:
        sealed = seal_factors(self._keyring.master, account_id, record)
        return Row(account_id, account_id, b"", sealed.kid, Guarded(sealed.sealed))

    async def _held(self, account_id: AccountId) -> _Held:
        account = await self._keyring.account(account_id, fresh=True)
        rows = await self._keyring.keystore.fresh(Rows.FACTORS, account_id)
        row = rows[0] if rows else None
        record = FactorsRecord()
        if row is not None:
            record = open_factors(self._keyring.master, account_id, row.sealed)
        if tuple(str(kind) for kind in record.kinds) != account.record.factors:
            # Somebody deleted the row, or put an older one back: it is no way around a factor.
            raise Corrupt(Condition.KEY_MISMATCH, "an account's factors are not those it has")
        return _Held(account, row, record)


def _hashes(account_id: AccountId, codes: list[Plaintext]) -> tuple[bytes, ...]:
    return tuple(backup_code_hash(account_id, code) for code in codes)


def _refused() -> Refused:
    return Refused(Condition.AUTHENTICATION_FAILED, "the second factor is not right")
