"""What the store forgets by itself, once a day and account by account.

Each step is idempotent and small; one that fails is logged and comes again the next day, and the
other accounts have their turn all the same.
"""

from datetime import datetime, timedelta

from mailserver.model.errors import MailError
from mailserver.runtime.log import get_logger
from mailserver.store.changes import KEPT
from mailserver.store.store import Store
from mailserver.store.sweeps import ORPHAN_AGE

CORRESPONDENTS_KEPT = timedelta(days=365)
"""For how long a recipient is no stranger to an account: keyed hashes, which tell no address."""

log = get_logger("upkeep")


async def forget_old(store: Store, now: datetime) -> None:
    """Prune change logs after 30 days, and delete what no row names or nobody needs any more.

    Raises:
        Transient: the list of accounts or of blobs could not be read.
    """
    for account in await store.accounts.listing():
        try:
            await store.changes.prune(account.account_id, now - KEPT)
            await store.sweeps.forget_threads(account.account_id)
            await store.senders.forget_people(account.account_id)
        except MailError as error:
            log.warning("upkeep of an account failed", condition=error.condition.name)
    await store.sieve.forget(now)
    await store.senders.forget()
    await store.greylist.forget()
    await store.reports.forget(now)
    await store.sending.forget(now - CORRESPONDENTS_KEPT)
    orphans = await store.sweeps.delete_orphans(now - ORPHAN_AGE)
    if orphans:
        log.info("orphaned blobs deleted", blobs=orphans)
