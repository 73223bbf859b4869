"""What one reply cannot say: a message to several recipients that only some of them got.

After DATA, SMTP has one reply for all recipients (RFC 5321 §4.1.1.4; only LMTP has one for each).
Say 250 and the message is lost for those who did not get it; say 5yz and the sender tells its
author that nobody did; say 451 and those who did get it once more. The rule here loses nothing,
doubles nothing, and gives each recipient a true answer in the end:

1. Nobody got it: the reply is a transient error if there is one among them, else the first error.
2. Some got it: the reply is 451, and we remember, for this very message, who did. When it comes
   again they are answered with what they have, and it is delivered only to the others.
3. Who did not get it is asked for on his own the next time (`452 4.5.3` at RCPT when others are in
   the transaction; RFC 5321 §4.5.3.1.10 makes the sender come back for him). His own transaction
   then ends in his own reply, be it 250 or 550.

What is remembered is a digest under a random key of this process, so it names neither the message
nor anybody; it is bounded and goes after five days, the longest that senders try. A restart, or
another worker, forgets: then the second copy arrives, and still nothing is lost.
"""

import hashlib
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import timedelta

from mailserver.model.address import Address
from mailserver.model.errors import MailError
from mailserver.smtp.status import is_transient

KEPT = timedelta(days=5)  # RFC 5321 §4.5.4.1
ENTRIES = 20_000
_DIGEST_OCTETS = 16


class Retries:
    """Remembers the outcomes that a reply could not carry."""

    def __init__(
        self, monotonic: Callable[[], float] = time.monotonic, *, entries: int = ENTRIES
    ) -> None:
        """Remember at most `entries` outcomes, the oldest going first."""
        self._key = secrets.token_bytes(32)
        self._monotonic = monotonic
        self._entries = entries
        self._until: OrderedDict[bytes, float] = OrderedDict()

    def __bool__(self) -> bool:
        """Say whether anything is remembered: it hardly ever is, and then nobody needs to ask."""
        return bool(self._until)

    def message(self, sender: Address | None, octets: bytes) -> bytes:
        """Name a message: the same sender and the same octets have the same name."""
        digest = hashlib.blake2b(
            octets, key=self._key, digest_size=_DIGEST_OCTETS, person=b"message"
        )
        digest.update(b"\0" + str(sender or "").encode())
        return digest.digest()

    def has(self, message: bytes, recipient: Address) -> bool:
        """Say whether `recipient` got `message` while others did not."""
        return self._known(self._name(b"has", message, recipient))

    def alone(self, sender: Address | None, recipient: Address) -> bool:
        """Say whether mail from `sender` to `recipient` needs a transaction of its own."""
        return self._known(self._name(b"alone", str(sender or "").encode(), recipient))

    def remember_has(self, message: bytes, recipient: Address) -> None:
        """Remember that `recipient` has `message`."""
        self._remember(self._name(b"has", message, recipient))

    def remember_alone(self, sender: Address | None, recipient: Address) -> None:
        """Remember that `recipient` should be served on his own."""
        self._remember(self._name(b"alone", str(sender or "").encode(), recipient))

    def _name(self, kind: bytes, what: bytes, recipient: Address) -> bytes:
        digest = hashlib.blake2b(
            what, key=self._key, digest_size=_DIGEST_OCTETS, person=kind.ljust(16, b"\0")
        )
        digest.update(b"\0" + recipient.key.encode())
        return digest.digest()

    def _known(self, name: bytes) -> bool:
        until = self._until.get(name)
        return until is not None and self._monotonic() < until

    def _remember(self, name: bytes) -> None:
        now = self._monotonic()
        self._until.pop(name, None)
        self._until[name] = now + KEPT.total_seconds()
        while len(self._until) > self._entries or next(iter(self._until.values())) <= now:
            self._until.popitem(last=False)


def one_error(outcomes: list[MailError | None]) -> MailError | None:
    """Choose the error that stands for a transaction in which nobody got the message.

    None where somebody did; what is then to say depends on whether everybody did.
    """
    errors = [outcome for outcome in outcomes if outcome is not None]
    if len(errors) < len(outcomes) or not errors:
        return None
    return next((error for error in errors if is_transient(error)), errors[0])
