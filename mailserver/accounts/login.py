"""Signing in: the successful opening of a wrap, and nothing else (PRIVACY §1, §6).

    login → address → the index's account → its authentic row, which must name the address
          → the credential that the secret selects → commit → key

Whatever fails on that way, and whoever does not exist, costs the same work and gets the same words.
Mail programs bring app passwords, which are random and need no slow hash: a sign-in is some 0.3 ms.
The account password is never tried there. What does not look like an app password gets the refusal
that explains them, after the same work, whether or not the account exists.
"""

import base64
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from ipaddress import ip_address, ip_network

from mailserver.accounts.delays import Attempt, Delays
from mailserver.accounts.directory import Directory, addresses_of
from mailserver.accounts.hashing import Hashing
from mailserver.accounts.keyring import Keyring, OpenedRow, Wrap
from mailserver.accounts.sessions import Lease, Sessions, has_expired
from mailserver.accounts.unknown import Unknown
from mailserver.accounts.wishes import erase_at
from mailserver.audit.chain import Chain
from mailserver.audit.entry import SERVER, Event, account_actor
from mailserver.audit.subjects import Subject
from mailserver.model.address import Address
from mailserver.model.errors import Condition, PeerFault, Refused
from mailserver.model.ids import AccountId
from mailserver.model.notice import Notice, Tell, tell_nobody
from mailserver.model.sealed import Plaintext
from mailserver.runtime.clock import Clock
from mailserver.runtime.log import cut_ip
from mailserver.store.store import Store
from mailserver.vault.account_key import AccountKey
from mailserver.vault.codes import app_password_selector, normal_app_password
from mailserver.vault.credentials import (
    make_password_wrap,
    open_app_password_wrap,
    open_password_wrap,
    password_outdated,
    spend_app_password,
    spend_password,
)
from mailserver.vault.records import Scope, WrapKind

NOTED_AGAIN = timedelta(hours=1)  # of one credential, service and network in the audit log
NOTED_ENTRIES = 100_000
FAILURES_REPORTED = 10
APP_PASSWORD_CHARACTERS = 32

_REFUSED = (
    "sign-in failed; mail programs need an app password, which is made in the account's settings"
)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Somebody who may send: whose account it is and which sender addresses are theirs."""

    account_id: AccountId
    address: Address
    addresses: tuple[Address, ...]


@dataclass(frozen=True, slots=True, repr=False)
class Proven:
    """A credential that was shown to be right, and what it opened."""

    account: OpenedRow
    wrap: Wrap
    key: AccountKey | None


FactorFirst = Callable[[OpenedRow | None], Awaitable[bool]]
"""Says whether a second factor was shown for the account; does the same work for nobody's."""


class Logins:
    """Every way to sign in with a secret; used on the event loop only."""

    def __init__(
        self,
        store: Store,
        keyring: Keyring,
        directory: Directory,
        sessions: Sessions,
        chain: Chain,
        delays: Delays,
        hashing: Hashing,
        clock: Clock,
        *,
        tell: Tell = tell_nobody,
    ) -> None:
        """Glue those together; `tell` writes to whoever's password somebody guesses at."""
        self._store = store
        self._keyring = keyring
        self._directory = directory
        self._sessions = sessions
        self._chain = chain
        self._delays = delays
        self._hashing = hashing
        self._clock = clock
        self._tell = tell
        self._unknown = Unknown(keyring)
        self._noted: OrderedDict[tuple[AccountId, bytes, Scope, str], float] = OrderedDict()

    async def app_password(
        self, login: str, secret: Plaintext, *, scope: Scope, peer: str
    ) -> Lease:
        """Open an account for a mail program at the IP address `peer`.

        Raises:
            Refused: AUTHENTICATION_FAILED or ACCOUNT_PASSWORD_ON_MAIL, by what the secret looks
                like; TRY_LATER, EXPIRED, SCOPE.
            Transient: the sign-in could not be checked, or not be written to the audit log.
            Corrupt: KEY_MISMATCH, the keystore's rows are not authentic; it was reported.
        """
        proven = await self._proven(login, secret, scope, peer)
        if proven.key is None:  # it is for sending only, and `scope` is not that
            raise Refused(Condition.SCOPE, "this app password is for sending only")
        record = proven.wrap.record
        async with self._directory.reporting(proven.account.account_id):
            lease = self._sessions.lease(
                proven.account, proven.key, proven.wrap.row_id, record.expires_at
            )
            lease.scopes = frozenset(record.scopes)
            return lease

    async def submission(self, login: str, secret: Plaintext, *, peer: str) -> SignedIn:
        """Say who submits mail; opens nothing. Raises as `app_password` does."""
        proven = await self._proven(login, secret, Scope.SMTP, peer)
        if proven.key is not None:
            proven.key.close()
        addresses = addresses_of(proven.account)
        return SignedIn(proven.account.account_id, addresses[0], addresses)

    async def password(self, login: str, password: Plaintext, *, peer: str) -> Lease:
        """Open an account by its own password alone: for the command line, never for mail.

        Raises:
            Refused: AUTHENTICATION_FAILED, TRY_LATER; NOT_PERMITTED, the account has a second
                factor, which only its owner's browser can show.
            Transient: BUSY, too many passwords are being hashed.
            Corrupt: KEY_MISMATCH, the keystore's rows are not authentic; it was reported.
        """
        proven, key = await self.prove_password(login, password, peer=peer)
        if proven.account.record.factors:
            key.close()
            raise Refused(
                Condition.NOT_PERMITTED,
                "this account has a second factor: do this in its settings on the web",
            )
        await self.note(proven, None, peer)
        return self._sessions.lease(proven.account, key, proven.wrap.row_id, None)

    async def prove_password(
        self,
        login: str,
        password: Plaintext,
        *,
        peer: str,
        device: AccountId | None = None,
        first: FactorFirst | None = None,
    ) -> tuple[Proven, AccountKey]:
        """See whose password it is: one password hash, whoever asks. The key is the caller's.

        Guesses make strangers wait, but not a browser that is known to the account (`device`), nor
        whoever shows a second factor `first`. Raises as `password` does.
        """
        account = await self._account(login)
        known = account is not None and account.account_id == device
        attempt = await self._attempt(login, password, peer, account, known=known, first=first)
        wraps = [] if account is None else await self._wraps(account, WrapKind.PASSWORD)
        if account is None or not wraps:
            await self._hashing(partial(spend_password, password), known=known)
            raise await self._failed(attempt, account, Condition.AUTHENTICATION_FAILED)
        wrap = wraps[0]
        opening = partial(
            open_password_wrap, account.account_id, wrap.row_id, wrap.record, password
        )
        try:
            key = await self._hashing(opening, known=known)
        except Refused as refusal:
            raise await self._failed(attempt, account, refusal.condition) from None
        self._delays.succeeded(attempt)
        if password_outdated(wrap.record):
            wrap = await self._renewed(account, wrap, key, password)
        return Proven(account, wrap, key), key

    async def _attempt(
        self,
        login: str,
        password: Plaintext,
        peer: str,
        account: OpenedRow | None,
        *,
        known: bool,
        first: FactorFirst | None,
    ) -> Attempt:
        """Begin an attempt; where strangers must wait, a second factor shown first lets through."""
        octets = password.reveal()
        try:
            return self._delays.attempt(login, octets, peer, guessable=True, known=known)
        except Refused:
            if first is None or not await first(account):
                raise
        return self._delays.attempt(login, octets, peer, guessable=True, known=True)

    async def _wraps(self, account: OpenedRow, kind: WrapKind) -> list[Wrap]:
        async with self._directory.reporting(account.account_id):
            return await self._keyring.wraps(account.account_id, kind)

    async def _renewed(
        self, account: OpenedRow, wrap: Wrap, key: AccountKey, password: Plaintext
    ) -> Wrap:
        """Wrap `key` anew under today's Argon2 parameters, while the password is in hand."""
        making = partial(make_password_wrap, key, account.account_id, password, self._clock.now())
        new = await self._hashing(making)
        await self._keyring.apply(self._keyring.change_wrap(wrap, new))
        row = self._keyring.add_wrap(account.account_id, new).row
        return Wrap(row, new.record)

    async def _proven(self, login: str, secret: Plaintext, scope: Scope, peer: str) -> Proven:
        """Return what `secret` opens, where it may be used for `scope` from `peer`."""
        attempt = self._delays.attempt(login, secret.reveal(), peer)
        account = await self._account(login)
        proven = await self._unwrapped(login, account, secret)
        if proven is None:
            raise await self._failed(attempt, account, _refusal(secret))
        self._delays.succeeded(attempt)
        try:
            _check_use(proven.wrap, scope, peer, self._clock)
            _check_stays(proven.account)
            await self.note(proven, scope, peer)
        except BaseException:
            if proven.key is not None:
                proven.key.close()
            raise
        return proven

    async def _account(self, login: str) -> OpenedRow | None:
        """Return the account of `login`; None for nobody, after the same work."""
        try:
            opened = await self._directory.holder(Address.parse(login))
        except PeerFault:
            opened = None
        if opened is None:
            await self._unknown.look(login)
        return opened

    async def _unwrapped(
        self, login: str, account: OpenedRow | None, secret: Plaintext
    ) -> Proven | None:
        account_id = self._unknown.name(login) if account is None else account.account_id
        selector = app_password_selector(account_id, secret)
        async with self._directory.reporting(account_id):
            wraps = await self._keyring.selected(account_id, selector)
        if account is not None:
            for wrap in wraps:
                try:
                    key = open_app_password_wrap(account_id, wrap.row_id, wrap.record, secret)
                except Refused:
                    continue  # six characters may select two rows
                return Proven(account, wrap, key)
        spend_app_password(account_id, secret)
        return None

    async def _failed(
        self, attempt: Attempt, account: OpenedRow | None, condition: Condition
    ) -> Refused:
        """Count a failure, let its answer wait, and return it."""
        began_at = self._clock.monotonic()
        seconds = self._delays.failed(attempt)
        if account is not None and self._delays.failures(attempt) == FAILURES_REPORTED:
            await self._tell(account.account_id, Notice.SIGN_IN_FAILURES, str(FAILURES_REPORTED))
            await self._chain.record(
                Event.SIGN_IN_FAILURES,
                actor=SERVER,
                account_id=account.account_id,
                facts={"failures": FAILURES_REPORTED},
                personal=_subject(account).seal({"network": attempt.network}),
            )
        await self._delays.hold(seconds - (self._clock.monotonic() - began_at))
        return Refused(condition, _REFUSED)

    async def note(
        self, proven: Proven, scope: Scope | None, peer: str, *, vouched: bool = False
    ) -> None:
        """Write the sign-in to the audit log; `vouched`: an identity provider said who it is.

        Mail programs sign in every few minutes: one credential, service and network is one entry
        an hour.
        """
        account_id = proven.account.account_id
        key = (account_id, proven.wrap.row_id, scope or Scope.JMAP, cut_ip(peer))
        now = self._clock.monotonic()
        noted_at = self._noted.get(key)
        lately = noted_at is not None and now - noted_at < NOTED_AGAIN.total_seconds()
        if lately and scope is not None:
            return
        await self._chain.record(
            Event.SIGN_IN,
            actor=account_actor(account_id),
            account_id=account_id,
            facts={
                "credential": proven.wrap.row_id.hex(),
                "kind": proven.wrap.record.kind.name.lower(),
                "scope": scope.value if scope is not None else "account",
                **({"vouched": 1} if vouched else {}),
            },
            personal=_subject(proven.account).seal({"address": peer}),
        )
        self._noted[key] = now
        self._noted.move_to_end(key)
        if len(self._noted) > NOTED_ENTRIES:
            self._noted.popitem(last=False)


def _subject(account: OpenedRow) -> Subject:
    return Subject(account.account_id, account.guard.audit_key)


def _refusal(secret: Plaintext) -> Condition:
    """Tell an app password that is wrong from what was never one, by its look alone."""
    normal = normal_app_password(secret)
    if len(normal) == APP_PASSWORD_CHARACTERS:
        try:
            base64.b32decode(normal.upper())
        except ValueError:
            return Condition.ACCOUNT_PASSWORD_ON_MAIL
        return Condition.AUTHENTICATION_FAILED
    return Condition.ACCOUNT_PASSWORD_ON_MAIL


def _check_stays(account: OpenedRow) -> None:
    """Let no program into an account that is to be erased: who reads there wants to keep it."""
    if erase_at(account.record) is not None:
        text = "this account is to be erased; sign in to the webmail to keep it"
        raise Refused(Condition.EXPIRED, text)


def _check_use(wrap: Wrap, scope: Scope, peer: str, clock: Clock) -> None:
    """Refuse a right credential in the wrong place; its holder may know why."""
    if has_expired(wrap, clock.now()):
        raise Refused(Condition.EXPIRED, "this app password has expired")
    if scope not in wrap.record.scopes:
        raise Refused(Condition.SCOPE, f"this app password is not for {scope.value}")
    if wrap.record.cidrs and not _within(peer, wrap.record.cidrs):
        raise Refused(Condition.SCOPE, "this app password is not for this network")


def _within(peer: str, cidrs: tuple[str, ...]) -> bool:
    try:
        address = ip_address(peer.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return any((mapped or address) in ip_network(cidr) for cidr in cidrs)
