"""What a previewing process is asked, and what it answers: a line of JSON, then octets.

Either side may be wrong about the other, so both lines are read strictly.
"""

from enum import Enum
from typing import Annotated

import msgspec

from mailserver.model.errors import Condition, PeerFault

LINE_OCTETS = 1_000
PAGES = 5_000  # of a document; one with more is none that anybody pages through
WIDTH, HEIGHT = 1_600, 2_400  # pixels of a page, at most


class Kind(Enum):
    """What is looked into, by how it begins."""

    PICTURE = "picture"
    DOCUMENT = "document"
    """A PDF."""
    TEXT = "text"


class No(Enum):
    """Why there is no preview."""

    UNSUPPORTED = "unsupported"
    TOO_LARGE = "too_large"
    ENCRYPTED = "encrypted"
    DAMAGED = "damaged"
    TOO_COMPLEX = "too_complex"
    NO_SUCH_PAGE = "no_such_page"


class NoPageError(Exception):
    """There is nothing to be shown; `no` says why."""

    def __init__(self, no: No) -> None:
        """Carry the reason."""
        super().__init__(no.value)
        self.no = no


class Question(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which page of what; the octets follow."""

    kind: Kind
    page: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
    memory_octets: int
    cpu_seconds: int
    charset: str = ""


class Answer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A page, whose octets follow: PNG, or UTF-8 for text; or why not."""

    pages: Annotated[int, msgspec.Meta(ge=0, le=PAGES)] = 0
    no: No | None = None


def written(line: Question | Answer, octets: bytes) -> bytes:
    """Write a line and what follows it."""
    return msgspec.json.encode(line) + b"\n" + octets


def question(line: bytes) -> Question:
    """Read a question's line. Raises msgspec.DecodeError."""
    return msgspec.json.decode(line, type=Question)


def answer(said: bytes) -> tuple[Answer, bytes]:
    """Read an answer and what follows it.

    Raises:
        PeerFault: BAD_SYNTAX, it is none.
    """
    line, _, octets = said.partition(b"\n")
    try:
        return msgspec.json.decode(line[:LINE_OCTETS], type=Answer), octets
    except msgspec.DecodeError as error:
        raise PeerFault(Condition.BAD_SYNTAX, "the process says nothing of sense") from error
