"""The texts that people are asked to agree to: kept with their SHA-256, and never changed."""

import hashlib

from mailserver.audit.chain import Chain
from mailserver.audit.entry import OPERATOR, Event, Facts
from mailserver.model.errors import Absent, Condition, PeerFault, Refused
from mailserver.privacy.consent import BODY_CHARACTERS, LANGUAGES, VERSION_CHARACTERS, Text
from mailserver.runtime.clock import Clock
from mailserver.runtime.settings_registers import Consent
from mailserver.store.consents import Consents as Stored
from mailserver.store.consents import TextRow


class ConsentTexts:
    """The texts of this server."""

    def __init__(self, stored: Stored, chain: Chain, clock: Clock, settings: Consent) -> None:
        """Keep them in `stored`, for the purposes that `settings` name."""
        self.purposes = settings.purposes
        self._stored = stored
        self._chain = chain
        self._clock = clock

    async def listing(self) -> list[Text]:
        """Return every text, the oldest first."""
        return [Text(*row) for row in await self._stored.texts()]

    async def add(self, purpose: str, language: str, version: str, body: str) -> Text:
        """Keep a text; the newest of a purpose and language is what is asked.

        Raises:
            Refused: NOT_PERMITTED, the settings do not name the purpose.
            PeerFault: BAD_SYNTAX, a field is empty, too long, or no language of ours.
            Conflict: ALREADY_EXISTS, there is such a version.
        """
        self.check(purpose)
        version, body = version.strip(), body.strip()
        if language not in LANGUAGES:
            raise PeerFault(Condition.BAD_SYNTAX, f"a text is in one of {', '.join(LANGUAGES)}")
        if not 0 < len(version) <= VERSION_CHARACTERS or not 0 < len(body) <= BODY_CHARACTERS:
            raise PeerFault(
                Condition.BAD_SYNTAX,
                f"a version has 1 to {VERSION_CHARACTERS} characters, a text {BODY_CHARACTERS:,}",
            )
        digest = hashlib.sha256(body.encode()).digest()
        facts: Facts = {
            "what": "text",
            "purpose": purpose,
            "language": language,
            "sha256": digest.hex(),
        }
        await self._chain.record(Event.CONSENT_CHANGED, actor=OPERATOR, facts=facts)
        row = TextRow(0, purpose, language, version, body, digest, self._clock.now())
        return Text(*row._replace(number=await self._stored.add_text(row)))

    async def get(self, number: int) -> Text:
        """Return a text. Raises Absent."""
        for text in await self.listing():
            if text.number == number:
                return text
        raise Absent(Condition.NO_SUCH_MESSAGE, "there is no such text")

    async def current(self, purpose: str, language: str) -> Text:
        """Return what is asked now for a purpose: in `language`, else in another.

        Raises:
            Absent: it has no text.
        """
        newest = {one.language: one for one in await self.listing() if one.purpose == purpose}
        for wanted in (language, *LANGUAGES):
            if wanted in newest:
                return newest[wanted]
        raise Absent(Condition.NO_SUCH_MESSAGE, f"there is no text for {purpose} yet")

    def check(self, purpose: str) -> None:
        """See that a purpose is asked for. Raises Refused (NOT_PERMITTED)."""
        if purpose not in self.purposes:
            raise Refused(
                Condition.NOT_PERMITTED, f"the settings ask for no {purpose} ([consent] purposes)"
            )
