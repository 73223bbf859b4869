"""Domains that want to be taken for another: by letters that look alike, or one letter off.

A short list of what is confused in practice, not all of UTS 39: of a domain only the skeleton is
compared, and only with a few domains of our own.
"""

import unicodedata
from functools import lru_cache

LEAST_LETTERS = 5  # shorter domains are one letter off each other by chance

_LOOKS_LIKE = str.maketrans(
    {
        **dict(zip("01357", "olest", strict=True)),
        **dict(zip("аеорсухіјѕԁһӏкмнтвг", "aeopcyxijsdhlkmhtbr", strict=True)),
        **dict(zip("αινορτυχκηω", "aivoptuxknw", strict=True)),
        **dict(zip("ıłøđħ", "ilodh", strict=True)),
        "l": "i",
        "|": "i",
        "-": None,
    }
)
_PAIRS = (("rn", "m"), ("vv", "w"), ("cl", "d"), ("cj", "g"))


def shown(domain: str) -> str:
    """Return a domain as a reader sees it: A-labels in their own script where they have one."""
    if "xn--" not in domain:
        return domain
    return ".".join(map(_label, domain.split(".")))


def _label(label: str) -> str:
    if not label.startswith("xn--"):
        return label
    try:
        return label[4:].encode("ascii").decode("punycode")
    except (UnicodeError, ValueError, OverflowError):
        return label


def mixes_scripts(domain: str) -> bool:
    """Say whether one label has letters of Latin beside those of Cyrillic or Greek."""
    if domain.isascii():
        return False
    return any(len(_scripts(label)) > 1 for label in domain.split("."))


def _scripts(label: str) -> set[str]:
    found = set()
    for letter in label:
        script = unicodedata.name(letter, "").partition(" ")[0]
        if script in ("LATIN", "CYRILLIC", "GREEK"):
            found.add(script)
    return found


def imitates(domain: str, ours: str) -> bool:
    """Say whether `domain` looks like one of ours and is none of it."""
    if domain == ours or domain.endswith("." + ours) or ours.endswith("." + domain):
        return False
    theirs, own = skeleton(domain), skeleton(ours)
    if theirs == own:
        return True
    return len(ours.rpartition(".")[0]) >= LEAST_LETTERS and _one_off(theirs, own)


@lru_cache(maxsize=4_096)
def skeleton(domain: str) -> str:
    """Return what is left of a domain for a hasty eye."""
    plain = unicodedata.normalize("NFKD", domain[:255]).casefold()
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    for pair, one in _PAIRS:
        plain = plain.replace(pair, one)
    return plain.translate(_LOOKS_LIKE)


def _one_off(one: str, other: str) -> bool:
    """Say whether one letter more, less or exchanged makes one text the other."""
    if abs(len(one) - len(other)) > 1:
        return False
    at = 0
    while at < min(len(one), len(other)) and one[at] == other[at]:
        at += 1
    return (
        one[at + 1 :] == other[at + 1 :]
        or one[at:] == other[at + 1 :]
        or (one[at + 1 :] == other[at:])
    )
