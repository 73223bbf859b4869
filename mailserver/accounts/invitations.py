"""Invitations: a single-use link, good for seven days, by which somebody makes an account.

The link's row is in the keystore under the hash of its token. Signing up takes it away in the same
transaction that adds the account's row, password and code: of two at once, one is too late. Until
then mail for the address is not taken.
"""

from dataclasses import dataclass
from datetime import timedelta

from mailserver.accounts.directory import Directory, address_of
from mailserver.accounts.keyring import Keyring
from mailserver.accounts.provisioning import NewUser, Provisioning
from mailserver.accounts.reserved import check_not_reserved
from mailserver.audit.chain import Chain
from mailserver.audit.entry import OPERATOR, Event
from mailserver.model.address import Address
from mailserver.model.errors import Absent, Condition, Conflict
from mailserver.model.ids import new_account_id
from mailserver.model.sealed import Guarded, Plaintext
from mailserver.runtime.clock import Clock
from mailserver.store.keystore import Delete, Insert, Row
from mailserver.store.keystore_tables import Rows
from mailserver.vault.links import (
    LinkRecord,
    Purpose,
    link_place,
    new_link_token,
    open_link,
    seal_link,
)

GOOD_FOR = timedelta(days=7)


@dataclass(frozen=True, slots=True, repr=False)
class Invitation:
    """What a link invites to."""

    address: Address
    quota_octets: int


class Invitations:
    """Makes invitations, and accounts of those who take them."""

    def __init__(
        self,
        keyring: Keyring,
        directory: Directory,
        provisioning: Provisioning,
        chain: Chain,
        clock: Clock,
    ) -> None:
        """Keep them in the keystore of `keyring`."""
        self._keyring = keyring
        self._directory = directory
        self._provisioning = provisioning
        self._chain = chain
        self._clock = clock

    async def invite(
        self, address: Address, *, quota_octets: int, actor: str = OPERATOR
    ) -> Plaintext:
        """Return the token of a new invitation, shown once.

        Raises:
            Absent: NO_SUCH_DOMAIN.
            Conflict: ALREADY_EXISTS, somebody has the address.
            Refused: NOT_PERMITTED, it is the server's own.
        """
        check_not_reserved(address)
        if not await self._directory.is_local(address.domain):
            raise Absent(Condition.NO_SUCH_DOMAIN, f"there is no domain {address.domain} here")
        if await self._keyring.receiving.address(address, fresh=True) is not None:
            raise Conflict(Condition.ALREADY_EXISTS, "somebody has this address already")
        token, now = new_link_token(), self._clock.now()
        record = LinkRecord(
            purpose=Purpose.INVITATION,
            account=new_account_id(),
            address=address.key,
            made_at=now,
            expires_at=now + GOOD_FOR,
            quota_octets=quota_octets,
        )
        await self._chain.record(Event.INVITED, actor=actor, facts={"days": GOOD_FOR.days})
        place = link_place(token)
        sealed = seal_link(self._keyring.master, place, record)
        row = Row(place, place, b"", sealed.kid, Guarded(sealed.sealed))
        await self._keyring.apply([Insert(Rows.LINKS, row)])
        return token

    async def look(self, token: Plaintext) -> Invitation:
        """Return what a link invites to; it is not used up by this.

        Raises:
            Absent: NO_SUCH_CREDENTIAL, there is no such link, or it was used, or is too old.
        """
        _, record = await self._found(token)
        return Invitation(address_of(record.address), record.quota_octets)

    async def sign_up(self, token: Plaintext, password: Plaintext) -> NewUser:
        """Make the account that a link invites to; the link is used up.

        Raises:
            Absent: NO_SUCH_CREDENTIAL.
            Conflict: ALREADY_EXISTS, somebody has the address; CHANGED_MEANWHILE, the link was
                used this moment.
            Refused: WEAK_PASSWORD.
        """
        row, record = await self._found(token)
        used = Delete(Rows.LINKS, row.account_id, row.row_id, row.sealed)
        user = await self._provisioning.add_user(
            address_of(record.address),
            password,
            quota_octets=record.quota_octets,
            provisional=False,
            along=(used,),
            actor="invited",
        )
        await self._keyring.clear()
        return user

    async def sweep(self) -> int:
        """Delete links of every kind whose time is over; return how many."""
        swept, last, now = 0, None, self._clock.now()
        while page := await self._keyring.keystore.page(Rows.LINKS, last):
            last = page[-1]
            for row in page:
                record = open_link(self._keyring.master, row.account_id, row.sealed, row.selector)
                if record.expires_at <= now:
                    await self._keyring.apply([Delete(Rows.LINKS, row.account_id, row.row_id)])
                    swept += 1
        return swept

    async def _found(self, token: Plaintext) -> tuple[Row, LinkRecord]:
        place = link_place(token)
        for row in await self._keyring.keystore.fresh(Rows.LINKS, place):
            record = open_link(self._keyring.master, place, row.sealed, row.selector)
            good = self._clock.now() < record.expires_at
            if record.purpose is Purpose.INVITATION and good:
                return row, record
        raise Absent(Condition.NO_SUCH_CREDENTIAL, "this link is not good, or not any more")
