"""The data processing agreement: its texts by version, and who accepted which (PRIVACY §15).

A customer is an organisation whose domains this server keeps mail for, as a processor; it is named
by its domains' rows. It accepts a text by a signatory who says that he may. A new version runs for
thirty days beside the one that was accepted; then the customer makes no new accounts until it
accepts. Source: GDPR Art. 28(3), (9).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import unified_diff
from enum import StrEnum
from typing import Any

from mailserver.crypto.sign import SigningKey
from mailserver.model.errors import Condition, PeerFault
from mailserver.privacy import signed
from mailserver.privacy.clocks import Term, term_of_days
from mailserver.privacy.ledger import Entry, Fields
from mailserver.privacy.legal_profile import AGREEMENT_DAYS, LegalProfile

SCHEMA = 1
LANGUAGES = ("en", "nl", "de", "fr")
_KIND = b"zegel-agreement-receipt"


class Told(StrEnum):
    """What an entry of the register of what customers are told is."""

    TEXT = "text"
    ANNOUNCEMENT = "announcement"


class Answer(StrEnum):
    """What an entry of the register of what customers answered is."""

    ACCEPTANCE = "acceptance"
    OBJECTION = "objection"
    OFFER = "offer"
    """A link by which a customer may accept."""


@dataclass(frozen=True, slots=True)
class Text:
    """A version of the agreement in one language."""

    number: int
    version: int
    language: str
    text: str
    sha256: str
    """Of its octets in UTF-8, hexadecimal."""
    published_at: datetime


@dataclass(frozen=True, slots=True, repr=False)
class Signatory:
    """Who signs for a customer."""

    name: str
    role: str
    """What he is there."""
    authority: bool
    """Whether he says that he may sign for it."""
    address: str = ""
    """From which IP address; it is kept cut to its network. Empty where it was on paper."""


@dataclass(frozen=True, slots=True, repr=False)
class Acceptance:
    """That a customer accepted a text."""

    number: int
    customer: str
    signatory: str
    role: str
    accepted_at: datetime
    version: int
    language: str
    sha256: str
    receipt: str
    """What both parties have; signed."""
    receipt_sha256: str
    reminded: int
    """How often it was reminded of the version that came after."""
    over_at: datetime | None


class Standing(StrEnum):
    """Where a customer stands."""

    ACCEPTED = "accepted"
    DUE = "due"
    """There is a new version, and time left to accept it."""
    LATE = "late"
    MISSING = "missing"
    """It accepted none, or there is none."""


MAY_MAKE_ACCOUNTS = frozenset({Standing.ACCEPTED, Standing.DUE})


def text_of(entry: Entry) -> Text:
    """Read a text of the register."""
    said = entry.fields
    return Text(
        number=entry.number,
        version=said["version"],
        language=said["language"],
        text=said["text"],
        sha256=said["sha256"],
        published_at=datetime.fromisoformat(said["published"]),
    )


def acceptance_of(entry: Entry) -> Acceptance:
    """Read an acceptance of the register."""
    said = entry.fields
    return Acceptance(
        number=entry.number,
        customer=said["customer"],
        signatory=said["signatory"],
        role=said["role"],
        accepted_at=datetime.fromisoformat(said["accepted"]),
        version=said["version"],
        language=said["language"],
        sha256=said["sha256"],
        receipt=said["receipt"],
        receipt_sha256=said["receipt_sha256"],
        reminded=said["reminded"],
        over_at=datetime.fromisoformat(said["over"]) if said["over"] else None,
    )


def same(one: str, other: str) -> bool:
    """Say whether two names are one customer's."""
    return one.casefold() == other.casefold()


def term_to_accept(
    accepted: Acceptance, texts: Iterable[Text], profile: LegalProfile
) -> Term | None:
    """Return until when whoever accepted one version accepts the next; None: there is none."""
    newer = [one.published_at for one in texts if one.version > accepted.version]
    return term_of_days(min(newer), AGREEMENT_DAYS, profile) if newer else None


def standing(
    accepted: Acceptance | None, texts: Sequence[Text], profile: LegalProfile, now: datetime
) -> Standing:
    """Say where a customer stands that accepted `accepted` last."""
    if accepted is None or not texts:
        return Standing.MISSING
    term = term_to_accept(accepted, texts, profile)
    if term is None:
        return Standing.ACCEPTED
    return Standing.DUE if now < term.ends_at else Standing.LATE


def differences(old: Text, new: Text) -> list[str]:
    """Say in lines what another version says, as `diff -u` does."""
    before, after = (f"version {one.version} ({one.language})" for one in (old, new))
    lines = unified_diff(old.text.splitlines(), new.text.splitlines(), before, after, lineterm="")
    return list(lines)


def issue_receipt(key: SigningKey, parties: tuple[str, str], text: Text, said: Fields) -> str:
    """Write the receipt of an acceptance, signed with `key`.

    Args:
        key: the key that signs the audit log.
        parties: whose server this is, and who accepts.
        text: what is accepted.
        said: who signed, as what, when and from which network.
    """
    processor, customer = parties
    receipt: dict[str, Any] = {
        "schema": SCHEMA,
        "product": "zegel",
        "processor": processor,
        "controller": customer,
        **said,
        "version": text.version,
        "language": text.language,
        "sha256": text.sha256,
    }
    return signed.sign(key, _KIND, receipt)


def check_receipt(public: bytes, receipt: str) -> dict[str, Any]:
    """Return what a receipt says, if the owner of `public` signed it.

    Raises:
        PeerFault: BAD_SYNTAX, it is no receipt.
        Corrupt: DAMAGED, it was altered, or another signed it.
    """
    try:
        return signed.check(public, _KIND, SCHEMA, receipt)
    except PeerFault:
        text = "this is no receipt of an agreement"
        raise PeerFault(Condition.BAD_SYNTAX, text) from None
