"""App passwords: one for each mail program, made by the server, shown once, revoked one by one.

Each is a wrap of the account's key (PRIVACY §1), so revoking it is deleting a row; one for sending
only does not hold the key. Making one needs the account open: the server alone cannot.
"""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_network

from mailserver.accounts.keyring import Keyring, OpenedRow, Wrap
from mailserver.accounts.sessions import Lease, Sessions
from mailserver.audit.chain import Chain
from mailserver.audit.entry import Event, account_actor
from mailserver.audit.subjects import Subject
from mailserver.model.errors import Absent, Condition, PeerFault, Refused
from mailserver.model.ids import AccountId
from mailserver.model.sealed import Plaintext
from mailserver.runtime.clock import Clock
from mailserver.store.keystore_purge import Purged
from mailserver.vault.codes import new_app_password_secret
from mailserver.vault.credentials import make_app_password_wrap
from mailserver.vault.records import Scope, WrapKind

__all__ = ["AppPassword", "AppPasswords", "NewAppPassword", "Scope"]

AT_MOST = 10
LABEL_CHARACTERS = 100
CIDRS = 32


@dataclass(frozen=True, slots=True)
class AppPassword:
    """An app password as its owner sees it in a list; the secret is not to be had again."""

    id: bytes
    label: str
    scopes: frozenset[Scope]
    cidrs: tuple[str, ...]
    made_at: datetime
    expires_at: datetime | None


@dataclass(frozen=True, slots=True, repr=False)
class NewAppPassword:
    """An app password that was just made, and its secret."""

    shown: AppPassword
    secret: Plaintext


class AppPasswords:
    """Makes, lists and revokes app passwords."""

    def __init__(
        self,
        keyring: Keyring,
        sessions: Sessions,
        chain: Chain,
        clock: Clock,
        *,
        at_most: int = AT_MOST,
    ) -> None:
        """Allow an account `at_most` of them."""
        self._keyring = keyring
        self._sessions = sessions
        self._chain = chain
        self._clock = clock
        self._at_most = at_most
        self._adding = asyncio.Lock()  # so that two at once do not both take the last place

    async def add(
        self,
        lease: Lease,
        scopes: Collection[Scope],
        *,
        label: str = "",
        cidrs: Collection[str] = (),
        expires_at: datetime | None = None,
        secret: Plaintext | None = None,
    ) -> NewAppPassword:
        """Make an app password for the account that `lease` holds open.

        The caller has seen a fresh second factor, where the account has one. `secret` is for
        throw-away servers whose passwords follow a pattern; 20 characters or more.

        Raises:
            Refused: LIMIT, the account has as many as it may; SCOPE, no scope is given.
            PeerFault: BAD_SYNTAX, a network is none, or the label too long.
            Locked: the account was locked meanwhile.
        """
        if not scopes:
            raise Refused(Condition.SCOPE, "say what the app password is for")
        if len(label) > LABEL_CHARACTERS or len(cidrs) > CIDRS:
            raise PeerFault(Condition.BAD_SYNTAX, "the label or the list of networks is too long")
        secret = secret or new_app_password_secret()
        async with self._adding:
            if len(await self._wraps(lease.account_id)) >= self._at_most:
                raise Refused(
                    Condition.LIMIT, f"{self._at_most} app passwords are the most; revoke one first"
                )
            new = make_app_password_wrap(
                lease.account.key,
                lease.account_id,
                secret,
                frozenset(scopes),
                self._clock.now(),
                label=label,
                cidrs=tuple(_network(cidr) for cidr in cidrs),
                expires_at=expires_at,
            )
            step = self._keyring.add_wrap(lease.account_id, new)
            account = await self._keyring.account(lease.account_id)
            await self._record(Event.CREDENTIAL_ADDED, account, Wrap(step.row, new.record))
            await self._keyring.apply([step])
        return NewAppPassword(_shown(Wrap(step.row, new.record)), secret)

    async def listing(self, account_id: AccountId) -> list[AppPassword]:
        """Return an account's app passwords, oldest first."""
        return [_shown(wrap) for wrap in await self._wraps(account_id)]

    async def revoke(self, account_id: AccountId, app_password: bytes) -> Purged | None:
        """Delete an app password, close what it holds open, and clear it from the keystore's files.

        Other nodes close theirs within five seconds. None where the files are cleared later.

        Raises:
            Absent: NO_SUCH_CREDENTIAL.
            Transient: it is not revoked.
        """
        for wrap in await self._wraps(account_id):
            if wrap.row_id == app_password:
                account = await self._keyring.account(account_id)
                await self._record(Event.CREDENTIAL_REMOVED, account, wrap)
                await self._keyring.apply([self._keyring.drop_wrap(wrap)])
                self._sessions.revoke(account_id, app_password)
                return await self._keyring.clear()
        raise Absent(Condition.NO_SUCH_CREDENTIAL, "there is no such app password")

    async def _wraps(self, account_id: AccountId) -> list[Wrap]:
        return await self._keyring.wraps(account_id, WrapKind.APP_PASSWORD)

    async def _record(self, event: Event, account: OpenedRow, wrap: Wrap) -> None:
        subject = Subject(account.account_id, account.guard.audit_key)
        label = wrap.record.label
        await self._chain.record(
            event,
            actor=account_actor(account.account_id),
            account_id=account.account_id,
            facts={
                "credential": wrap.row_id.hex(),
                "kind": wrap.record.kind.name.lower(),
                "scopes": " ".join(sorted(wrap.record.scopes)),
            },
            personal=subject.seal({"label": label} if label else {}),
        )


def _shown(wrap: Wrap) -> AppPassword:
    record = wrap.record
    return AppPassword(
        wrap.row_id, record.label, record.scopes, record.cidrs, record.made_at, record.expires_at
    )


def _network(cidr: str) -> str:
    try:
        return str(ip_network(cidr.strip(), strict=False))
    except ValueError:
        raise PeerFault(Condition.BAD_SYNTAX, "this is no network in CIDR form") from None
