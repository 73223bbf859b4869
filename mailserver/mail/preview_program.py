"""The previewing process: confines itself, reads one question, writes one answer.

python -I -m mailserver.mail.preview_program
"""

import sys

from PIL import Image

from mailserver.mail.preview_pages import NoPageError, document, picture, text
from mailserver.mail.preview_question import LINE_OCTETS, Answer, Kind, No, question, written
from mailserver.protocol.mime.charsets import decode
from mailserver.runtime.confinement import Share, confine


def main() -> None:
    """Answer one question."""
    asked = question(sys.stdin.buffer.readline(LINE_OCTETS))
    Image.preinit()
    # So that codecs are there which are read from files: the charset's, and the one for guesses.
    decode(b"\xe9--", asked.charset.encode("ascii", "replace"))
    confine(Share(asked.memory_octets, asked.cpu_seconds))
    octets = sys.stdin.buffer.read()
    try:
        match asked.kind:
            case Kind.PICTURE:
                pages, page = picture(octets, asked.page)
            case Kind.DOCUMENT:
                pages, page = document(octets, asked.page)
            case Kind.TEXT:
                pages, page = text(octets, asked.page, asked.charset)
        said = written(Answer(pages), page)
    except NoPageError as refused:
        said = written(Answer(no=refused.no), b"")
    except MemoryError:
        said = written(Answer(no=No.TOO_COMPLEX), b"")
    sys.stdout.buffer.write(said)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
