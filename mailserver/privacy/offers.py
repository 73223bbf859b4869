"""The agreement is offered to a customer by a link, and accepted at its end by who may sign.

The link's secret is random, for one customer, and ends after thirty days; the register has its hash
alone. It accepts once; after that it shows the receipt. Whoever has the link is taken for the
customer, so it goes to whom the customer named.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from mailserver.audit.entry import OPERATOR
from mailserver.model.errors import Absent, Condition
from mailserver.privacy.agreement import Acceptance, Answer, Signatory, Text, acceptance_of
from mailserver.privacy.agreements import Agreements, named
from mailserver.privacy.diary import Diary
from mailserver.privacy.ledger import Entry, Ledger
from mailserver.privacy.legal_profile import AGREEMENT_DAYS
from mailserver.runtime.clock import Clock
from mailserver.store.registers import Register

SIGNATORY = "signatory"
"""Who writes an acceptance down that came by a link."""
_SECRET_OCTETS = 32


@dataclass(frozen=True, slots=True, repr=False)
class Offer:
    """What the link leads to."""

    customer: str
    text: Text
    languages: tuple[str, ...]
    """In which the same version can be read."""
    expires_at: datetime
    accepted: Acceptance | None
    """What was accepted by it."""


class Offers:
    """The links that are out."""

    def __init__(self, agreements: Agreements, ledger: Ledger, clock: Clock) -> None:
        """Offer what `agreements` has; the links are kept in `ledger`."""
        self._agreements = agreements
        self._diary = Diary(ledger, Register.ACCEPTANCE, clock)

    async def offer(self, customer: str, *, actor: str = OPERATOR) -> str:
        """Offer the newest version to a customer; return the link's secret, told now and not again.

        Raises:
            Absent: nothing is published.
            PeerFault: BAD_SYNTAX, the customer has no name.
        """
        text, secret = await self._agreements.text(), secrets.token_urlsafe(_SECRET_OCTETS)
        expires = self._diary.now() + timedelta(days=AGREEMENT_DAYS)
        said = {
            "kind": Answer.OFFER.value,
            "customer": named(customer),
            "version": text.version,
            "secret": _hash(secret),
            "expires": expires.isoformat(),
            "accepted_as": 0,
            # It names nobody but an organisation; with its time over it is of no use to anybody.
            "over": expires.isoformat(),
        }
        await self._diary.add(said, "offered", actor=actor)
        return secret

    async def look(self, secret: str, language: str | None = None) -> Offer:
        """Return what a link leads to, in a language of the text; once accepted, in that one.

        Raises:
            Absent: NO_SUCH_CREDENTIAL, there is no such link, or its time is over.
        """
        said = (await self._found(secret)).fields
        texts = [one for one in await self._agreements.texts() if one.version == said["version"]]
        accepted = None
        if said["accepted_as"]:
            accepted = acceptance_of(await self._diary.get(said["accepted_as"]))
            language = accepted.language
        text = next((one for one in texts if one.language == language), texts[0])
        return Offer(
            said["customer"],
            text,
            tuple(one.language for one in texts),
            datetime.fromisoformat(said["expires"]),
            accepted,
        )

    async def accept(self, secret: str, signatory: Signatory, language: str) -> Acceptance:
        """Accept what a link leads to, as its customer.

        Raises:
            Absent: NO_SUCH_CREDENTIAL, as `look`; or there is no such language.
            Refused, PeerFault, Conflict: as `Agreements.accept`.
        """
        entry = await self._found(secret)
        said = entry.fields
        accepted = await self._agreements.accept(
            *(said["customer"], signatory),
            version=said["version"],
            language=language,
            actor=SIGNATORY,
        )
        change = {"accepted_as": accepted.number}
        await self._diary.change(entry, change, "accepted", actor=SIGNATORY)
        return accepted

    async def _found(self, secret: str) -> Entry:
        wanted, now = _hash(secret), self._diary.now()
        for entry in await self._diary.entries():
            said = entry.fields
            if said["kind"] != Answer.OFFER or said["secret"] != wanted:
                continue
            if now < datetime.fromisoformat(said["expires"]):
                return entry
        raise Absent(Condition.NO_SUCH_CREDENTIAL, "this link is not valid, or not any more")


def _hash(secret: str) -> str:
    return sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()
