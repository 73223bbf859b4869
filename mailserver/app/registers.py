"""What keeps the law's books of this server: its registers, and what ends by age."""

from dataclasses import dataclass

from mailserver.accounts.desk import Desk
from mailserver.accounts.provisioning import Provisioning
from mailserver.audit.chain import Chain
from mailserver.privacy.holds import Holds
from mailserver.privacy.ledger import Ledger
from mailserver.privacy.retention import Retention
from mailserver.privacy.retention_rows import categories
from mailserver.runtime.clock import Clock
from mailserver.runtime.settings import Settings
from mailserver.store.store import Store
from mailserver.vault.guard import InstanceGuard


@dataclass(frozen=True, slots=True)
class Books:
    """The registers of one server."""

    ledger: Ledger
    holds: Holds
    retention: Retention


def open_books(
    settings: Settings,
    store: Store,
    guard: InstanceGuard,
    chain: Chain,
    desk: Desk,
    provisioning: Provisioning,
    clock: Clock,
) -> Books:
    """Make the registers over what is open."""
    ledger = Ledger(store.registers, guard, chain)
    holds = Holds(ledger)
    rows = categories(settings, store, chain, desk, provisioning)
    return Books(ledger, holds, Retention(rows, store, ledger, holds, chain, clock))
