"""The previewing process: confines itself, reads one question, writes one answer.

python -I -m mailserver.mail.preview_program
"""

import sys
from importlib import import_module

from mailserver.mail.preview_question import (
    LINE_OCTETS,
    Answer,
    Kind,
    No,
    NoPageError,
    question,
    written,
)
from mailserver.protocol.mime.charsets import decode
from mailserver.runtime.confinement import Share, confine

READERS = {
    Kind.PICTURE: "mailserver.mail.preview_pictures",
    Kind.DOCUMENT: "mailserver.mail.preview_documents",
    Kind.TEXT: "mailserver.mail.preview_texts",
}
"""What is read by what; the others are not even there to be broken into."""


def main() -> None:
    """Answer one question."""
    asked = question(sys.stdin.buffer.readline(LINE_OCTETS))
    page = import_module(READERS[asked.kind]).page
    # So that codecs are there which are read from files: the charset's, and the one for guesses.
    decode(b"\xe9--", asked.charset.encode("ascii", "replace"))
    confine(Share(asked.memory_octets, asked.cpu_seconds))
    octets = sys.stdin.buffer.read()
    try:
        pages, shown = page(octets, asked.page, asked.charset)
        said = written(Answer(pages), shown)
    except NoPageError as refused:
        said = written(Answer(no=refused.no), b"")
    except MemoryError:
        said = written(Answer(no=No.TOO_COMPLEX), b"")
    sys.stdout.buffer.write(said)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
