"""Erasing an account at once, and the certificate of it."""

from mailserver.app.house import House
from mailserver.audit.checkpoint import load_key
from mailserver.audit.entry import Event
from mailserver.model.address import Address
from mailserver.model.errors import Absent, Condition, Refused
from mailserver.privacy.certificate import Erased, issue

ROWS = 20  # of the log, newest first; the erasure is the last thing that is done to an account


async def erase_certified(house: House, address: Address) -> str:
    """Erase an account and return the certificate.

    Raises:
        Absent: NO_SUCH_USER.
        Transient: it is not finished; do it again.
        Refused: NOT_PERMITTED, it is erased, but its keys may still lie in the keystore's files:
            that is not certified.
    """
    store = house.store
    account_id = await store.accounts.by_address(address.key)
    if account_id is None:
        raise Absent(Condition.NO_SUCH_USER, "there is no such user here")
    row, mailboxes = await store.accounts.get(account_id), await store.mailboxes.listing(account_id)
    counts = {
        "addresses": len(row.addresses),
        "mailboxes": len(mailboxes),
        "entries": sum(mailbox.total for mailbox in mailboxes),
        "octets": row.used_octets,
    }
    purged = await house.provisioning.remove_user(address)
    if not purged.complete:
        why = "; ".join((*purged.found, *purged.doubts))
        raise Refused(Condition.NOT_PERMITTED, f"{address} is erased, but not certified: {why}")
    entries = await store.audit.of_account(account_id, ROWS)
    entry = next(one for one in entries if one.event == Event.ACCOUNT_ERASED.value)
    erased = Erased(account_id, house.clock.now(), counts, entry.number, entry.hash)
    return issue(load_key(house.settings.keys.audit_file), erased)
