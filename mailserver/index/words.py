"""One normal form for texts and for what is looked for in them."""

import re
import unicodedata

_SPACE_OR_CONTROL = re.compile(r"[\s\x00-\x1f\x7f]+")


def normalise(text: str) -> str:
    """Fold `text` for substring search: NFKC, case folded, white space and controls to one space.

    Casefolding can leave the NFKC form, so it is normalised again where it is not plain ASCII.
    """
    if text.isascii():
        folded = text.lower()
    else:
        folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return _SPACE_OR_CONTROL.sub(" ", folded)


def needle(text: str) -> bytes:
    """Return what to look for when a user asks for `text`; empty matches everything."""
    return normalise(text).encode("utf-8", "replace")
