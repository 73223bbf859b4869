"""The scripts of one account: guarded, so that they run while their author is away (PRIVACY §3).

A script is stored only if it compiles. One that sends mail somewhere is stored only if each
address it names is approved already: an app password must not make mail leave (T-SRV-4). What a
script makes up in a run is looked at in that run.
"""

import unicodedata
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from mailserver.audit.chain import Chain
from mailserver.audit.entry import Event, account_actor
from mailserver.audit.subjects import Subject
from mailserver.model.address import Address
from mailserver.model.errors import Absent, Condition, PeerFault, Refused
from mailserver.model.ids import AccountId, ObjectId, new_object_id
from mailserver.model.sealed import Guarded, Plaintext
from mailserver.protocol import sieve
from mailserver.runtime.settings import Sieve as Bounds
from mailserver.store.sieve import NewScript
from mailserver.store.store import Store
from mailserver.vault.guard import AccountGuard, Kind

NAME_OCTETS = 512  # RFC 5804 §1.6

Approved = Callable[[AccountId, Address], Awaitable[bool]]
"""Says whether an account's mail may be sent on to an address (PRIVACY §3)."""

_PREFIX = "sieve\0"
"""Keeps the hashes of scripts' names apart from those of mailboxes."""


@dataclass(frozen=True, slots=True)
class ScriptInfo:
    """A script in a list."""

    name: str
    active: bool
    size_octets: int
    id: ObjectId
    """Changes with the content."""


def limits_of(bounds: Bounds) -> sieve.Limits:
    """Return what a script and its runs may cost."""
    return sieve.Limits(script_octets=bounds.script_octets, redirects=bounds.redirects)


class Scripts:
    """The scripts of one account."""

    def __init__(
        self,
        store: Store,
        account_id: AccountId,
        guard: AccountGuard,
        chain: Chain,
        approved: Approved,
        bounds: Bounds,
    ) -> None:
        """Keep them in `store` under `guard`; changes are told to `chain`."""
        self._rows = store.sieve
        self._account_id = account_id
        self._guard = guard
        self._chain = chain
        self._approved = approved
        self._bounds = bounds

    async def listing(self) -> list[ScriptInfo]:
        """Return all scripts, by name."""
        found = [
            ScriptInfo(
                self._guard.open_name(Kind.SIEVE_SCRIPT, row.name_hash, row.name).removeprefix(
                    _PREFIX
                ),
                row.active,
                row.size_octets,
                row.object_id,
            )
            for row in await self._rows.listing(self._account_id)
        ]
        return sorted(found, key=lambda script: script.name)

    async def get(self, name: str) -> Plaintext:
        """Return a script. Raises Absent (NO_SUCH_SCRIPT)."""
        object_id, content = await self._rows.content(self._account_id, self._hash(name))
        return Plaintext(opened_script(self._guard, object_id, content))

    async def check(self, content: Plaintext) -> list[str]:
        """Say what is doubtful about a script that could be stored; one line each.

        Raises:
            PeerFault: BAD_SCRIPT, it does not compile; TOO_LARGE.
            Refused: NOT_PERMITTED, it sends mail where it may not.
        """
        octets = content.reveal()
        if len(octets) > self._bounds.script_octets:
            most = self._bounds.script_octets
            raise PeerFault(Condition.TOO_LARGE, f"a script has {most} octets at most")
        try:
            script = sieve.compile(octets, limits_of(self._bounds))
        except sieve.SieveError as error:
            raise PeerFault(Condition.BAD_SCRIPT, str(error)) from None
        warnings = await self._targets(script)
        known = {one.name for one in await self.listing()} if script.includes else set()
        warnings += [
            f'there is no script "{name}" to include' for name in sorted(script.includes - known)
        ]
        return warnings

    async def put(self, name: str, content: Plaintext) -> list[str]:
        """Store a script, in the place of one of that name; returns what `check` does.

        Raises:
            PeerFault: as `check`; BAD_SYNTAX, this is no name.
            Refused: as `check`; LIMIT, there are too many; OVER_QUOTA, they are too large.
        """
        name = canonical_script_name(name)
        warnings = await self.check(content)
        await self._record("put", name)
        object_id = new_object_id()
        octets = content.reveal()
        new = NewScript(
            self._hash(name),
            self._guard.seal_name(Kind.SIEVE_SCRIPT, _PREFIX + name),
            object_id,
            self._guard.seal(Kind.SIEVE_SCRIPT, object_id, octets),
            len(octets),
        )
        await self._rows.put(
            self._account_id,
            new,
            most=self._bounds.scripts,
            most_octets=self._bounds.scripts_octets,
        )
        return warnings

    async def has_space(self, name: str, size_octets: int) -> None:
        """Say whether a script of that size could be stored (RFC 5804 §2.5).

        Raises:
            PeerFault: TOO_LARGE; BAD_SYNTAX, this is no name.
            Refused: LIMIT, OVER_QUOTA.
        """
        name = canonical_script_name(name)
        if size_octets > self._bounds.script_octets:
            most = self._bounds.script_octets
            raise PeerFault(Condition.TOO_LARGE, f"a script has {most} octets at most")
        others = [one for one in await self.listing() if one.name != name]
        if len(others) >= self._bounds.scripts:
            raise Refused(Condition.LIMIT, f"{self._bounds.scripts} scripts are the most")
        if sum(one.size_octets for one in others) + size_octets > self._bounds.scripts_octets:
            most = self._bounds.scripts_octets
            raise Refused(Condition.OVER_QUOTA, f"scripts may take {most} octets together")

    async def activate(self, name: str | None) -> None:
        """Let a script run from now on, or none. Raises Absent (NO_SUCH_SCRIPT)."""
        if name is not None:
            await self._rows.content(self._account_id, self._hash(name))
        await self._record("activate" if name is not None else "deactivate", name or "")
        await self._rows.activate(self._account_id, None if name is None else self._hash(name))

    async def delete(self, name: str) -> None:
        """Delete a script. Raises Absent, Conflict (SCRIPT_ACTIVE)."""
        await self._record("delete", name)
        await self._rows.delete(self._account_id, self._hash(name))

    async def rename(self, old: str, new: str) -> None:
        """Give a script another name; it stays active if it was.

        Raises:
            Absent: NO_SUCH_SCRIPT.
            Conflict: ALREADY_EXISTS.
            PeerFault: BAD_SYNTAX, this is no name.
        """
        new = canonical_script_name(new)
        await self._record("rename", new)
        await self._rows.rename(
            self._account_id,
            self._hash(old),
            self._hash(new),
            self._guard.seal_name(Kind.SIEVE_SCRIPT, _PREFIX + new),
        )

    async def _targets(self, script: sieve.Script) -> list[str]:
        """Refuse addresses that are not approved; warn of those that are not known yet."""
        warnings = []
        for target in script.targets:
            if target.address is None:
                warnings.append(
                    f"line {target.line}: mail goes on only to addresses you approved;"
                    " else it is kept"
                )
            elif not await self._approved(self._account_id, Address.parse(target.address)):
                raise Refused(
                    Condition.NOT_PERMITTED,
                    f"line {target.line}: mail is not sent on to {target.address} before you"
                    " approve this address in webmail, Settings, Forwarding",
                )
        return warnings

    async def _record(self, change: str, name: str) -> None:
        subject = Subject(self._account_id, self._guard.audit_key)
        await self._chain.record(
            Event.RULE_CHANGED,
            actor=account_actor(self._account_id),
            account_id=self._account_id,
            facts={"rule": "script", "change": change},
            personal=subject.seal({"name": name} if name else {}),
        )

    def _hash(self, name: str) -> bytes:
        try:
            return script_name_hash(self._guard, canonical_script_name(name))
        except PeerFault:
            raise Absent(Condition.NO_SUCH_SCRIPT, "there is no script of that name") from None


def canonical_script_name(name: str) -> str:
    """Return the form in which a script's name is kept.

    Raises:
        PeerFault: BAD_SYNTAX, it is empty, too long, or has a control character.

    Source: RFC 5804 §1.6.
    """
    name = unicodedata.normalize("NFC", name)
    if (
        not name
        or len(name.encode("utf-8", "surrogatepass")) > NAME_OCTETS
        or any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in name)
    ):
        raise PeerFault(Condition.BAD_SYNTAX, "this is not a name of a script")
    return name


def script_name_hash(guard: AccountGuard, name: str) -> bytes:
    """Return what a script's row is found by."""
    return guard.name_hash(_PREFIX + name)


def opened_script(guard: AccountGuard, object_id: ObjectId, content: Guarded) -> bytes:
    """Open a script. Raises Corrupt."""
    return guard.open(Kind.SIEVE_SCRIPT, object_id, content)
