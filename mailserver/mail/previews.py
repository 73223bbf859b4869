"""Pages of attachments to look at, without opening them in a program that would believe them.

What a part says of itself is not asked, but for texts: pictures and PDFs are known by how they
begin. They are drawn by confined processes, each for one page (`runtime.confined`), and what comes
back is a picture that we wrote, or plain text.
"""

from dataclasses import dataclass
from datetime import timedelta

from mailserver.mail.preview_question import Answer, Kind, No, Question, answer, written
from mailserver.model.errors import Condition, PeerFault, Refused
from mailserver.model.sealed import Plaintext
from mailserver.protocol.mime.pictures import picture_type
from mailserver.runtime.confined import Confined, ConfinedError
from mailserver.runtime.settings_reading import Reading
from mailserver.runtime.settings_values import MIB

PROGRAM = "mailserver.mail.preview_program"
MEMORY_OCTETS = 1_024 * MIB  # address space; 50 million pixels in colour are a fifth of it
PAGE_OCTETS = 24 * MIB
_PDF_WITHIN = 1_024  # ISO 32000-1, implementation note 13: the header may come that late
_PNG = b"\x89PNG\r\n\x1a\n"
_TEXTS = frozenset({"application/json", "application/xml", "application/x-yaml", "application/sql"})
_NO_TEXTS = frozenset({"text/html", "text/xml-external-parsed-entity"})


class NoPreview(Refused):
    """There is nothing to be shown."""

    def __init__(self, no: No) -> None:
        """Say why."""
        super().__init__(Condition.NOT_PERMITTED, f"no preview: {no.value.replace('_', ' ')}")
        self.no = no


@dataclass(frozen=True, slots=True, repr=False)
class Page:
    """One page."""

    kind: Kind
    number: int
    pages: int
    octets: Plaintext
    """PNG, or UTF-8 where it is a text."""


class Previews:
    """Shows pages."""

    def __init__(self, reading: Reading) -> None:
        """Start as many processes, of that size and for as long, as `reading` says."""
        self._reading = reading
        deadline = timedelta(seconds=reading.preview_seconds)
        self._confined = Confined(PROGRAM, at_once=reading.preview_processes, deadline=deadline)

    async def page(
        self, octets: Plaintext, number: int, *, type: str = "", charset: str = ""
    ) -> Page:
        """Return page `number`, from 1, of a file.

        Args:
            octets: the file, decoded.
            number: of the page.
            type: the media type it is said to have; it makes a text of what is nothing else.
            charset: of a text; else it is guessed.

        Raises:
            NoPreview: why it cannot be shown.
            Transient: BUSY, too many are being looked at.
        """
        file = octets.reveal()
        if len(file) > self._reading.preview_octets:
            raise NoPreview(No.TOO_LARGE)
        kind = kind_of(file, type)
        if kind is None:
            raise NoPreview(No.UNSUPPORTED)
        question = Question(kind, number, MEMORY_OCTETS, self._reading.preview_seconds, charset)
        try:
            said = await self._confined.ask(written(question, file), most_octets=PAGE_OCTETS)
            told, page = answer(said)
        except (ConfinedError, PeerFault) as error:
            raise NoPreview(No.TOO_COMPLEX) from error
        if told.no is not None:
            raise NoPreview(told.no)
        if not _is_page(kind, number, told, page):
            raise NoPreview(No.DAMAGED)
        return Page(kind, number, told.pages, Plaintext(page))


def kind_of(file: bytes, type: str) -> Kind | None:
    """Return what a file is to be shown as; None for what is not shown."""
    if picture_type(file):
        return Kind.PICTURE
    if b"%PDF-" in file[:_PDF_WITHIN]:
        return Kind.DOCUMENT
    named = type.partition(";")[0].strip().lower()
    is_text = named in _TEXTS or (named.startswith("text/") and named not in _NO_TEXTS)
    return Kind.TEXT if is_text and b"\0\0\0" not in file else None


def _is_page(kind: Kind, number: int, told: Answer, page: bytes) -> bool:
    """Say whether a process answered what it was asked; it may have been taken over."""
    if not number <= told.pages:
        return False
    if kind is not Kind.TEXT:
        return page.startswith(_PNG)
    try:
        page.decode()
    except UnicodeDecodeError:
        return False
    return True
