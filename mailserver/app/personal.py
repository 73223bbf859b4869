"""What a person's own export takes from the services of a house."""

from functools import partial

from mailserver.accounts.languages import Languages
from mailserver.accounts.sessions import Lease
from mailserver.accounts.telling import as_far_as_possible
from mailserver.app.house import House
from mailserver.mail.account import Account
from mailserver.mail.rules import Rules
from mailserver.mail.scripts import Scripts
from mailserver.mail.vacation import Vacations
from mailserver.model.ids import AccountId
from mailserver.privacy.consent import Person as PersonOf
from mailserver.privacy.export import Documents, Person, documents
from mailserver.privacy.information import information
from mailserver.transfer.exports import ExportDesk, Spawn
from mailserver.vault.records import WrapKind


async def documents_of(house: House, lease: Lease, account: Account) -> Documents:
    """Return what goes with the mail of an account that its owner holds open.

    Raises:
        Corrupt: a setting was altered.
        Locked: the account was closed meanwhile.
    """
    owner, guard = account.account_id, account.guard
    approved, bounds = house.people.forwards.approved, house.settings.sieve
    books = house.books
    consenting = PersonOf(lease.address, owner.hex())
    return await documents(
        account,
        Rules(
            Scripts(house.store, owner, guard, house.chain, approved, bounds),
            Vacations(house.store, owner, guard, house.chain),
        ),
        Person(
            language=await Languages(house.keyring).of(owner),
            forwards=await house.people.forwards.listing(owner),
            app_passwords=await house.app_passwords.listing(owner),
            sign_ins=await house.desk.history.listing(lease),
            pushes=await house.push_desk.listing(owner, guard, session=None),
            escrow=await house.desk.escrow_wraps.status(owner, lease.account.key),
            consents=await books.consent_views.told(consenting),
        ),
        house.store.audit,
        information(books.processing.current(), books.profile, house.clock.now()),
    )


def export_desk(house: House, spawn: Spawn) -> ExportDesk:
    """Make what exports accounts for their owners, in the background that `spawn` starts."""

    async def origin(account_id: AccountId) -> bytes:
        wraps = await house.keyring.wraps(account_id, WrapKind.PASSWORD)
        return b"".join(wrap.row_id for wrap in wraps)

    return ExportDesk(
        *(house.store, house.settings.export_dir, house.chain, house.offload, house.clock),
        documents=partial(documents_of, house),
        origin=origin,
        tell=as_far_as_possible(house.people.notices.tell),
        spawn=spawn,
    )
