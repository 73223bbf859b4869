"""The messages of an APPEND on their way in: in memory, within a budget that all clients share."""

from mailserver.model.message import NewMessage
from mailserver.model.sealed import Plaintext
from mailserver.protocol.imap.command import AppendMessage
from mailserver.runtime.limits import Budget


class Uploads:
    """One APPEND (RFC 3502); room for a whole message is reserved before any of it is read."""

    __slots__ = ("_budget", "_chunks", "_messages", "_owner", "_reserved_octets")

    def __init__(self, budget: Budget, owner: str) -> None:
        """Take room from `budget` in the name of `owner`, whoever appends."""
        self._budget = budget
        self._owner = owner
        self._reserved_octets = 0
        self._chunks: list[bytes] = []
        self._messages: list[Plaintext] = []

    def never(self, size_octets: int) -> bool:
        """Say whether what is here already leaves no room for a message, however long one waits."""
        return self._reserved_octets + size_octets > self._budget.peer_octets

    def begin(self, size_octets: int) -> bool:
        """Reserve room for the next message; False where the server has none to spare now."""
        if not self._budget.try_reserve(size_octets, self._owner):
            return False
        self._reserved_octets += size_octets
        return True

    def add(self, chunk: Plaintext) -> None:
        """Take in some octets of the message."""
        self._chunks.append(chunk.reveal())

    def end(self) -> None:
        """The message is whole."""
        self._messages.append(Plaintext(b"".join(self._chunks)))
        self._chunks.clear()

    def take(self, described: tuple[AppendMessage, ...]) -> list[NewMessage]:
        """Return the messages as `described` by their command; the room is held until `drop`."""
        return [
            NewMessage(octets, about.flags, about.keywords, about.internaldate)
            for octets, about in zip(self._messages, described, strict=True)
        ]

    def drop(self) -> None:
        """Forget the messages and give the room back."""
        self._chunks.clear()
        self._messages.clear()
        self._budget.release(self._reserved_octets, self._owner)
        self._reserved_octets = 0
