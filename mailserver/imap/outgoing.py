"""The outgoing half of a connection: few large writes, and no more unsent than a bound."""

import asyncio
from collections.abc import Sequence

from mailserver.imap.bounds import BUFFER_OCTETS, WRITE_OCTETS
from mailserver.runtime.deadlines import Unread


class Outgoing:
    """What is said to one client, on its way into the transport."""

    __slots__ = ("_octets", "_pieces", "_resumed", "_transport", "_unread", "paused")

    def __init__(self, transport: asyncio.Transport) -> None:
        """Write to `transport`."""
        self._transport = transport
        transport.set_write_buffer_limits(high=BUFFER_OCTETS)
        self._pieces: list[bytes] = []
        self._octets = 0
        self.paused = False
        """The client does not read, and a buffer is full."""
        self._resumed: asyncio.Future[None] | None = None
        self._unread = Unread()

    def say(self, pieces: Sequence[bytes]) -> None:
        """Queue octets."""
        self._pieces += pieces
        self._octets += sum(map(len, pieces))

    def flush(self) -> None:
        """Send what is queued."""
        if not self._pieces:
            return
        pieces, self._pieces = self._pieces, []
        small = pieces if self._octets <= BUFFER_OCTETS else []
        if not small:
            for piece in pieces:
                if len(piece) < WRITE_OCTETS:
                    small.append(piece)
                    continue
                self._transport.write(b"".join(small))
                self._transport.write(piece)  # joining would copy a large body once more
                small.clear()
        self._transport.write(b"".join(small))
        self._octets = 0

    async def relieve(self) -> None:
        """Send what is queued if it is much, and wait while the client does not read."""
        if self._octets >= WRITE_OCTETS:
            self.flush()
        while self.paused:  # the connection's deadlines see to it that this ends
            self._resumed = asyncio.get_running_loop().create_future()
            try:
                await self._resumed
            finally:
                self._resumed = None

    def resume(self) -> None:
        """Go on: the client has read."""
        self.paused = False
        self._unread.forget()
        if self._resumed is not None and not self._resumed.done():
            self._resumed.set_result(None)

    def is_stuck(self, now: float, seconds: float) -> bool:
        """Whether nothing of what is unsent was taken for `seconds`; asked now and then."""
        return self._unread.is_stuck(self._transport.get_write_buffer_size(), now, seconds)
