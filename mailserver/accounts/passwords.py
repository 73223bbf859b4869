"""What an account password must be (PRIVACY §6): long, and not made of its owner's name.

No composition rules, no expiry: they make passwords worse.
"""

import re
import unicodedata
from collections.abc import Iterable

from mailserver.accounts import password_rules
from mailserver.accounts.password_rules import Fault
from mailserver.model.address import Address
from mailserver.model.errors import Condition, Refused
from mailserver.model.sealed import Plaintext

CHARACTERS = 15
CHARACTERS_WITH_FACTOR = 12
OCTETS_AT_MOST = 1_024  # far above the 128 characters that must be taken; bounds what is hashed
DISTINCT_CHARACTERS = 5
WORD_CHARACTERS = 4  # shorter parts of a name occur in honest passwords by chance

_PARTS = re.compile(r"[\W_]+")
_SAID = {
    Fault.SHORT: "the password needs {least} characters or more",
    Fault.LONG: f"the password is longer than {OCTETS_AT_MOST} octets",
    Fault.NO_TEXT: "the password is not UTF-8 text",
    Fault.REPEATS: "the password repeats a few characters only",
    Fault.OWN_NAME: "the password is mostly your own name or address",
    Fault.LEAKED: "this password is on lists that leaked; choose one that nobody else has",
    Fault.GUESSABLE: (
        "this password is easily guessed; a few words that do not belong together do better"
    ),
}


class WeakPassword(Refused):
    """WEAK_PASSWORD, with its reason for programs that say it in other languages."""

    def __init__(self, fault: Fault, least: int = CHARACTERS) -> None:
        """Say `fault` in one line; `least` is how many characters are needed."""
        super().__init__(Condition.WEAK_PASSWORD, _SAID[fault].format(least=least))
        self.fault = fault
        self.least = least


def check(password: Plaintext, address: Address, *, second_factor: bool = False) -> None:
    """Refuse a password that is easily guessed.

    Raises:
        WeakPassword: the text says in one line what to do better.
    """
    octets = password.reveal()
    if len(octets) > OCTETS_AT_MOST:
        raise WeakPassword(Fault.LONG)
    try:
        text = unicodedata.normalize("NFC", octets.decode())
    except UnicodeDecodeError:
        raise WeakPassword(Fault.NO_TEXT) from None
    least = CHARACTERS_WITH_FACTOR if second_factor else CHARACTERS
    if len(text) < least:
        raise WeakPassword(Fault.SHORT, least)
    folded = text.casefold()
    if len(set(folded)) < DISTINCT_CHARACTERS:
        raise WeakPassword(Fault.REPEATS, least)
    rest = folded
    for word in _own_words(address):
        rest = rest.replace(word, "")
    if len(rest) <= least // 2:
        raise WeakPassword(Fault.OWN_NAME, least)
    if (fault := password_rules.fault(text, list(_own_words(address)))) is not None:
        raise WeakPassword(fault, least)


def _own_words(address: Address) -> Iterable[str]:
    parts = _PARTS.split(f"{address.local}.{address.domain}".casefold())
    words = {part for part in parts if len(part) >= WORD_CHARACTERS}
    return sorted(words, key=len, reverse=True)
