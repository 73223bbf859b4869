"""The services of who receives, put together: addresses, domains, forwarding, notices."""

from dataclasses import dataclass

from mailserver.accounts.addresses import Addresses
from mailserver.accounts.directory import Directory
from mailserver.accounts.domain_rules import DomainRules
from mailserver.accounts.forwarding import Forwards
from mailserver.accounts.keyring import Keyring
from mailserver.audit.chain import Chain
from mailserver.mail.notices import Notices
from mailserver.runtime.clock import Clock
from mailserver.runtime.offload import Offload
from mailserver.store.store import Store
from mailserver.vault.epochs import Deposits


@dataclass(frozen=True, slots=True)
class People:
    """What an operator changes about who receives, and how owners hear of it."""

    notices: Notices
    addresses: Addresses
    domain_rules: DomainRules
    forwards: Forwards


def people(
    store: Store,
    keyring: Keyring,
    directory: Directory,
    chain: Chain,
    deposits: Deposits,
    offload: Offload,
    clock: Clock,
) -> People:
    """Hand each service what it works with."""
    notices = Notices(store, directory.of_account, deposits, offload, clock)
    return People(
        notices,
        Addresses(store, keyring, directory, chain, clock, notices.tell),
        DomainRules(keyring, directory, chain),
        Forwards(keyring, directory, chain, notices.tell),
    )
