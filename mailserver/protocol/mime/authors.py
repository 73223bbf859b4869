"""Whom a message says it is from, as its reader will see it.

Authentication, rules and the webmail must agree on this, or a message could be judged by one author
and shown with another. So every From field counts, and every address in it, in the same reading as
the envelope's.
"""

from collections.abc import Iterable
from typing import NamedTuple

from mailserver.protocol.mime.addresses import addresses
from mailserver.protocol.mime.charsets import guess
from mailserver.protocol.mime.headers import Field, unfold


class Author(NamedTuple):
    """One address of a From field."""

    local: str
    domain: str
    """As written; empty where there is none."""

    def __str__(self) -> str:
        """Write it for people."""
        return f"{self.local}@{self.domain}" if self.domain else self.local


class Authors(NamedTuple):
    """What all From fields say."""

    fields: int
    """RFC 5322 §3.6 allows exactly one."""
    listed: tuple[Author, ...]


def authors(fields: Iterable[Field]) -> Authors:
    """Collect the authors from a message's fields, in order, each once."""
    values = [unfold(value) for name, value, _ in fields if name == b"from"]
    found = dict.fromkeys(
        Author(guess(one.local or b""), guess(one.domain))
        for value in values
        for one in addresses(value)
        if one.domain is not None  # a group is nobody
    )
    return Authors(len(values), tuple(found))
