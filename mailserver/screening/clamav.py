"""Malware, as ClamAV's daemon sees it: the message goes down a socket of this machine.

    zINSTREAM NUL, then chunks, each with its length in four octets, then a length of zero;
    the answer is "stream: OK", "stream: <name> FOUND" or "... ERROR", with NUL at its end.

Source: clamd(8), "INSTREAM".
"""

import re
import struct

from mailserver.model.errors import Condition, Transient
from mailserver.screening.stream import connected

CHUNK_OCTETS = 256 * 1024
REPLY_OCTETS = 4_096
SECONDS = 60.0  # a scan of 150 MiB of archives takes its time; senders wait ten minutes

_LENGTH = struct.Struct(">I")
_FOUND = re.compile(rb"stream: (.{1,200}) FOUND\0?$")
_TOO_LARGE = b"size limit exceeded"


class Clamd:
    """One ClamAV daemon."""

    def __init__(self, where: str, seconds: float = SECONDS) -> None:
        """Use the daemon at `where`: `unix:/run/clamav/clamd.ctl`, or `127.0.0.1:3310`."""
        self._where = where
        self._seconds = seconds

    async def scan(self, octets: bytes) -> str:
        """Return the name of the malware in a message; empty where there is none.

        Raises:
            Transient: UNAVAILABLE, the daemon is down, too slow, or cannot scan this.
        """
        async with connected(self._where, self._seconds) as (reader, writer):
            writer.write(b"zINSTREAM\0")
            view = memoryview(octets)
            for start in range(0, len(view), CHUNK_OCTETS):
                chunk = view[start : start + CHUNK_OCTETS]
                writer.write(_LENGTH.pack(len(chunk)))
                writer.write(chunk)
                await writer.drain()
            writer.write(_LENGTH.pack(0))
            await writer.drain()
            reply = (await reader.read(REPLY_OCTETS)).rstrip(b"\0\n")
        found = _FOUND.match(reply)
        if found:
            return found[1].decode("ascii", "replace")
        if reply == b"stream: OK":
            return ""
        if _TOO_LARGE in reply:
            raise Transient(Condition.UNAVAILABLE, "the message is larger than the scanner takes")
        raise Transient(Condition.UNAVAILABLE, "the scanner failed")
