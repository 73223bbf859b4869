"""What is thought of a message from outside: scanners, our own score, greylisting, each reader.

`look` judges what holds for everybody: malware, dangerous attachments, and either rspamd's score or
our own. `each` adds what one reader's account knows. What is asked is asked at the same time,
within deadlines; nobody beyond this machine is asked unless the settings name them.
"""

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeVar

from mailserver.mail.delivery import Recipient
from mailserver.mail.evidence import Evidence, vouching
from mailserver.mail.incoming import Incoming
from mailserver.mail.junk import Junk, likeness, words_of
from mailserver.mail.letter import LARGE_OCTETS
from mailserver.mail.past import Past, Person, person
from mailserver.mail.scanning import Scanning
from mailserver.mailauth.verdict import Verdict
from mailserver.model.address import Address
from mailserver.model.client import Client
from mailserver.model.errors import MailError
from mailserver.model.ids import AccountId
from mailserver.runtime.clock import Clock
from mailserver.runtime.offload import Offload
from mailserver.runtime.resolver import Resolver
from mailserver.runtime.settings import Settings
from mailserver.screening import score
from mailserver.screening.facts import Personal, Standing
from mailserver.screening.greylist import meetings
from mailserver.screening.network import is_near, network
from mailserver.screening.opinion import GOOD, Advice, Opinion, gravest
from mailserver.screening.rules.past import STANDING
from mailserver.screening.score import Thresholds
from mailserver.store.senders import UNIT, Known
from mailserver.store.store import Store
from mailserver.vault.guard import AccountGuard, InstanceGuard

FLUSH = timedelta(seconds=10)
"""How often whoever runs the server calls `flush`."""

T = TypeVar("T")


class Spam:
    """Screens mail at the MX; it is `inbound.Screening`."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        guard: InstanceGuard,
        resolver: Resolver,
        offload: Offload,
        clock: Clock,
    ) -> None:
        """Judge as `settings` say, remembering in `store` under the instance's key.

        Raises:
            Misconfigured: the file with rspamd's password cannot be read.
        """
        self._settings = limits = settings.spam
        self._limits = Thresholds(limits.doubtful_points, limits.junk_points, limits.reject_points)
        self._scanning = Scanning(settings.scanners)
        self._evidence = Evidence(settings, resolver, offload, clock)
        self._guard = guard
        self._greylist = store.greylist
        self._offload = offload
        self.past = Past(store.senders, guard, clock)
        """What is remembered of senders."""
        self.junk = Junk(store.junk_models, offload, clock)
        """What readers have taught."""

    @property
    def learned(self) -> Junk | None:
        """Where sessions put what their readers teach; None where the settings want none of it."""
        return self.junk if self._settings.learning else None

    async def look(
        self, message: Incoming, verdict: Verdict, recipients: Sequence[Recipient]
    ) -> Opinion:
        """Return what holds for everybody.

        Raises:
            Transient: a scanner that must be asked, or the store, does not answer.
        """
        client = message.client
        if client is None:
            return GOOD
        standing_of = None
        if self._settings.reputation and not is_near(client.ip):
            standing_of = self.past.name(vouching(verdict) or network(client.ip))
        own = self._own(message, verdict, client, recipients, standing_of)
        if self._scanning.any:
            addresses = [recipient.address for recipient in recipients]
            (attached, judged), malware, rspamd = await _together(
                own,
                self._scanning.malware(message),
                self._scanning.spam(message, client, addresses),
            )
            opinion = gravest([attached, malware, rspamd or judged])
        else:
            opinion = gravest(await own)
        opinion = await self._greylisted(opinion, message, verdict, client, recipients)
        if standing_of is not None:
            await self._count(standing_of, opinion)
        return opinion

    async def each(
        self, message: Incoming, opinion: Opinion, recipients: Sequence[Recipient]
    ) -> list[Opinion]:
        """Return what holds for each recipient, in order; who wrote to him is remembered."""
        people = _people(message.verdict, recipients)
        _, known = await self.past.look_up(None, list(people.values()))
        authenticated = message.verdict is not None and bool(message.verdict.aligned_domain)
        words = _Words(message, self._offload)
        opinions = []
        for recipient in recipients:
            holder, account_id = recipient.holder, recipient.account_id
            if holder is None or account_id is None:
                opinions.append(opinion)
                continue
            author = people.get(account_id)
            met = Known.NOT if author is None else known[author]
            personal = Personal(
                wrote_to=Known.WROTE_TO in met,
                heard_from=Known.HEARD_FROM in met,
                authenticated=authenticated,
                likeness=await self._likeness(account_id, holder.guard, words),
            )
            own = score.personal(opinion, personal, self._limits)
            if author is not None and authenticated and own.advice is Advice.ACCEPT:
                await self.past.met(author, Known.HEARD_FROM)
            opinions.append(own)
        return opinions

    async def flush(self) -> None:
        """Write what is to be remembered."""
        await self.past.flush()

    async def close(self) -> None:
        """Write what is to be remembered, and let go of the scanners."""
        await self.flush()
        await self._scanning.close()

    async def _own(
        self,
        message: Incoming,
        verdict: Verdict,
        client: Client,
        recipients: Sequence[Recipient],
        standing_of: bytes | None,
    ) -> tuple[Opinion, Opinion]:
        """Judge by attachments, and by our own score."""
        people = _people(verdict, recipients)  # looked up at once with the sender's standing
        counts, _ = await self.past.look_up(standing_of, list(people.values()))
        standing = Standing(
            counts.good / UNIT, counts.bad / UNIT, authenticated=bool(vouching(verdict))
        )
        attached, facts = await self._evidence.gather(
            message, verdict, client, recipients, standing
        )
        return attached, score.judge(facts, self._limits)

    async def _likeness(
        self, account_id: AccountId, guard: AccountGuard, words: "_Words"
    ) -> float | None:
        if not self._settings.learning:
            return None
        model = await self.junk.ready(account_id, guard)
        return None if model is None else likeness(model, guard, await words.read())

    async def _greylisted(
        self,
        opinion: Opinion,
        message: Incoming,
        verdict: Verdict,
        client: Client,
        recipients: Sequence[Recipient],
    ) -> Opinion:
        """Ask the sender of a doubtful message to come again, unless he did or is known."""
        settings = self._settings
        doubtful = opinion.doubtful and opinion.advice is Advice.ACCEPT
        if not doubtful or not settings.greylisting or is_near(client.ip):
            return opinion
        _, known = await self.past.look_up(None, list(_people(verdict, recipients).values()))
        if verdict.aligned_domain and any(known.values()):
            return opinion
        met = meetings(
            self._guard.name_hash,
            client.ip,
            message.sender.domain if message.sender else "",
            [recipient.address.key for recipient in recipients],
        )
        delay = timedelta(seconds=settings.greylist_seconds)
        if await self._greylist.has_waited(met, delay):
            return opinion
        return replace(opinion, advice=Advice.DELAY)

    async def _count(self, name: bytes, opinion: Opinion) -> None:
        """Let a judgement count for its sender's standing, without what standing itself added."""
        points = sum(one.points for one in opinion.reasons if one.name not in STANDING)
        if opinion.malware or points >= self._limits.junk:
            await self.past.count(name, good=False)
        elif opinion.advice is Advice.ACCEPT and points < self._limits.doubtful:
            await self.past.count(name, good=True)


class _Words:
    """The words of a message, read when somebody first asks for them."""

    def __init__(self, message: Incoming, offload: Offload) -> None:
        self._message = message
        self._offload = offload
        self._words: list[str] | None = None

    async def read(self) -> list[str]:
        if self._words is None:
            octets = self._message.octets.reveal()
            large = len(octets) > LARGE_OCTETS
            self._words = await self._offload(words_of, octets) if large else words_of(octets)
        return self._words


async def _outcome(work: Coroutine[Any, Any, T]) -> T | MailError:
    try:
        return await work
    except MailError as error:
        return error


A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")


async def _together(
    first: Coroutine[Any, Any, A], second: Coroutine[Any, Any, B], third: Coroutine[Any, Any, C]
) -> tuple[A, B, C]:
    """Await three at the same time; all of them end before one's error is raised."""
    async with asyncio.TaskGroup() as tasks:
        one = tasks.create_task(_outcome(first))
        other = tasks.create_task(_outcome(second))
        last = tasks.create_task(_outcome(third))
    return _or_raise(one.result()), _or_raise(other.result()), _or_raise(last.result())


def _or_raise(outcome: T | MailError) -> T:
    if isinstance(outcome, MailError):
        raise outcome
    return outcome


def _people(verdict: Verdict | None, recipients: Sequence[Recipient]) -> dict[AccountId, Person]:
    """Name the author as each recipient's account knows him."""
    if verdict is None or not verdict.from_address or not verdict.from_domain:
        return {}
    author = Address(verdict.from_address.rpartition("@")[0], verdict.from_domain)
    return {
        recipient.account_id: person(recipient.holder.guard, recipient.account_id, author)
        for recipient in recipients
        if recipient.holder is not None and recipient.account_id is not None
    }
