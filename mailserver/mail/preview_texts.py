"""Pages of texts in any charset. Runs in a confined process, as all that strangers made does."""

import math

from mailserver.mail.preview_question import PAGES, No, NoPageError
from mailserver.protocol.mime.charsets import decode

CHARACTERS = 64 * 1024  # of a page


def page(octets: bytes, number: int, charset: str) -> tuple[int, bytes]:
    """Return (pages, UTF-8) of a text in a charset, or in one that is guessed.

    Raises:
        NoPageError: there is no such page, or it is more than anybody reads.
    """
    whole = decode(octets, charset.encode("ascii", "replace") or None).replace("\r\n", "\n")
    pages = max(1, math.ceil(len(whole) / CHARACTERS))
    if pages > PAGES:
        raise NoPageError(No.TOO_COMPLEX)
    if number > pages:
        raise NoPageError(No.NO_SUCH_PAGE)
    shown = whole[(number - 1) * CHARACTERS : number * CHARACTERS]
    return pages, shown.encode("utf-8", "replace")
