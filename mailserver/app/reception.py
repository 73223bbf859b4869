"""The services by which people come in: sign-ins, new accounts, changed secrets, the web's desk."""

from dataclasses import dataclass
from functools import partial

from mailserver.accounts.app_passwords import AppPasswords
from mailserver.accounts.delays import Delays
from mailserver.accounts.desk import Desk, furnish_desk
from mailserver.accounts.directory import Directory
from mailserver.accounts.hashing import Hashing
from mailserver.accounts.keyring import Keyring
from mailserver.accounts.login import Logins
from mailserver.accounts.provider_keys import Issuers
from mailserver.accounts.provisioning import Provisioning
from mailserver.accounts.recovery import Recovery
from mailserver.accounts.sessions import Sessions
from mailserver.accounts.signing_keys import SigningKeys
from mailserver.accounts.telling import as_far_as_possible
from mailserver.app.papers import open_agreements
from mailserver.audit.chain import Chain
from mailserver.crypto.suite import Suite
from mailserver.mail.opened import create_epoch
from mailserver.model.notice import Tell
from mailserver.runtime.clock import Clock
from mailserver.runtime.service_client import ServiceClient
from mailserver.runtime.settings import Settings
from mailserver.runtime.tls_client import verifying
from mailserver.store.store import Store
from mailserver.vault.epochs import Deposits


@dataclass(frozen=True, slots=True)
class Reception:
    """Whoever opens an account, or changes who does."""

    logins: Logins
    provisioning: Provisioning
    app_passwords: AppPasswords
    recovery: Recovery
    desk: Desk
    sessions: Sessions


def reception(
    store: Store,
    keyring: Keyring,
    directory: Directory,
    sessions: Sessions,
    chain: Chain,
    hashing: Hashing,
    deposits: Deposits,
    clock: Clock,
    tell: Tell,
    *,
    settings: Settings,
    suite: Suite,
    signing_keys: SigningKeys,
) -> Reception:
    """Hand each service what it works with."""
    delays = Delays(clock, enabled=settings.limits.login_delays)
    issuers = Issuers(ServiceClient(verifying(settings.relay.ca_file)), clock)
    tell = as_far_as_possible(tell)
    logins = Logins(store, keyring, directory, sessions, chain, delays, hashing, clock, tell=tell)
    agreements = open_agreements(settings, store, keyring.master, chain, clock)
    provisioning = Provisioning(
        *(store, keyring, sessions, chain, hashing, clock),
        suite=suite,
        contracted=agreements.check,
        signing_keys=signing_keys,
        tell=tell,
    )
    app_passwords = AppPasswords(
        keyring, sessions, chain, clock, at_most=settings.limits.app_passwords
    )
    recovery = Recovery(keyring, directory, sessions, chain, hashing, clock)
    desk = furnish_desk(
        *(store, keyring, directory, sessions, logins, provisioning, recovery, app_passwords),
        *(chain, delays, hashing, deposits, partial(create_epoch, store), clock, tell, issuers),
        suite=suite,
    )
    return Reception(logins, provisioning, app_passwords, recovery, desk, sessions)
