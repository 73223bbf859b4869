"""What a password must survive beyond its length: lists that leaked, and a guesser's first tries.

zxcvbn estimates how many guesses an attacker with word lists needs; it is given the words of the
owner, the tenant and the product. Its time grows with the length, so only the beginning is looked
at: what is hard to guess there stays so. No composition rules, hints or expiry (PRIVACY §6).

Source: NIST SP 800-63B §5.1.1.2; Wheeler, zxcvbn, USENIX Security 2016.
"""

from collections.abc import Sequence
from enum import StrEnum

from zxcvbn_rs_py import zxcvbn

from mailserver.accounts.common_passwords import is_common

LOOKED_AT_CHARACTERS = 64
GUESSES_LOG10 = 10.0
"""Behind Argon2id this many guesses cost an attacker some years of many machines."""
PRODUCT_WORDS = ("zegel", "mail", "webmail", "mailbox", "password", "wachtwoord", "passwort")


class Fault(StrEnum):
    """What is wrong with a password; the values are words of ours for programs."""

    SHORT = "short"
    LONG = "long"
    NO_TEXT = "no_text"
    REPEATS = "repeats"
    OWN_NAME = "own_name"
    LEAKED = "leaked"
    GUESSABLE = "guessable"


def fault(text: str, own_words: Sequence[str]) -> Fault | None:
    """Say why a password is easily guessed; None where it is not.

    Args:
        text: the password in NFC.
        own_words: of its owner's name and address.
    """
    folded = text.casefold()
    if is_common(folded):
        return Fault.LEAKED
    begun = folded[:LOOKED_AT_CHARACTERS]
    estimate = zxcvbn(begun, [*own_words, *PRODUCT_WORDS])
    if estimate.guesses_log10 < GUESSES_LOG10:
        return Fault.GUESSABLE
    return None
