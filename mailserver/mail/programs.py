"""What runs when mail comes to an account: its scripts and settings, compiled and kept at hand."""

from collections import OrderedDict
from dataclasses import dataclass, field

from mailserver.mail.scripts import limits_of, opened_script, script_name_hash
from mailserver.mail.vacation import (
    Forwarding,
    Vacation,
    as_sieve,
    read_forwarding,
    read_vacation,
)
from mailserver.model.errors import Absent
from mailserver.model.ids import AccountId, ObjectId
from mailserver.protocol import sieve
from mailserver.runtime.settings import Sieve as Bounds
from mailserver.store.sieve import Setting, SettingRow
from mailserver.store.store import Store
from mailserver.vault.guard import AccountGuard

PROGRAMS_KEPT = 1_000
"""Compiled scripts in memory, of all accounts."""

NO_SCRIPT = sieve.compile(b"")
"""What runs where there is none: the implicit keep."""


@dataclass(frozen=True, slots=True, repr=False)
class Program:
    """Scripts that follow one another, and those that they may include."""

    scripts: tuple[sieve.Script, ...] = ()
    """Empty: mail is kept."""
    included: dict[str, sieve.Script] = field(default_factory=dict)


class Programs:
    """Reads and compiles programs; a script that was replaced has another id, so none is stale."""

    def __init__(self, store: Store, bounds: Bounds) -> None:
        """Read from `store`."""
        self._store = store
        self._limits = limits_of(bounds)
        self._compiled: OrderedDict[tuple[AccountId, ObjectId, ObjectId], sieve.Script] = (
            OrderedDict()
        )

    async def of(self, account_id: AccountId, guard: AccountGuard) -> Program:
        """Return what runs for an account's mail.

        Raises:
            SieveError: a script does not compile any more.
            Corrupt: one does not authenticate.
        """
        plan = {row.setting: row for row in await self._store.sieve.plan(account_id)}
        scripts, included = [], {}
        active = plan.get(Setting.SCRIPT)
        if active is not None:
            script = await self._active(account_id, guard, active.object_id)
            scripts.append(script)
            included = await self._included(account_id, guard, script)
        generated = self._generated(
            account_id, guard, plan.get(Setting.VACATION), plan.get(Setting.FORWARDING)
        )
        if generated is not None:
            scripts.append(generated)
        return Program(tuple(scripts), included)

    def forget(self, account_id: AccountId) -> None:
        """Drop what is at hand of an account that was erased."""
        for key in [key for key in self._compiled if key[0] == account_id]:
            del self._compiled[key]

    async def _active(
        self, account_id: AccountId, guard: AccountGuard, object_id: ObjectId
    ) -> sieve.Script:
        key = (account_id, object_id, object_id)
        known = self._compiled.get(key)
        if known is not None:
            self._compiled.move_to_end(key)
            return known
        content = await self._store.sieve.by_object(account_id, object_id)
        if content is None:  # replaced in this very moment: what follows is looked up again
            return NO_SCRIPT
        return self._keep(key, opened_script(guard, object_id, content))

    async def _included(
        self, account_id: AccountId, guard: AccountGuard, script: sieve.Script
    ) -> dict[str, sieve.Script]:
        """Return every script that `script` includes, and those these include."""
        found: dict[str, sieve.Script] = {}
        waiting = sorted(script.includes)
        while waiting and len(found) < self._limits.includes:
            name = waiting.pop()
            if name in found:
                continue
            hash_ = script_name_hash(guard, name)
            try:
                object_id, content = await self._store.sieve.content(account_id, hash_)
            except Absent:
                continue  # whether that is an error, `include` decides: it may be :optional
            key = (account_id, object_id, object_id)
            found[name] = self._compiled.get(key) or self._keep(
                key, opened_script(guard, object_id, content)
            )
            waiting += sorted(found[name].includes)
        return found

    def _generated(
        self,
        account_id: AccountId,
        guard: AccountGuard,
        vacation: SettingRow | None,
        forwarding: SettingRow | None,
    ) -> sieve.Script | None:
        """Return the script that the settings stand for."""
        if vacation is None and forwarding is None:
            return None
        none = ObjectId(bytes(16))
        key = (
            account_id,
            vacation.object_id if vacation else none,
            forwarding.object_id if forwarding else none,
        )
        known = self._compiled.get(key)
        if known is not None:
            self._compiled.move_to_end(key)
            return known
        text = as_sieve(
            read_vacation(guard, vacation) if vacation else Vacation(),
            read_forwarding(guard, forwarding) if forwarding else Forwarding(),
        )
        return self._keep(key, text.encode())

    def _keep(self, key: tuple[AccountId, ObjectId, ObjectId], content: bytes) -> sieve.Script:
        script = sieve.compile(content, self._limits)
        self._compiled[key] = script
        if len(self._compiled) > PROGRAMS_KEPT:
            self._compiled.popitem(last=False)
        return script
