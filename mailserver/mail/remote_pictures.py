"""Pictures that a message names elsewhere, fetched in its reader's place when he asks for them.

Whoever gets the request learns that somebody here opened the message, and nothing of whom: no
address, no cookie, no program's name (PRIVACY §9). What is asked for is what the message names as a
picture, and nothing else. So the server is nobody's proxy; and a frame that shows a hostile message
cannot send out what it sees by asking for addresses that it makes up.

What came is kept in memory for some minutes, for its owner alone, so that the sender is not told of
each look. It goes when the account is taken away.
"""

import asyncio
import hashlib
import secrets
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from weakref import WeakSet

from mailserver.mail.account import Account
from mailserver.model.errors import Condition, PeerFault, Refused
from mailserver.model.ids import AccountId, EmailId
from mailserver.model.web_url import WebUrl
from mailserver.protocol.mime.pictures import picture_type, picture_urls
from mailserver.runtime.clock import Clock
from mailserver.runtime.offload import Offload
from mailserver.runtime.web_client import Trouble, WebClient, WebError

PICTURE_OCTETS = 5_000_000  # PRIVACY §9
DEADLINE = timedelta(seconds=15)
REDIRECTS = 5
ACCEPT = "image/avif,image/webp,image/png,image/jpeg,image/gif"
AT_ONCE = 6  # of one account, as a browser would ask one server
KEPT_SECONDS = 300.0
KEPT_OCTETS = 32 * 1024 * 1024  # of all accounts
MESSAGES_KNOWN = 64  # whose pictures are known without another look at the message


class Why(Enum):
    """Why there is no picture."""

    NOT_IN_MESSAGE = "not_in_message"
    BAD_URL = "bad_url"
    FORBIDDEN_ADDRESS = "forbidden_address"
    """Its host is not one of the internet."""
    UNREACHABLE = "unreachable"
    UNTRUSTED = "untrusted"
    TOO_LARGE = "too_large"
    DECLINED = "declined"
    """The server answered with something else than a file."""
    NOT_A_PICTURE = "not_a_picture"


class NoPicture(Refused):
    """There is none to be shown."""

    def __init__(self, why: Why) -> None:
        """Say why."""
        super().__init__(Condition.NOT_PERMITTED, f"no picture: {why.value.replace('_', ' ')}")
        self.why = why


@dataclass(frozen=True, slots=True, repr=False)
class Picture:
    """What is shown."""

    type: str
    """Its media type, by its octets."""
    octets: bytes


@dataclass(frozen=True, slots=True)
class _Kept:
    account_id: AccountId
    picture: Picture
    until: float


class RemotePictures:
    """The pictures of the accounts of one process."""

    def __init__(
        self, web: WebClient, clock: Clock, offload: Offload, *, most_kept: int = KEPT_OCTETS
    ) -> None:
        """Fetch by `web`, and keep up to `most_kept` octets; messages are read by `offload`."""
        self._web = web
        self._clock = clock
        self._offload = offload
        self._most_kept = most_kept
        self._key = secrets.token_bytes(32)
        self._kept: OrderedDict[bytes, _Kept] = OrderedDict()
        self._octets = 0
        self._named: OrderedDict[tuple[AccountId, EmailId], frozenset[bytes]] = OrderedDict()
        self._watched: WeakSet[Account] = WeakSet()
        self._turns: dict[AccountId, _Turn] = {}

    @property
    def kept_octets(self) -> int:
        """How much is in memory."""
        return self._octets

    async def get(self, account: Account, email_id: EmailId, url: str) -> Picture:
        """Return the picture at `url`, which the email must name as one.

        Raises:
            NoPicture: why it is not to be had.
            Absent: NO_SUCH_MESSAGE.
            Corrupt: DAMAGED.
        """
        try:
            wanted = WebUrl.parse(url)
        except PeerFault as wrong:
            raise NoPicture(Why.BAD_URL) from wrong
        account_id = account.account_id
        name = self._name(account_id, str(wanted))
        if name not in await self._names(account, email_id):
            raise NoPicture(Why.NOT_IN_MESSAGE)
        async with self._turn(account_id):
            self._tend()
            kept = self._kept.get(name)
            if kept is not None:
                return kept.picture
            picture = await self._fetched(wanted)
            if not account.closed:
                self._keep(name, _Kept(account_id, picture, self._clock.monotonic() + KEPT_SECONDS))
            return picture

    async def _fetched(self, url: WebUrl) -> Picture:
        try:
            answer = await self._web.get(
                url,
                most_octets=PICTURE_OCTETS,
                deadline=DEADLINE,
                redirects=REDIRECTS,
                accept=ACCEPT,
            )
        except WebError as error:
            raise NoPicture(_why(error.trouble)) from error
        if answer.status != 200:
            raise NoPicture(Why.DECLINED)
        kind = picture_type(answer.octets)
        if not kind:
            raise NoPicture(Why.NOT_A_PICTURE)
        return Picture(kind, answer.octets)

    async def _names(self, account: Account, email_id: EmailId) -> frozenset[bytes]:
        """Return the keyed hashes of the URLs that an email names as pictures."""
        place = (account.account_id, email_id)
        known = self._named.get(place)
        if known is None:
            message = await account.emails.content(email_id)
            urls = await self._offload(picture_urls, message.reveal())
            known = frozenset(self._name(account.account_id, url) for url in urls)
            self._watch(account)
            self._named[place] = known
            if len(self._named) > MESSAGES_KNOWN:
                self._named.popitem(last=False)
        self._named.move_to_end(place)
        return known

    def _name(self, account_id: AccountId, url: str) -> bytes:
        told = account_id + url.encode("ascii")
        return hashlib.blake2b(told, key=self._key, digest_size=16).digest()

    def _keep(self, name: bytes, kept: _Kept) -> None:
        if name in self._kept:  # two asked for it at once
            self._drop(name)
        self._kept[name] = kept
        self._octets += len(kept.picture.octets)
        while self._octets > self._most_kept:
            self._drop(next(iter(self._kept)))
        asyncio.get_running_loop().call_later(KEPT_SECONDS + 1, self._tend)

    def _tend(self) -> None:
        """Drop what was kept long enough; the oldest come first."""
        now = self._clock.monotonic()
        while self._kept and next(iter(self._kept.values())).until <= now:
            self._drop(next(iter(self._kept)))

    def _drop(self, name: bytes) -> None:
        self._octets -= len(self._kept.pop(name).picture.octets)

    def _watch(self, account: Account) -> None:
        if account not in self._watched:
            self._watched.add(account)
            account_id = account.account_id
            account.on_end(lambda _: self._forget(account_id))

    def _forget(self, account_id: AccountId) -> None:
        """Drop all that is known of an account: it was locked, or somebody's access revoked."""
        for name in [name for name, kept in self._kept.items() if kept.account_id == account_id]:
            self._drop(name)
        for place in [place for place in self._named if place[0] == account_id]:
            del self._named[place]

    @asynccontextmanager
    async def _turn(self, account_id: AccountId) -> AsyncIterator[None]:
        """Wait until fewer than `AT_ONCE` are fetched for the account."""
        turn = self._turns.setdefault(account_id, _Turn(asyncio.Semaphore(AT_ONCE)))
        turn.users += 1
        try:
            async with turn.room:
                yield
        finally:
            turn.users -= 1
            if not turn.users:
                self._turns.pop(account_id, None)


@dataclass(slots=True)
class _Turn:
    room: asyncio.Semaphore
    users: int = 0


def _why(trouble: Trouble) -> Why:
    return Why.UNREACHABLE if trouble is Trouble.TOO_LATE else Why(trouble.value)
