"""Connections to scanners of this machine: a Unix socket or a loopback port, within a deadline."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from mailserver.model.errors import Condition, Transient


@asynccontextmanager
async def connected(
    where: str, seconds: float
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Connect to `unix:/path` or `host:port`; everything in the block must end within `seconds`.

    Raises:
        Transient: UNAVAILABLE, it does not answer, or not in time.
    """
    try:
        async with asyncio.timeout(seconds):
            if where.startswith("unix:"):
                reader, writer = await asyncio.open_unix_connection(where.removeprefix("unix:"))
            else:
                host, _, port = where.rpartition(":")
                reader, writer = await asyncio.open_connection(host.strip("[]"), int(port))
            try:
                yield reader, writer
            finally:
                writer.close()
                with suppress(OSError):
                    await writer.wait_closed()
    except (OSError, TimeoutError, asyncio.IncompleteReadError) as silent:
        raise Transient(Condition.UNAVAILABLE, "a scanner does not answer") from silent
