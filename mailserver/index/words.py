"""One normal form for texts and for what is looked for in them."""

import re
import unicodedata

_SPACE_OR_CONTROL = re.compile(r"[\s\x00-\x1f\x7f]+")


def normalise(text: str) -> str:
    """Fold `text` for substring search: NFKC, case folded, white space and controls to one space.

    Casefolding can leave the NFKC form, so it is normalised again where it is not plain ASCII.
    """
    folded = fold(text).replace("\n", " ")
    if "  " not in folded and folded.isprintable():
        return folded  # a regex would stop at every space: three times the cost of all the rest
    return _SPACE_OR_CONTROL.sub(" ", folded)


def fold(text: str) -> str:
    """Fold case and compatibility forms, and leave white space as it is."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def needle(text: str) -> bytes:
    """Return what to look for when a user asks for `text`; empty matches everything."""
    return normalise(text).encode("utf-8", "replace")
