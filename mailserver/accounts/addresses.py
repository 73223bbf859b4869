"""Further addresses of accounts, and groups: made, changed, listed and ended, each with a trace.

Both are rows of the keystore, so that the database with the mail has no say in who receives. An
address stands for one thing: the keystore takes no second row of it, whoever comes first.
"""

from collections.abc import Sequence
from dataclasses import replace

from mailserver.accounts.admins import Admin
from mailserver.accounts.directory import Directory, address_of, addresses_of
from mailserver.accounts.former import cleared
from mailserver.accounts.groups import MOST_MEMBERS
from mailserver.accounts.keyring import Keyring, OpenedRow
from mailserver.accounts.reserved import check_not_reserved
from mailserver.audit.chain import Chain
from mailserver.audit.entry import OPERATOR, Event, Facts
from mailserver.audit.subjects import Subject
from mailserver.model.address import Address
from mailserver.model.errors import Absent, Condition, Conflict, Refused
from mailserver.model.notice import Notice, Tell, tell_nobody
from mailserver.runtime.clock import Clock
from mailserver.store.store import Store
from mailserver.vault.receiving import GroupRecord, Posting, place_of
from mailserver.vault.records import Table

MOST_ADDRESSES = 100  # of one account: each is in its row, which every delivery opens


class Addresses:
    """Gives addresses to accounts and groups, and takes them away."""

    def __init__(
        self,
        store: Store,
        keyring: Keyring,
        directory: Directory,
        chain: Chain,
        clock: Clock,
        tell: Tell = tell_nobody,
    ) -> None:
        """Change the rows of `keyring`; `tell` writes to an address's former owner."""
        self._store = store
        self._keyring = keyring
        self._receiving = keyring.receiving
        self._directory = directory
        self._chain = chain
        self._clock = clock
        self._tell = tell

    # -- aliases

    async def aliases(self, address: Address) -> tuple[Address, ...]:
        """Return every address of an account, its own name first. Raises Absent."""
        return addresses_of(await self._account(address))

    async def add_alias(
        self,
        address: Address,
        alias: Address,
        *,
        second: Admin | None = None,
        actor: str = OPERATOR,
    ) -> None:
        """Give an account a further address.

        Raises:
            Absent: NO_SUCH_USER; NO_SUCH_DOMAIN, the alias is at no domain of ours.
            Conflict: ALREADY_EXISTS, it is somebody's or a group's.
            Refused: NOT_PERMITTED, it was another's within a year, or is the server's; LIMIT.
        """
        opened = await self._account(address)
        await self._check_free(alias)
        if len(opened.record.addresses) >= MOST_ADDRESSES:
            raise Refused(Condition.LIMIT, f"an account has {MOST_ADDRESSES} addresses at most")
        free = await cleared(self._receiving, alias, opened.account_id, second, self._clock)
        record = replace(opened.record, addresses=(*opened.record.addresses, alias.key))
        await self._note(Event.ADDRESS_ADDED, opened, alias, actor, free.facts(second))
        await self._keyring.apply(
            [
                self._keyring.change_account(opened, record),
                *free.steps,
                self._receiving.hold(alias, opened.account_id),
            ]
        )
        await self._store.accounts.add_address(opened.account_id, alias.key)
        if free.whose is not None:
            await self._tell(free.whose, Notice.ADDRESS_GIVEN_AWAY, str(alias))

    async def remove_alias(self, alias: Address, *, actor: str = OPERATOR) -> None:
        """Take a further address from its account; for a year nobody else gets it.

        Raises:
            Absent: NO_SUCH_USER, it is no account's.
            Refused: NOT_PERMITTED, it is the account's own name.
        """
        opened = await self._account(alias)
        if opened.record.addresses[0] == alias.key:
            raise Refused(Condition.NOT_PERMITTED, "this is the account's own name")
        left = tuple(key for key in opened.record.addresses if key != alias.key)
        await self._note(Event.ADDRESS_REMOVED, opened, alias, actor, {})
        await self._keyring.apply(
            [
                self._keyring.change_account(opened, replace(opened.record, addresses=left)),
                self._receiving.drop(alias),
                *self._receiving.bury(alias, opened.account_id, self._clock.now()),
            ]
        )
        await self._store.accounts.remove_address(opened.account_id, alias.key)

    # -- groups

    async def groups(self) -> list[GroupRecord]:
        """Return all groups, by address. Raises Corrupt (KEY_MISMATCH)."""
        found = [each async for each in self._receiving.all_addresses()]
        return sorted(
            (each for each in found if isinstance(each, GroupRecord)), key=lambda each: each.address
        )

    async def group(self, address: Address) -> GroupRecord:
        """Return a group. Raises Absent (NO_SUCH_USER)."""
        record = await self._receiving.address(address, fresh=True)
        if not isinstance(record, GroupRecord):
            raise Absent(Condition.NO_SUCH_USER, f"there is no group {address} here")
        return record

    async def add_group(
        self,
        address: Address,
        members: Sequence[Address],
        posting: Posting = Posting.ANYBODY,
        *,
        actor: str = OPERATOR,
    ) -> None:
        """Make a group.

        Raises:
            Absent: NO_SUCH_DOMAIN; NO_SUCH_USER, a member at a domain of ours is nobody's.
            Conflict: ALREADY_EXISTS, the address is somebody's or a group's.
            Refused: NOT_PERMITTED, a member is elsewhere and the domain does not allow it, or the
                address was an account's within a year, or is the server's; LIMIT.
        """
        await self._check_free(address)
        if await self._receiving.former(address, self._clock.now()) is not None:
            raise Refused(
                Condition.NOT_PERMITTED, "this address belonged to an account, a year ago"
            )
        record = GroupRecord(address.key, (), posting)
        record = await self._with_members(record, members)
        await self._note_group(record, "made", actor)
        await self._keyring.apply([self._receiving.add(record)])

    async def add_members(
        self, address: Address, members: Sequence[Address], *, actor: str = OPERATOR
    ) -> None:
        """Take members into a group; who is in it already stays. Raises as `add_group`."""
        record = await self._with_members(await self.group(address), members)
        await self._change_group(record, "members-added", actor)

    async def remove_members(
        self, address: Address, members: Sequence[Address], *, actor: str = OPERATOR
    ) -> None:
        """Take members out of a group. Raises Absent (NO_SUCH_USER)."""
        record = await self.group(address)
        gone = {member.key for member in members}
        left = tuple(each for each in record.members if Address.parse(each).key not in gone)
        if len(left) == len(record.members):
            raise Absent(Condition.NO_SUCH_USER, "the group has no such member")
        await self._change_group(replace(record, members=left), "members-removed", actor)

    async def set_posting(
        self, address: Address, posting: Posting, *, actor: str = OPERATOR
    ) -> None:
        """Say who may write to a group. Raises Absent (NO_SUCH_USER)."""
        record = replace(await self.group(address), posting=posting)
        await self._change_group(record, f"posting-{posting}", actor)

    async def remove_group(self, address: Address, *, actor: str = OPERATOR) -> None:
        """End a group. Raises Absent (NO_SUCH_USER)."""
        await self._note_group(await self.group(address), "removed", actor)
        await self._keyring.apply([self._receiving.drop(address)])

    # -- within

    async def _account(self, address: Address) -> OpenedRow:
        """Return the account as it stands now."""
        found = await self._directory.holder(address)
        if found is None:
            raise Absent(Condition.NO_SUCH_USER, f"there is no {address} here")
        return await self._keyring.account(found.account_id, fresh=True)

    async def _check_free(self, address: Address) -> None:
        check_not_reserved(address)
        if not await self._directory.is_local(address.domain):
            raise Absent(Condition.NO_SUCH_DOMAIN, f"there is no domain {address.domain} here")
        taken = await self._receiving.address(address, fresh=True) is not None
        if taken or await self._store.accounts.by_address(address.key) is not None:
            raise Conflict(Condition.ALREADY_EXISTS, "somebody has this address already")

    async def _with_members(self, record: GroupRecord, members: Sequence[Address]) -> GroupRecord:
        """Add members to a group's record, each once."""
        inside = await self._receiving.domain(address_of(record.address).domain, fresh=True)
        by_key = {Address.parse(each).key: each for each in record.members}
        for member in members:
            if await self._directory.is_local(member.domain):
                if member.key != record.address:
                    await self._directory.resolve(member)  # says who is nobody
            elif inside.no_external_forward:
                raise Refused(
                    Condition.NOT_PERMITTED, "the domain's policy keeps its mail on this server"
                )
            by_key.setdefault(member.key, str(member))
        by_key.pop(record.address, None)
        if not by_key or len(by_key) > MOST_MEMBERS:
            raise Refused(Condition.LIMIT, f"a group has 1 to {MOST_MEMBERS} members")
        return replace(record, members=tuple(by_key.values()))

    async def _change_group(self, record: GroupRecord, change: str, actor: str) -> None:
        step = await self._receiving.change(record)
        await self._note_group(record, change, actor)
        await self._keyring.apply([step])

    async def _note(
        self, event: Event, opened: OpenedRow, alias: Address, actor: str, facts: Facts
    ) -> None:
        subject = Subject(opened.account_id, opened.guard.audit_key)
        await self._chain.record(
            event,
            actor=actor,
            account_id=opened.account_id,
            facts=facts,
            personal=subject.seal({"address": alias.key}),
        )

    async def _note_group(self, record: GroupRecord, change: str, actor: str) -> None:
        """Name the group's row and its domain; who is in it is nobody's business."""
        facts: Facts = {
            "group": place_of(Table.ADDRESS, record.address).hex()[:16],
            "domain": address_of(record.address).domain,
            "change": change,
            "members": len(record.members),
        }
        await self._chain.record(Event.GROUP_CHANGED, actor=actor, facts=facts)
