"""What an account password must be (PRIVACY §6): long, and not made of its owner's name.

No composition rules, no expiry: they make passwords worse.
"""

import re
import unicodedata
from collections.abc import Iterable

from mailserver.accounts import password_rules
from mailserver.model.address import Address
from mailserver.model.errors import Condition, Refused
from mailserver.model.sealed import Plaintext

CHARACTERS = 15
CHARACTERS_WITH_FACTOR = 12
OCTETS_AT_MOST = 1_024  # far above the 128 characters that must be taken; bounds what is hashed
DISTINCT_CHARACTERS = 5
WORD_CHARACTERS = 4  # shorter parts of a name occur in honest passwords by chance

_PARTS = re.compile(r"[\W_]+")


def check(password: Plaintext, address: Address, *, second_factor: bool = False) -> None:
    """Refuse a password that is easily guessed.

    Raises:
        Refused: WEAK_PASSWORD, and the text says in one line what to do better.
    """
    octets = password.reveal()
    if len(octets) > OCTETS_AT_MOST:
        raise _weak(f"the password is longer than {OCTETS_AT_MOST} octets")
    try:
        text = unicodedata.normalize("NFC", octets.decode())
    except UnicodeDecodeError:
        raise _weak("the password is not UTF-8 text") from None
    least = CHARACTERS_WITH_FACTOR if second_factor else CHARACTERS
    if len(text) < least:
        raise _weak(f"the password needs {least} characters or more")
    folded = text.casefold()
    if len(set(folded)) < DISTINCT_CHARACTERS:
        raise _weak("the password repeats a few characters only")
    rest = folded
    for word in _own_words(address):
        rest = rest.replace(word, "")
    if len(rest) <= least // 2:
        raise _weak("the password is mostly your own name or address")
    if (fault := password_rules.fault(text, list(_own_words(address)))) is not None:
        raise _weak(fault)


def _own_words(address: Address) -> Iterable[str]:
    parts = _PARTS.split(f"{address.local}.{address.domain}".casefold())
    words = {part for part in parts if len(part) >= WORD_CHARACTERS}
    return sorted(words, key=len, reverse=True)


def _weak(text: str) -> Refused:
    return Refused(Condition.WEAK_PASSWORD, text)
