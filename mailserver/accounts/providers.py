"""Signing in by an organisation's identity provider (PRIVACY §6): it proves who, and opens nothing.

    begin    the address's domain names a provider; the browser is sent there
    proof    the code it comes back with is redeemed, and what the provider signed is checked
    linked   issuer and subject are the account's from then on

What opens the mailbox is the passphrase, which the account has as any other has its password; or
the server, for accounts in `key_mode=server`. An account is linked at its first sign-in if the
provider verified one of its addresses, else by an administrator. No token is kept.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Literal, TypeVar
from urllib.parse import urlsplit

from mailserver.accounts.directory import Directory
from mailserver.accounts.keyring import Keyring, OpenedRow, Wrap, one_wrap
from mailserver.accounts.provider_keys import Issuers
from mailserver.audit.chain import Chain
from mailserver.audit.entry import Event, account_actor
from mailserver.audit.subjects import Subject
from mailserver.crypto.sign import same
from mailserver.model.address import Address
from mailserver.model.errors import Absent, Condition, Corrupt, PeerFault, Refused
from mailserver.protocol.oidc import claims as told
from mailserver.protocol.oidc.code_flow import CODE_CHARACTERS, authorization_url
from mailserver.runtime.clock import Clock
from mailserver.runtime.log import get_logger
from mailserver.vault.account_key import AccountKey
from mailserver.vault.providers import (
    FlowRecord,
    ProviderRecord,
    VouchedRecord,
    open_flow,
    open_vouched,
    seal_flow,
    seal_vouched,
)
from mailserver.vault.records import WrapKind
from mailserver.vault.server_mode import open_server_wrap

GOOD_FOR = timedelta(minutes=10)
_SECRET_OCTETS = 32

Reason = Literal[
    "flow_expired", "declined", "unverified", "not_linked", "factor_needed", "provider_required"
]

RecordT = TypeVar("RecordT", FlowRecord, VouchedRecord)

log = get_logger("accounts")


class NotVouched(Refused):
    """The identity provider's word is missing, or not enough."""

    def __init__(self, condition: Condition, reason: Reason, text: str) -> None:
        """Carry a `reason` that pages have their own words for."""
        super().__init__(condition, text)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Offer:
    """How somebody in a domain signs in."""

    name: str
    """What people call the provider."""
    required: bool


@dataclass(frozen=True, slots=True, repr=False)
class Sent:
    """A sign-in that goes to its provider."""

    url: str
    flow: str
    """What the browser's tab brings back with the answer."""


@dataclass(frozen=True, slots=True, repr=False)
class Answer:
    """What a browser came back with (RFC 6749 §4.1.2, RFC 9207 §2)."""

    state: str
    code: str | None
    issuer: str | None = None


class Providers:
    """The identity providers of our domains."""

    def __init__(
        self,
        keyring: Keyring,
        directory: Directory,
        issuers: Issuers,
        chain: Chain,
        clock: Clock,
    ) -> None:
        """Find them in the rows of `keyring`, and ask them by `issuers`."""
        self._keyring = keyring
        self._directory = directory
        self.issuers = issuers
        """The providers themselves."""
        self._chain = chain
        self._clock = clock
        self._guard = keyring.master.instance_guard

    async def of(self, login: str) -> ProviderRecord | None:
        """Return the provider of an address's domain, whoever has the address; it is read now."""
        try:
            domain = Address.parse(login).domain
        except PeerFault:
            return None
        return (await self._keyring.receiving.domain(domain, fresh=True)).provider

    async def offer(self, login: str) -> Offer | None:
        """Say how the domain of an address signs in; None: with passwords alone."""
        provider = await self.of(login)
        return None if provider is None else Offer(shown_name(provider), provider.required)

    async def begin(self, login: str, redirect_uri: str) -> Sent:
        """Begin a sign-in; the browser is to come back to `redirect_uri`.

        Raises:
            Absent: NO_SUCH_DOMAIN, the domain has no provider.
            Transient: UNAVAILABLE, it does not answer.
        """
        provider = await self.of(login)
        if provider is None:
            raise Absent(Condition.NO_SUCH_DOMAIN, "this domain has no identity provider")
        metadata = await self.issuers.metadata(provider.issuer)
        flow = FlowRecord(
            address=login,
            issuer=provider.issuer,
            client_id=provider.client_id,
            redirect_uri=redirect_uri,
            state=secrets.token_urlsafe(_SECRET_OCTETS),
            nonce=secrets.token_urlsafe(_SECRET_OCTETS),
            verifier=secrets.token_urlsafe(_SECRET_OCTETS),
            at=self._clock.now(),
        )
        url = authorization_url(
            metadata,
            client_id=flow.client_id,
            redirect_uri=redirect_uri,
            state=flow.state,
            nonce=flow.nonce,
            verifier=flow.verifier,
            login_hint=login,
            acr_values=provider.acr if provider.vouches else (),
        )
        return Sent(url, seal_flow(self._guard, flow))

    async def proof(self, flow: str, answer: Answer) -> VouchedRecord:
        """Take what a browser came back with; return whom the provider vouches for.

        Raises:
            NotVouched: it does not.
            Transient: UNAVAILABLE, it does not answer.
        """
        asked = self._current(lambda: open_flow(self._guard, flow))
        provider = await self._pinned(asked)
        if not same(asked.state.encode(), answer.state.encode("utf-8", "replace")):
            raise _unverified("the answer is to another question")
        metadata = await self.issuers.metadata(asked.issuer)
        named = answer.issuer is not None or metadata.names_itself
        if named and answer.issuer != asked.issuer:  # RFC 9207 §2.4
            raise _unverified("the answer is another provider's")
        if not answer.code or len(answer.code) > CODE_CHARACTERS:
            raise NotVouched(
                Condition.AUTHENTICATION_FAILED,
                "declined",
                "your organisation's sign-in was not completed",
            )
        claims = await self._claims(asked, provider, answer.code)
        shown = provider.vouches and claims.has_second_factor(provider.acr)
        if provider.vouches and not shown:
            raise NotVouched(
                Condition.NOT_PERMITTED,
                "factor_needed",
                "your organisation's sign-in must ask for a second factor",
            )
        return VouchedRecord(
            address=asked.address,
            issuer=asked.issuer,
            subject=claims.subject,
            email=claims.email,
            second_factor=shown,
            at=self._clock.now(),
        )

    async def _claims(self, asked: FlowRecord, provider: ProviderRecord, code: str) -> told.Claims:
        """Redeem a code, and check what is told for it."""
        try:
            token = await self.issuers.id_token(
                await self.issuers.metadata(asked.issuer),
                client_secret=provider.client_secret.decode(),
                client_id=asked.client_id,
                redirect_uri=asked.redirect_uri,
                code=code,
                verifier=asked.verifier,
            )
            if token is None:
                raise _unverified("the code was not taken")
            return told.believed(
                await self.issuers.claims(asked.issuer, token),
                issuer=asked.issuer,
                client_id=asked.client_id,
                nonce=asked.nonce,
                now=self._clock.now(),
            )
        except (PeerFault, Corrupt) as fault:
            log.warning("sign-in not vouched for", provider=asked.issuer, why=fault.text)
            raise _unverified(fault.text) from fault

    def sealed(self, vouched: VouchedRecord) -> str:
        """Write what a provider answered, for the browser to bring along with the passphrase."""
        return seal_vouched(self._guard, vouched)

    async def opened(self, written: str, login: str) -> VouchedRecord:
        """Read what `sealed` wrote, for the address it was made for.

        Raises:
            NotVouched: it is too old, or for somebody else, or the provider is ours no more.
        """
        vouched = self._current(lambda: open_vouched(self._guard, written))
        provider = await self.of(login)
        if provider is None or provider.issuer != vouched.issuer or login != vouched.address:
            raise _expired()
        if provider.vouches and not vouched.second_factor:
            raise _expired()  # the organisation asks for more since
        return vouched

    async def check_way(self, login: str, vouched: VouchedRecord | None) -> None:
        """Refuse a password alone where the domain asks for its provider's word.

        Raises:
            NotVouched: NOT_PERMITTED. It depends on the domain alone.
        """
        provider = await self.of(login)
        if provider is not None and provider.required and vouched is None:
            raise NotVouched(
                Condition.NOT_PERMITTED,
                "provider_required",
                f"sign in with {shown_name(provider)} first",
            )

    async def holder(self, vouched: VouchedRecord) -> OpenedRow | None:
        """Return the account that a sign-in is for; None where nobody has the address.

        For such an address the same is said as for one that is not linked yet.

        Raises:
            NotVouched: NOT_PERMITTED, the provider's user is not who it is for.
        """
        try:
            account = await self._directory.holder(Address.parse(vouched.address))
            if account is not None:  # who was unlinked is so at once
                account = await self._keyring.account(account.account_id, fresh=True)
        except PeerFault:
            account = None
        _check_may_be(account, vouched)
        return account

    async def server_key(self, account: OpenedRow) -> tuple[Wrap, AccountKey]:
        """Open an account in `key_mode=server`; the key is the caller's.

        Raises:
            Absent: NO_SUCH_CREDENTIAL, it is in another mode.
            Corrupt: KEY_MISMATCH; it was reported.
        """
        async with self._directory.reporting(account.account_id):
            wrap = await one_wrap(self._keyring, account.account_id, WrapKind.SERVER)
            key = open_server_wrap(self._guard, account.account_id, wrap.row_id, wrap.record)
        return wrap, key

    async def linked(self, account: OpenedRow, vouched: VouchedRecord) -> OpenedRow:
        """Link an account whose owner showed both, if it is not; return its row.

        Raises:
            NotVouched: NOT_PERMITTED, it cannot be linked, or is linked to somebody else.
            Conflict: CHANGED_MEANWHILE.
        """
        _check_may_be(account, vouched)
        who = (vouched.issuer, vouched.subject)
        if account.record.linked == who:
            return account
        return await self.link(account, who, account_actor(account.account_id))

    async def link(self, account: OpenedRow, who: tuple[str, str] | None, actor: str) -> OpenedRow:
        """Link an account to an issuer's subject, or to nobody; return its row."""
        subject = Subject(account.account_id, account.guard.audit_key)
        await self._chain.record(
            Event.IDENTITY_LINKED,
            actor=actor,
            account_id=account.account_id,
            facts={"issuer": "" if who is None else who[0]},
            personal=subject.seal({"subject": "" if who is None else who[1]}),
        )
        record = replace(account.record, linked=who)
        await self._keyring.apply([self._keyring.change_account(account, record)])
        return await self._keyring.account(account.account_id, fresh=True)

    async def _pinned(self, asked: FlowRecord) -> ProviderRecord:
        """Return the provider that was asked, if it is still the domain's."""
        provider = await self.of(asked.address)
        if provider is None or (provider.issuer, provider.client_id) != (
            asked.issuer,
            asked.client_id,
        ):
            raise _expired()
        return provider

    def _current(self, opening: Callable[[], RecordT]) -> RecordT:
        try:
            record = opening()
        except Refused:
            raise _expired() from None
        if not timedelta(0) <= self._clock.now() - record.at < GOOD_FOR:
            raise _expired()
        return record


def _check_may_be(account: OpenedRow | None, vouched: VouchedRecord) -> None:
    if not _may_be(account, vouched):
        text = "your organisation's sign-in is not linked to this account"
        raise NotVouched(Condition.NOT_PERMITTED, "not_linked", text)


def _may_be(account: OpenedRow | None, vouched: VouchedRecord) -> bool:
    linked = None if account is None else account.record.linked
    if linked is not None and linked[0] == vouched.issuer:
        return linked[1] == vouched.subject
    verified = _key(vouched.email)
    addresses = (_key(vouched.address),) if account is None else account.record.addresses
    return bool(verified) and verified in addresses


def shown_name(provider: ProviderRecord) -> str:
    """Return what people call a provider."""
    return provider.name or (urlsplit(provider.issuer).hostname or provider.issuer)


def _key(address: str) -> str:
    """Return an address as accounts' rows name it; empty where it is none."""
    try:
        return Address.parse(address).key
    except PeerFault:
        return ""


def _expired() -> NotVouched:
    text = "that took too long, begin to sign in once more"
    return NotVouched(Condition.AUTHENTICATION_FAILED, "flow_expired", text)


def _unverified(why: str) -> NotVouched:
    text = f"your organisation's sign-in could not be checked: {why}"
    return NotVouched(Condition.AUTHENTICATION_FAILED, "unverified", text)
