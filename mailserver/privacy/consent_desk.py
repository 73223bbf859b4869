"""Asking for consent by letter, taking the answer, and saying whom something may be sent to.

A question goes to the address it is about and nowhere else, by the queue that all mail goes by; its
link is good for 48 hours and one answer. Each receipt, and each line of an audience, has the link
that says no without signing in (RFC 8058).
"""

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.headerregistry import Address as Mailbox
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from mailserver.audit.entry import OPERATOR
from mailserver.mail.outgoing import Origin, Outgoing, Parcel
from mailserver.mail.report_sending import Author
from mailserver.model.address import Address
from mailserver.model.envelope import Envelope, Notify, Onward
from mailserver.model.errors import Absent, Condition, MailError, Refused
from mailserver.model.ids import AccountId
from mailserver.model.sealed import Plaintext
from mailserver.privacy.consent import Channel, Course, Person, Reach, Said, Text, may_be_reached
from mailserver.privacy.consent_ending import ConsentEnding
from mailserver.privacy.consent_texts import QUESTION, RECEIPT, Words
from mailserver.privacy.consent_view import ConsentViews
from mailserver.privacy.consents import Consents, by_person
from mailserver.runtime.clock import Clock
from mailserver.runtime.log import get_logger
from mailserver.runtime.settings import Settings
from mailserver.store.accounts import AccountRow
from mailserver.store.store import Store
from mailserver.vault.guard import InstanceGuard

log = get_logger("consents")

PATH = "/consent"
"""Where links in letters lead: `/confirm/TOKEN` and `/withdraw/PURPOSE/TOKEN` below it."""

MainAddress = Callable[[AccountId], Awaitable[str]]
"""Returns the address that an account writes from; raises Absent where it is gone."""


@dataclass(frozen=True, slots=True)
class Reached:
    """Somebody to whom something may be sent."""

    address: str
    consents: bool
    """Whether by his consent; else as a customer."""
    url: str
    """Says no at one POST; it must stand in every letter, as a link and as List-Unsubscribe."""


class ConsentDesk:
    """Asks people, and answers who may be written to."""

    def __init__(
        self,
        consents: Consents,
        ending: ConsentEnding,
        store: Store,
        outgoing: Outgoing,
        guard: InstanceGuard,
        author: Callable[[], Awaitable[Author | None]],
        main_address: MainAddress,
        settings: Settings,
        clock: Clock,
    ) -> None:
        """Keep what is said in `consents`; letters go to `outgoing` in the name of `author`."""
        self.consents = consents
        self.views = ConsentViews(consents, store, settings.consent)
        self._ending = ending
        self._store = store
        self._outgoing = outgoing
        self._guard = guard
        self._author = author
        self._main_address = main_address
        self._settings = settings
        self._clock = clock

    async def ask(self, address: Address, text: Text, *, by: str = OPERATOR) -> Course:
        """Ask whoever has an address whether he agrees to a text; the letter is in the queue.

        Raises:
            Refused: as `check`.
            Conflict: he agrees already, or was asked within 48 hours.
            MailError: the letter was not queued; then he was not asked.
        """
        person = await self.check(address)
        course, token = await self.consents.grant(person, text, Channel.MAIL, by=by)
        try:
            url = self._url("confirm", token)
            await self._write(address, QUESTION[text.language], text, url, None)
        except MailError:
            await self._ending.forget(course)
            raise
        return course

    async def check(self, address: Address) -> Person:
        """Return whose address it is, if he can be asked.

        Raises:
            Refused: NOT_PERMITTED, it is here and no account's, or mail is sent in nobody's name;
                RELAY_DENIED, it is elsewhere and nothing is sent there.
        """
        person = await self.consents.person(address)
        if await self._author() is None:
            raise Refused(Condition.NOT_PERMITTED, "there is no domain in whose name to ask")
        if person.account:
            return person
        if await self._store.domains.get(address.domain) is not None:
            raise Refused(Condition.NOT_PERMITTED, "this address is ours, and no account's")
        if not self._settings.relays:
            raise Refused(Condition.RELAY_DENIED, "this server sends no mail to others")
        return person

    async def confirm(self, token: str) -> tuple[Course, Text]:
        """Take the yes of whoever has the link, and send him a receipt with the way back.

        Raises:
            Absent: the link was used, is over, or is none.
            Conflict: somebody used it just now.
        """
        _, text = await self.consents.asked(token)
        course = await self.consents.confirm(token)
        url = self.withdrawal(course.person, course.purpose)
        to = Address.parse(course.person.address)
        try:
            await self._write(to, RECEIPT[text.language], text, url, url)
        except MailError as error:  # his yes counts all the same, and the page has the way back
            log.warning("receipt of a consent not sent", condition=error.condition.name)
        return course, text

    async def withdraw_by_link(self, purpose: str, token: str) -> Course:
        """Take the no of whoever has the link. Raises Absent: it is none of ours."""
        person = await self.consents.linked(purpose, token)
        return await self.consents.withdraw(person, purpose, Channel.MAIL, by="")

    def withdrawal(self, person: Person, purpose: str) -> str:
        """Return the URL that says no."""
        return self._url("withdraw", purpose, self.consents.link(person, purpose))

    async def audience(self, purpose: str, reach: Reach) -> list[Reached]:
        """Return whom a letter of that purpose may be sent to now, by address.

        Raises:
            Refused: NOT_PERMITTED, the settings do not name the purpose; customers are asked for,
                and nothing says since when they are offered to say no.
        """
        self.consents.texts.check(purpose)
        offered = self._settings.consent.offered_since
        if reach is not Reach.CONSENTED and offered is None:
            raise Refused(
                Condition.NOT_PERMITTED,
                "nothing says since when customers are offered to say no ([consent] offered_since)",
            )
        since = datetime(offered.year, offered.month, offered.day, tzinfo=UTC) if offered else None
        people = by_person(await self.consents.all())
        found = [
            reached
            for row in await self._store.accounts.listing()
            if row.active and (reached := await self._customer(row, people, purpose, reach, since))
        ]
        for courses in people.values():
            person = courses[0].person
            if not person.account and may_be_reached(courses, purpose, customer=False, reach=reach):
                found.append(Reached(person.address, True, self.withdrawal(person, purpose)))
        return sorted(found, key=lambda one: one.address)

    async def _customer(
        self,
        row: AccountRow,
        people: dict[str, list[Course]],
        purpose: str,
        reach: Reach,
        since: datetime | None,
    ) -> Reached | None:
        """Return an account if it may be written to."""
        person = Person("", row.account_id.hex())
        courses = people.get(person.identity, [])
        offered = since is not None and row.created_at >= since
        if not may_be_reached(courses, purpose, customer=offered, reach=reach):
            return None
        try:
            address = await self._main_address(row.account_id)
        except Absent:  # it is being erased
            return None
        consents = any(one.purpose == purpose and one.settled is Said.CONFIRMED for one in courses)
        return Reached(address, consents, self.withdrawal(person, purpose))

    def _url(self, *parts: str) -> str:
        return "/".join((self._settings.webmail_url + PATH, *parts))

    async def _write(
        self, to: Address, words: Words, text: Text, url: str, one_click: str | None
    ) -> None:
        """Queue a letter to whoever said yes, or is asked to."""
        author = await self._author()
        if author is None:
            raise Refused(Condition.NOT_PERMITTED, "there is no domain in whose name to write")
        who = self._settings.organisation.name or author.host
        utf8 = not str(to).isascii()
        message = EmailMessage(policy=SMTP.clone(utf8=utf8))
        message["From"] = Mailbox(who, addr_spec=author.address)
        message["To"] = str(to)
        message["Subject"] = words.subject.format(who=who)
        message["Date"] = format_datetime(self._clock.now())
        message["Message-ID"] = f"<{secrets.token_hex(16)}@{author.domain}>"
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834 §5: nothing answers it
        if one_click is not None:
            message["List-Unsubscribe"] = f"<{one_click}>"
            message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"  # RFC 8058 §3.1
        message.set_content(words.text.format(who=who, text=text.body, url=url) + "\n")
        parcel = Parcel(
            Origin(None, self._guard),
            Envelope(None, smtputf8=utf8),
            Plaintext(message.as_bytes()),
            [Onward(to, Notify.NEVER)],
        )
        await self._outgoing.enqueue(parcel)
