"""What is done with the agreement: published, accepted, asked for again, and ended."""

from collections.abc import Callable, Collection
from datetime import datetime
from hashlib import sha256
from zoneinfo import ZoneInfo

from mailserver.audit.entry import OPERATOR, SERVER
from mailserver.crypto.sign import SigningKey
from mailserver.model.errors import Absent, Condition, Conflict, PeerFault, Refused
from mailserver.privacy.agreement import (
    LANGUAGES,
    MAY_MAKE_ACCOUNTS,
    Acceptance,
    Answer,
    Signatory,
    Standing,
    Text,
    Told,
    acceptance_of,
    issue_receipt,
    same,
    standing,
    term_to_accept,
    text_of,
)
from mailserver.privacy.diary import Diary
from mailserver.privacy.ledger import Fields, Ledger
from mailserver.privacy.legal_profile import LegalProfile
from mailserver.runtime.clock import Clock
from mailserver.runtime.log import cut_ip, get_logger
from mailserver.store.registers import Register

TEXT_CHARACTERS = 200_000
NAME_CHARACTERS = 200

log = get_logger("agreements")


class Agreements:
    """The agreement of this server with its customers."""

    def __init__(
        self,
        ledger: Ledger,
        clock: Clock,
        profile: LegalProfile,
        processor: str,
        key: Callable[[], SigningKey],
    ) -> None:
        """Keep it in `ledger`; receipts name `processor` and are signed with `key`."""
        self._texts = Diary(ledger, Register.DPA, clock)
        self._answers = Diary(ledger, Register.ACCEPTANCE, clock)
        self._profile = profile
        self._processor = processor
        self._key = key

    async def texts(self) -> list[Text]:
        """Return every text, by version."""
        entries = [e for e in await self._texts.entries() if e.fields["kind"] == Told.TEXT]
        return sorted(map(text_of, entries), key=lambda one: (one.version, one.number))

    async def text(self, version: int | None = None, language: str | None = None) -> Text:
        """Return one text: the newest version, in the language it was written in first.

        Raises:
            Absent: NO_SUCH_MESSAGE, there is none.
        """
        texts = await self.texts()
        wanted = version or max((one.version for one in texts), default=0)
        for one in texts:
            if one.version == wanted and language in (None, one.language):
                return one
        raise Absent(Condition.NO_SUCH_MESSAGE, "there is no such text of the agreement")

    async def publish(
        self, text: str, language: str, *, translates: int | None = None, actor: str = OPERATOR
    ) -> Text:
        """Publish a new version, or another language of the version that it `translates`.

        Raises:
            PeerFault: BAD_SYNTAX, it is empty, too long, or of a language that we do not write.
            Absent: there is no such version to translate.
            Conflict: ALREADY_EXISTS, the text says nothing new, or it is there in that language.
        """
        if not 0 < len(text.strip()) <= TEXT_CHARACTERS:
            raise PeerFault(Condition.BAD_SYNTAX, f"a text has up to {TEXT_CHARACTERS} letters")
        if language not in LANGUAGES:
            languages = ", ".join(LANGUAGES)
            raise PeerFault(Condition.BAD_SYNTAX, f"a text is in one of {languages}")
        texts, digest = await self.texts(), sha256(text.encode()).hexdigest()
        last = max((one.version for one in texts), default=0)
        if translates is not None:
            await self.text(translates)
        version = translates or last + 1
        for one in texts:
            if (one.version, one.language) == (version, language):
                raise Conflict(Condition.ALREADY_EXISTS, "this version is there in that language")
            if one.version == last and one.sha256 == digest:
                raise Conflict(Condition.ALREADY_EXISTS, "this is the text that stands")
        now = self._texts.now().isoformat()
        said = {"kind": Told.TEXT.value, "version": version, "language": language}
        said |= {"sha256": digest, "published": now, "text": text}
        return text_of(await self._texts.add(said, "published", actor=actor))

    async def acceptances(self) -> list[Acceptance]:
        """Return every acceptance, by number."""
        entries = await self._answers.entries()
        return [acceptance_of(one) for one in entries if one.fields["kind"] == Answer.ACCEPTANCE]

    async def accepted(self, customer: str) -> Acceptance | None:
        """Return what a customer accepted last; None: nothing, or it is no customer any more."""
        theirs = [one for one in await self.acceptances() if same(one.customer, customer)]
        standing_ones = [one for one in theirs if one.over_at is None]
        return standing_ones[-1] if standing_ones else None

    async def accept(
        self,
        customer: str,
        signatory: Signatory,
        *,
        version: int | None = None,
        language: str | None = None,
        actor: str = OPERATOR,
    ) -> Acceptance:
        """Write down that a customer accepts a text; both parties have the receipt.

        Args:
            customer: the organisation, as its domains' rows name it.
            signatory: who signs for it.
            version: which one; the newest, where it is not given.
            language: in which language it was read; the first, where it is not given.
            actor: who writes it down.

        Raises:
            Absent: there is no such text.
            Refused: NOT_PERMITTED, the signatory does not say that he may.
            PeerFault: BAD_SYNTAX, a name is missing.
            Conflict: ALREADY_EXISTS, this was accepted before.
        """
        customer = named(customer)
        if not signatory.authority:
            raise Refused(Condition.NOT_PERMITTED, "a signatory says that he may sign")
        text, before = await self.text(version, language), await self.accepted(customer)
        if before is not None and before.version >= text.version:
            raise Conflict(Condition.ALREADY_EXISTS, f"they accepted version {before.version}")
        signed: Fields = {
            "signatory": named(signatory.name),
            "role": named(signatory.role),
            "authority": True,
            "accepted": self._answers.now().isoformat(),
            "network": cut_ip(signatory.address.strip()) if signatory.address.strip() else "",
        }
        receipt = issue_receipt(self._key(), (self._processor, customer), text, signed)
        said: Fields = {"kind": Answer.ACCEPTANCE.value, "customer": customer, **signed}
        said |= {"version": text.version, "language": text.language, "sha256": text.sha256}
        said |= {"receipt": receipt, "receipt_sha256": sha256(receipt.encode()).hexdigest()}
        entry = await self._answers.add(said | {"reminded": 0}, "accepted", actor=actor)
        if before is not None:
            await self._end(before.number, "a newer version was accepted", actor)
        return acceptance_of(entry)

    async def end(self, customer: str, *, actor: str = OPERATOR) -> None:
        """Write down that somebody is no customer any more. Raises Absent."""
        customer = named(customer)
        if await self.accepted(customer) is None:
            raise Absent(Condition.NO_SUCH_MESSAGE, f"{customer} has no agreement")
        for entry in await self._answers.entries():  # objections end with it
            if same(entry.fields["customer"], customer) and not entry.fields["over"]:
                await self._end(entry.number, "the agreement ended", actor)

    async def standing(self, customer: str) -> Standing:
        """Say where a customer stands."""
        accepted, texts = await self.accepted(customer), await self.texts()
        return standing(accepted, texts, self._profile, self._answers.now())

    async def due(self, customer: str) -> datetime | None:
        """Return by when a customer accepts the version after the one that it accepted."""
        accepted = await self.accepted(customer)
        term = accepted and term_to_accept(accepted, await self.texts(), self._profile)
        return term.ends_at if term else None

    async def check(self, customer: str) -> None:
        """See that accounts may be made for a customer.

        Raises:
            Refused: NOT_PERMITTED, it has not accepted what it must have.
        """
        stands = await self.standing(customer)
        if stands not in MAY_MAKE_ACCOUNTS:
            what = "the new version of the" if stands is Standing.LATE else "the"
            text = f"{customer} has not accepted {what} data processing agreement"
            raise Refused(Condition.NOT_PERMITTED, text)

    async def remind(self, customers: Collection[str]) -> list[str]:
        """Write into the log who has yet to accept a new version; return those."""
        reminded, now, texts = [], self._answers.now(), await self.texts()
        for customer in customers:
            accepted = await self.accepted(customer)
            term = accepted and term_to_accept(accepted, texts, self._profile)
            if accepted is None or not term or term.reminders_due(now) <= accepted.reminded:
                continue
            days = (term.ends_at - now).days
            log.error("an agreement waits for its customer", acceptance=accepted.number, days=days)
            change = {"reminded": term.reminders_due(now)}
            entry = await self._answers.get(accepted.number)
            await self._answers.change(entry, change, f"reminded, due {term.due}", actor=SERVER)
            reminded.append(customer)
        return reminded

    async def _end(self, number: int, why: str, actor: str) -> None:
        """Let an answer end; it is kept from the end of that year on, as accounts are."""
        zone = ZoneInfo(self._profile.zone)
        year = self._answers.now().astimezone(zone).year + 1
        over = datetime(year, 1, 1, tzinfo=zone).isoformat()
        entry = await self._answers.get(number)
        await self._answers.change(entry, {"over": over}, why, actor=actor)


def named(text: str) -> str:
    """Return a name with single spaces. Raises PeerFault (BAD_SYNTAX) where it is none."""
    text = " ".join(text.split())
    if not 0 < len(text) <= NAME_CHARACTERS:
        raise PeerFault(Condition.BAD_SYNTAX, f"a name has 1 to {NAME_CHARACTERS} letters")
    return text
