"""Letters to administrators when something is wrong with the server, and when it no longer is.

    an alarm begins ─► a letter ─► the same, a day later ─► a letter ─► … ─► it ends ─► a letter
                          └─► its stage changes ─► a letter

What is wrong is looked at by others (`app/alarms`), every ten minutes; here stands who hears of it
and how often. One look is one letter, however much is wrong. An alarm that could not be looked at
stays as it was. It ends when it was not seen for half an hour: what comes and goes is no letter
each time. A letter that does not arrive goes to the second contact, and into the log.

Sources: PRIVACY §14, §15 (reminders; "undeliverable → second contact"); RFC 3834 §5.
"""

import secrets
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Any

from mailserver.mail.parcels import Origin, Parcel
from mailserver.model.address import Address
from mailserver.model.envelope import Envelope, Notify, Onward
from mailserver.model.ids import QueueId
from mailserver.model.sealed import Plaintext
from mailserver.operations.alert_texts import Kind, News, What, compose, passed_on, trial_letter
from mailserver.runtime.clock import Clock
from mailserver.runtime.log import get_logger
from mailserver.vault.guard import InstanceGuard

AGAIN = timedelta(days=1)
OVER_AFTER = timedelta(minutes=30)
PATIENCE = timedelta(hours=4)
"""A letter that waits longer than this is not arriving."""
KEPT = timedelta(days=7)
"""For how long a letter is remembered: longer than the queue tries."""
LETTERS = 100
PRIVACY = frozenset({Kind.BREACH, Kind.REQUEST, Kind.ERASURE, Kind.RETENTION})
"""What the privacy contact hears of, too. Source: PRIVACY §14, §15."""

Fields = dict[str, Any]
Load = Callable[[], Awaitable[Fields]]
Save = Callable[[Fields], Awaitable[None]]
Revise = Callable[[Callable[[Fields], Fields]], Awaitable[Fields]]

log = get_logger("alerts")


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something that is wrong now."""

    kind: Kind
    about: str = ""
    """Which one of its kind: a number, a category, a place. Never a person."""
    stage: str = ""
    """How far it has come; another one is news."""
    facts: Mapping[str, str] = field(default_factory=dict)
    """What fills the words: numbers, days and names of ours."""
    since: datetime | None = None
    """Since when, where that is known; else since it was seen first."""
    grace: timedelta = timedelta()
    """For how long it may last before anybody is told."""
    daily: bool = True
    """Whether it is told again each day; what has reminders of its own is not."""

    @property
    def key(self) -> str:
        """What is the same from look to look."""
        return f"{self.kind.value}:{self.about}"


@dataclass(frozen=True, slots=True)
class Recipients:
    """Who is written to, and in which language."""

    to: tuple[Address, ...]
    privacy: tuple[Address, ...]
    """Of `PRIVACY` alone."""
    fallback: tuple[Address, ...]
    language: str
    host: str

    @property
    def anybody(self) -> bool:
        """Whether somebody hears of anything."""
        return bool(self.to or self.privacy)


@dataclass(frozen=True, slots=True)
class Post:
    """How a letter leaves."""

    enqueue: Callable[[Parcel], Awaitable[list[QueueId]]]
    waits: Callable[[QueueId], Awaitable[bool]]
    """Says whether a letter is still in the queue."""
    author: Callable[[], Awaitable[str]]
    guard: InstanceGuard


class Alerts:
    """The letters of one server."""

    def __init__(
        self,
        recipients: Recipients,
        post: Post,
        clock: Clock,
        *,
        load: Load,
        save: Save,
        letters: Revise,
    ) -> None:
        """Write to `recipients` by `post`.

        Args:
            recipients: whom.
            post: the way out.
            clock: says when a day is over.
            load: returns what `save` was given last, or nothing.
            save: keeps which alarms stand.
            letters: changes what is remembered of letters; other processes do, too.
        """
        self.recipients = recipients
        self._post = post
        self._clock = clock
        self._load = load
        self._save = save
        self._letters = letters

    async def standing(self) -> dict[str, Fields]:
        """Return the alarms that stand, by key, those of which nobody was told yet included."""
        alarms: dict[str, Fields] = (await self._load()).get("alarms", {})
        return alarms

    async def look(self, seen: Sequence[Alarm], unseen: Collection[Kind] = ()) -> list[News]:
        """Write about what began, went on for a day, changed or ended; return what was written.

        Args:
            seen: what is wrong now.
            unseen: kinds that could not be looked at: of these nothing ends.

        Raises:
            Transient: the letter could not be queued; the next look writes it.
        """
        if not self.recipients.anybody:
            return []
        now = self._clock.now()
        stood = await self.standing()
        alarms, news = {}, []
        for alarm in seen:
            alarms[alarm.key], word = _seen(alarm, stood.get(alarm.key), now)
            news += word
        for key, was in stood.items():
            if key in alarms:
                continue
            left, word = _missing(was, now, unlooked=Kind(was["kind"]) in unseen)
            if left is not None:
                alarms[key] = left
            news += word
        await self._tell(news)
        if alarms != stood:
            await self._save({"alarms": alarms})
        await self._look_for_letters()
        return news

    async def test(self) -> list[Address]:
        """Write a letter to everybody who would be written to; return whom."""
        to = self._everybody()
        if to:
            await self._write(*trial_letter(self.recipients.language, self.recipients.host), to)
        return to

    async def lost(self, queue_id: QueueId) -> None:
        """Pass a letter on to the second contact: the queue has given it up."""
        name = queue_id.hex()
        now = self._clock.now().isoformat()
        taken: list[Fields] = []

        def take(fields: Fields) -> Fields:
            taken.clear()
            letters = fields.get("letters", [])
            for letter in letters:
                if name in letter["ids"] and not letter["lost"]:
                    letter["lost"] = now
                    taken.append(dict(letter))
            return {"letters": letters}

        await self._letters(take)
        for letter in taken:
            await self._pass_on(letter)

    async def _look_for_letters(self) -> None:
        """Give up what has waited for too long, and forget what is old."""
        now = self._clock.now()
        kept = (await self._letters(lambda fields: fields)).get("letters", [])
        for letter in kept:
            late = now - datetime.fromisoformat(letter["at"]) > PATIENCE
            if letter["lost"] or not late:
                continue
            for name in letter["ids"]:
                queue_id = QueueId(bytes.fromhex(name))
                if await self._post.waits(queue_id):
                    await self.lost(queue_id)
                    break
        oldest = (now - KEPT).isoformat()
        if any(letter["at"] < oldest for letter in kept):
            await self._letters(
                lambda fields: {
                    "letters": [one for one in fields.get("letters", []) if one["at"] >= oldest]
                }
            )

    async def _pass_on(self, letter: Fields) -> None:
        fallback = () if letter["last"] else self.recipients.fallback
        log.error("an alert did not arrive", passed_on=len(fallback))
        if fallback:
            subject, text = passed_on(self.recipients.language, letter["subject"], letter["text"])
            await self._write(subject, text, fallback, last=True)

    async def _tell(self, news: Sequence[News]) -> None:
        """Write one letter to the administrators, and one to the privacy contact."""
        own = [one for one in news if one.kind in PRIVACY]
        to = self.recipients.to
        privacy = tuple(one for one in self.recipients.privacy if one not in to)
        for words, readers in ((news, to), (own, privacy)):
            if words and readers:
                letter = compose(words, self.recipients.language, self.recipients.host)
                await self._write(*letter, readers)
        for one in news:
            if one.what != "over":
                log.warning("alert", kind=one.kind.value, state=one.what)

    async def _write(
        self, subject: str, text: str, to: Sequence[Address], *, last: bool = False
    ) -> None:
        author = await self._post.author()
        message = EmailMessage(policy=SMTP)
        message["From"] = author
        message["To"] = ", ".join(map(str, to))
        message["Subject"] = subject
        message["Date"] = format_datetime(self._clock.now())
        message["Message-ID"] = f"<{secrets.token_hex(16)}@{author.rpartition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834 §5: nothing answers it
        message.set_content(text)
        # NEVER: who cannot be reached is told to the second contact, not to ourselves.
        onward = [Onward(address, Notify.NEVER) for address in to]
        origin = Origin(None, self._post.guard)
        content = Plaintext(message.as_bytes())
        smtputf8 = not all(str(address).isascii() for address in to)
        envelope = Envelope(None, smtputf8=smtputf8)
        ids = await self._post.enqueue(Parcel(origin, envelope, content, onward))
        letter = _Letter(
            [queue_id.hex() for queue_id in ids],
            self._clock.now().isoformat(),
            subject,
            text,
            last,
        )
        await self._letters(
            lambda fields: {"letters": [*fields.get("letters", []), asdict(letter)][-LETTERS:]}
        )

    def _everybody(self) -> list[Address]:
        return list(dict.fromkeys((*self.recipients.to, *self.recipients.privacy)))


@dataclass(frozen=True, slots=True)
class _Letter:
    """A letter on its way, as it is remembered."""

    ids: list[str]
    at: str
    subject: str
    text: str
    last: bool
    """Whether it went to the second contact already."""
    lost: str = ""


def _seen(alarm: Alarm, was: Fields | None, now: datetime) -> tuple[Fields, list[News]]:
    """Return what is remembered of an alarm that stands, and what is told of it."""
    since = alarm.since or now
    if was is not None:
        since = min(since, datetime.fromisoformat(was["since"]))
    stands: Fields = {
        "kind": alarm.kind.value,
        "about": alarm.about,
        "stage": alarm.stage,
        "facts": dict(alarm.facts),
        "since": since.isoformat(),
        "told": was["told"] if was else "",
        "seen": now.isoformat(),
    }
    if not stands["told"] and now - since < alarm.grace:
        return stands, []
    if not stands["told"]:
        what: What = "new"
    elif was is not None and was["stage"] != alarm.stage:
        what = "changed"
    elif alarm.daily and now - datetime.fromisoformat(stands["told"]) >= AGAIN:
        what = "still"
    else:
        return stands, []
    word = News(alarm.kind, what, stands["facts"], since)
    return stands | {"told": now.isoformat()}, [word]


def _missing(was: Fields, now: datetime, *, unlooked: bool) -> tuple[Fields | None, list[News]]:
    """Return what is left of an alarm that is not seen now; None: it is over."""
    if unlooked:
        return was | {"seen": now.isoformat()}, []
    if now - datetime.fromisoformat(was["seen"]) < OVER_AFTER:
        return was, []
    if not was["told"]:
        return None, []
    since = datetime.fromisoformat(was["since"])
    return None, [News(Kind(was["kind"]), "over", was["facts"], since)]
