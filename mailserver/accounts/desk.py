"""The desk: everything that the web side asks about accounts, put together."""

from dataclasses import dataclass

from mailserver.accounts.app_passwords import AppPasswords
from mailserver.accounts.delays import Delays
from mailserver.accounts.directory import Directory
from mailserver.accounts.escrow import Escrow
from mailserver.accounts.escrow_wraps import EscrowWraps
from mailserver.accounts.factors import Factors
from mailserver.accounts.first_steps import FirstSteps
from mailserver.accounts.forwarding import Forwards
from mailserver.accounts.guarded_recovery import GuardedRecovery
from mailserver.accounts.hashing import Hashing
from mailserver.accounts.history import Creating, History
from mailserver.accounts.invitations import Invitations
from mailserver.accounts.keyring import Keyring
from mailserver.accounts.languages import Languages
from mailserver.accounts.login import Logins
from mailserver.accounts.lost_factors import LostFactors
from mailserver.accounts.provider_keys import Issuers
from mailserver.accounts.providers import Providers
from mailserver.accounts.provisioning import Provisioning
from mailserver.accounts.recovery import Recovery
from mailserver.accounts.rescue import Rescue
from mailserver.accounts.resets import Resets
from mailserver.accounts.sessions import Sessions
from mailserver.accounts.sign_in import SignIn
from mailserver.accounts.trusted_devices import TrustedDevices
from mailserver.accounts.vaults import Vaults
from mailserver.accounts.web_sessions import WebSessions
from mailserver.accounts.wishes import Wishes
from mailserver.audit.chain import Chain
from mailserver.crypto.suite import Suite
from mailserver.model.notice import Tell
from mailserver.runtime.clock import Clock
from mailserver.store.store import Store
from mailserver.vault.epochs import Deposits


@dataclass(frozen=True, slots=True)
class Desk:
    """The services of `/api/account`."""

    web_sessions: WebSessions
    devices: TrustedDevices
    factors: Factors
    lost_factors: LostFactors
    history: History
    providers: Providers
    sign_in: SignIn
    first_steps: FirstSteps
    invitations: Invitations
    resets: Resets
    vaults: Vaults
    rescue: Rescue
    app_passwords: AppPasswords
    recovery: Recovery
    guarded: GuardedRecovery
    escrow_wraps: EscrowWraps
    languages: Languages
    wishes: Wishes
    forwards: Forwards
    keyring: Keyring
    clock: Clock

    @property
    def escrow(self) -> Escrow:
        """On what terms custodians can open accounts."""
        return self.escrow_wraps.escrow


def furnish_desk(
    store: Store,
    keyring: Keyring,
    directory: Directory,
    sessions: Sessions,
    logins: Logins,
    provisioning: Provisioning,
    recovery: Recovery,
    app_passwords: AppPasswords,
    chain: Chain,
    delays: Delays,
    hashing: Hashing,
    deposits: Deposits,
    creating: Creating,
    clock: Clock,
    tell: Tell,
    issuers: Issuers,
    suite: Suite = Suite.HYBRID,
) -> Desk:
    """Hand each service what it works with."""
    web_sessions, devices = WebSessions(keyring, sessions, clock), TrustedDevices(keyring, clock)
    factors = Factors(keyring, chain, delays, clock, tell)
    lost = LostFactors(keyring, factors, chain, clock, tell)
    history = History(store, directory, deposits, creating, clock)
    who = (keyring, web_sessions, devices, factors, lost, history)
    providers = Providers(keyring, directory, issuers, chain, clock)
    own, rest = (keyring, directory, sessions, factors), (hashing, clock, tell)
    return Desk(
        wishes=(wishes := Wishes(store, keyring, sessions, web_sessions, chain, tell)),
        web_sessions=web_sessions,
        devices=devices,
        factors=factors,
        lost_factors=lost,
        history=history,
        providers=providers,
        sign_in=SignIn(logins, *who, providers, wishes, clock, tell),
        first_steps=FirstSteps(keyring, sessions, chain, hashing, clock, suite=suite),
        invitations=Invitations(keyring, directory, provisioning, chain, clock),
        vaults=(vaults := Vaults(*(back := (*own, history, chain, delays, *rest)), suite=suite)),
        resets=Resets(*own, vaults, chain, *rest, suite=suite),
        rescue=Rescue(*back),
        app_passwords=app_passwords,
        recovery=recovery,
        guarded=GuardedRecovery(recovery, directory, devices, factors, history, delays, tell),
        escrow_wraps=EscrowWraps(keyring, sessions, chain, hashing, clock, suite=suite),
        languages=Languages(keyring),
        forwards=Forwards(keyring, directory, chain, tell),
        keyring=keyring,
        clock=clock,
    )
