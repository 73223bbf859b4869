"""Push subscriptions: programs that are not connected hear by a push service of changes.

A push service is somebody else, who learns when which device hears of changes. So none is used that
no `[[processors]]` entry of role `push-service` names; and what goes through it says which types of
data changed, never what, encrypted for the device (RFC 8291). A subscription belongs to the web
session that made it and ends with it, after a week, or when the service says that it is gone.

Nobody is pushed to who did not ask: the first push carries a code, and nothing follows until the
program has sent it back.

Source: RFC 8620 §7.2, RFC 8030, RFC 8291, RFC 8292; PRIVACY §6, §9.
"""

import hmac
import json
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from mailserver.mail.state import State
from mailserver.model.errors import Absent, Condition, Corrupt, PeerFault, Refused
from mailserver.model.ids import AccountId, ModSeq, ObjectId, new_object_id
from mailserver.model.sealed import Guarded
from mailserver.model.web_url import WebUrl
from mailserver.runtime.clock import Clock
from mailserver.runtime.log import get_logger
from mailserver.runtime.settings import Settings
from mailserver.runtime.web_client import WebClient, WebError
from mailserver.store.changes import AccountChange
from mailserver.store.pushes import TO_VERIFY, UNVERIFIED, PushRow
from mailserver.store.store import Store
from mailserver.vault.guard import AccountGuard, Kind
from mailserver.vault.pushing import PushIdentity, PushKeys, encrypt

PER_ACCOUNT = 20
LONGEST = timedelta(days=7)
PAUSE = timedelta(seconds=5)  # between two pushes; what changes meanwhile goes together
LONGEST_PAUSE = timedelta(hours=1)
DEADLINE = timedelta(seconds=15)  # of one push
CLAIM = timedelta(minutes=1)
AT_ONCE = 32
TTL_SECONDS = 24 * 3600  # for how long the service keeps a push for a device that is away
VOUCHED = timedelta(hours=12)  # for how long our signature stands; RFC 8292 allows 24 hours
GONE = frozenset({404, 410})

log = get_logger("mail")

GuardOf = Callable[[AccountId], Awaitable[AccountGuard]]
IsLive = Callable[[AccountId, bytes], Awaitable[bool]]


@dataclass(frozen=True, slots=True, repr=False)
class NewPush:
    """A subscription that a program asks for."""

    url: str
    p256dh: str
    auth: str
    device: str
    types: tuple[str, ...] | None
    """The types of data that it wants to hear of; None for all."""
    expires_at: datetime | None


@dataclass(frozen=True, slots=True, repr=False)
class PushSubscription:
    """A subscription as the program that made it sees it; never its URL or keys."""

    id: ObjectId
    device: str
    code: str | None
    """The code that the program sent back; None until then."""
    expires_at: datetime
    types: tuple[str, ...] | None
    service: str
    """The host of the push service."""


@dataclass(frozen=True, slots=True)
class _Held:
    """What the guarded cell of a row says."""

    url: WebUrl
    p256dh: str
    auth: str
    device: str
    types: tuple[str, ...] | None
    session: bytes
    code: str
    verified: bool

    def written(self) -> bytes:
        """Write it."""
        told = {
            "url": str(self.url),
            "p256dh": self.p256dh,
            "auth": self.auth,
            "device": self.device,
            "types": None if self.types is None else list(self.types),
            "session": self.session.hex(),
            "code": self.code,
            "verified": self.verified,
        }
        return json.dumps(told).encode()

    @classmethod
    def read(cls, octets: bytes) -> "_Held":
        """Read what `written` wrote."""
        told = json.loads(octets)
        return cls(
            url=WebUrl.parse(told["url"]),
            p256dh=told["p256dh"],
            auth=told["auth"],
            device=told["device"],
            types=None if told["types"] is None else tuple(told["types"]),
            session=bytes.fromhex(told["session"]),
            code=told["code"],
            verified=told["verified"],
        )


@dataclass(frozen=True, slots=True, repr=False)
class DuePush:
    """Something that is to be pushed now."""

    row: PushRow
    held: _Held
    state: State
    changes: Sequence[AccountChange] | None
    """What happened since the last push; None where the log does not reach back so far."""

    @property
    def account_id(self) -> AccountId:
        """Whose subscription it is."""
        return self.row.account_id

    @property
    def subscription_id(self) -> ObjectId:
        """Which one."""
        return self.row.subscription_id

    @property
    def code(self) -> str | None:
        """The code to send, where the subscription is still to be verified."""
        return self.held.code if self.row.told == TO_VERIFY else None

    @property
    def types(self) -> tuple[str, ...] | None:
        """The types that are wanted; None for all."""
        return self.held.types


class PushDesk:
    """The push subscriptions of this server."""

    def __init__(
        self,
        store: Store,
        guard_of: GuardOf,
        is_live: IsLive,
        web: WebClient,
        identity: PushIdentity,
        clock: Clock,
        settings: Settings,
    ) -> None:
        """Push by `web` in the name of `identity`, for sessions that `is_live` knows."""
        self._store = store
        self._guard_of = guard_of
        self._is_live = is_live
        self._web = web
        self._identity = identity
        self._clock = clock
        self._contact = f"mailto:postmaster@{settings.hostname}"
        named = (one.host for one in settings.processors if one.role == "push-service")
        self._services = tuple(host.lower() for host in named)

    @property
    def is_on(self) -> bool:
        """Whether a push service is registered."""
        return bool(self._services)

    @property
    def public_key(self) -> str:
        """What a program names as its `applicationServerKey` (RFC 9749)."""
        return self._identity.public

    async def add(
        self, account_id: AccountId, guard: AccountGuard, session: bytes, new: NewPush
    ) -> PushSubscription:
        """Add a subscription of a web session; its code is on the way when this returns.

        Raises:
            PeerFault: BAD_ADDRESS, the URL is none; BAD_SYNTAX, the keys are none.
            Refused: NOT_PERMITTED, its push service is not registered.
            Conflict: LIMIT, the account has as many as it may.
        """
        url = WebUrl.parse(new.url)
        PushKeys.parse(new.p256dh, new.auth)
        if url.scheme != "https":
            raise PeerFault(Condition.BAD_ADDRESS, "a push service is reached by https")
        if not self._is_named(url.host):
            raise Refused(
                Condition.NOT_PERMITTED, "this push service is none that the server may use"
            )
        held = _Held(
            *(url, new.p256dh, new.auth, new.device, new.types, session),
            code=secrets.token_urlsafe(24),
            verified=False,
        )
        subscription_id, expires_at = new_object_id(), self._until(new.expires_at)
        sealed = _sealed(guard, subscription_id, held)
        await self._store.pushes.add(
            account_id, subscription_id, sealed, expires_at, at_most=PER_ACCOUNT
        )
        return _shown(subscription_id, held, expires_at)

    async def listing(
        self, account_id: AccountId, guard: AccountGuard, session: bytes | None
    ) -> list[PushSubscription]:
        """List those that a web session made; of all of them where `session` is None."""
        found = []
        for row in await self._store.pushes.listing(account_id):
            held = _opened(guard, row)
            if session is None or held.session == session:
                found.append(_shown(row.subscription_id, held, row.expires_at))
        return found

    async def verify(
        self,
        account_id: AccountId,
        guard: AccountGuard,
        session: bytes,
        subscription_id: ObjectId,
        code: str,
    ) -> None:
        """Take a code that came back: from now on changes are pushed.

        Raises:
            Absent: NO_SUCH_CREDENTIAL.
            PeerFault: BAD_SYNTAX, it is another code.
        """
        _, held = await self._own(account_id, guard, session, subscription_id)
        if not hmac.compare_digest(code.encode(), held.code.encode()):
            raise PeerFault(Condition.BAD_SYNTAX, "this is not the code that was pushed")
        if not held.verified:
            sealed = _sealed(guard, subscription_id, replace(held, verified=True))
            await self._store.pushes.verify(account_id, subscription_id, sealed)

    async def change(
        self,
        account_id: AccountId,
        guard: AccountGuard,
        session: bytes,
        subscription_id: ObjectId,
        *,
        types: tuple[str, ...] | None,
        expires_at: datetime | None,
    ) -> PushSubscription:
        """Set until when a subscription holds, and for which types. Raises as `verify`."""
        _, held = await self._own(account_id, guard, session, subscription_id)
        held, until = replace(held, types=types), self._until(expires_at)
        sealed = _sealed(guard, subscription_id, held)
        await self._store.pushes.change(account_id, subscription_id, sealed, until)
        return _shown(subscription_id, held, until)

    async def remove(
        self,
        account_id: AccountId,
        guard: AccountGuard,
        session: bytes,
        subscription_id: ObjectId,
    ) -> None:
        """Remove one. Raises Absent (NO_SUCH_CREDENTIAL)."""
        await self._own(account_id, guard, session, subscription_id)
        await self._store.pushes.remove(account_id, subscription_id)

    async def due(self) -> list[DuePush]:
        """Claim what is to be pushed now; each is then given to `push`.

        What belongs to a session that is over, or cannot be opened, is removed instead.
        """
        if not self.is_on:
            return []
        claimed = await self._store.pushes.claim_due(AT_ONCE, until=self._clock.now() + CLAIM)
        return [due for row in claimed if (due := await self._looked_up(row)) is not None]

    async def push(self, due: DuePush, payload: bytes | None) -> None:
        """Push `payload`, a JSON object of at most some 3,900 octets; None: nothing to say."""
        row, told = due.row, UNVERIFIED if due.code else due.state.modseq
        pause = PAUSE
        failures = 0
        if payload is not None:
            outcome = await self._sent(due, payload)
            if outcome in GONE:
                log.info("push subscription gone", status=outcome)
                await self._store.pushes.remove(row.account_id, row.subscription_id)
                return
            if outcome is None or not 200 <= outcome < 300:
                failures, told = row.failures + 1, row.told
                pause = min(PAUSE * 2 ** min(failures, 20), LONGEST_PAUSE)
        await self._store.pushes.end(row, told, failures, self._clock.now() + pause)

    async def _sent(self, due: DuePush, payload: bytes) -> int | None:
        """Send; returns the status, None where there is no answer."""
        held, now = due.held, self._clock.now()
        keys = PushKeys.parse(held.p256dh, held.auth)
        origin = f"https://{held.url.host}"
        fields = {
            "Content-Encoding": "aes128gcm",
            "TTL": str(TTL_SECONDS),
            "Urgency": "normal",
            "Authorization": self._identity.authorization(origin, self._contact, now + VOUCHED),
        }
        if due.code is None:  # a later push stands for one that still waits for the device
            fields["Topic"] = due.subscription_id.hex()
        body, kind = encrypt(payload, keys), "application/octet-stream"
        try:
            answer = await self._web.post(held.url, body, kind, deadline=DEADLINE, more=fields)
        except WebError as error:
            log.info("not pushed", trouble=error.trouble.value)
            return None
        if not 200 <= answer.status < 300:
            log.info("not pushed", status=answer.status)
        return answer.status

    async def _looked_up(self, row: PushRow) -> DuePush | None:
        try:
            held = _opened(await self._guard_of(row.account_id), row)
            live = await self._is_live(row.account_id, held.session)
        except (Absent, Corrupt) as error:
            log.warning("push subscription not opened", condition=error.condition)
            live = False
        if not live or not self._is_named(held.url.host):
            await self._store.pushes.remove(row.account_id, row.subscription_id)
            return None
        counters = await self._store.catalogues.counters(row.account_id)
        changes: Sequence[AccountChange] | None = None
        if row.told >= 0 and row.told >= counters.pruned:
            changes = await self._store.changes.between(
                row.account_id, ModSeq(row.told), counters.modseq
            )
        return DuePush(row, held, State.of(counters), changes)

    def _is_named(self, host: str) -> bool:
        return any(host == one or host.endswith(f".{one}") for one in self._services)

    def _until(self, asked: datetime | None) -> datetime:
        longest = self._clock.now() + LONGEST
        return longest if asked is None else min(asked, longest)

    async def _own(
        self,
        account_id: AccountId,
        guard: AccountGuard,
        session: bytes,
        subscription_id: ObjectId,
    ) -> tuple[PushRow, _Held]:
        for row in await self._store.pushes.listing(account_id):
            if row.subscription_id == subscription_id:
                held = _opened(guard, row)
                if held.session == session:
                    return row, held
        raise Absent(Condition.NO_SUCH_CREDENTIAL, "there is no such push subscription")


def _sealed(guard: AccountGuard, subscription_id: ObjectId, held: _Held) -> Guarded:
    return guard.seal(Kind.PUSH_SUBSCRIPTION, subscription_id, held.written())


def _opened(guard: AccountGuard, row: PushRow) -> _Held:
    return _Held.read(guard.open(Kind.PUSH_SUBSCRIPTION, row.subscription_id, row.subscription))


def _shown(subscription_id: ObjectId, held: _Held, expires_at: datetime) -> PushSubscription:
    code = held.code if held.verified else None
    return PushSubscription(
        subscription_id, held.device, code, expires_at, held.types, held.url.host
    )
