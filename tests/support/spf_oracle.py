"""pyspf as a second opinion: `python -m tests.support.spf_oracle HOST PORT`.

It runs in a process of its own, since it asks DNS through a resolver that is the whole process's,
and warns. Each line of standard input is a JSON list of address, HELO name and reverse path; each
line of output the result, and pyspf's reason.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from mailserver.runtime.settings_values import Endpoint

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 30


@dataclass(frozen=True)
class Oracle:
    """The running process."""

    _process: asyncio.subprocess.Process

    async def check(self, ip: str, helo: str, mailfrom: str) -> tuple[str, str]:
        """Ask for a result and the reason."""
        reader, writer = self._process.stdout, self._process.stdin
        if reader is None or writer is None:
            raise RuntimeError("the oracle has no pipes")
        writer.write(json.dumps([ip, helo, mailfrom]).encode() + b"\n")
        async with asyncio.timeout(PATIENCE_SECONDS):
            await writer.drain()
            result, _, reason = (await reader.readline()).decode().strip().partition(" ")
            return result, reason


@asynccontextmanager
async def oracle(endpoint: Endpoint) -> AsyncIterator[Oracle]:
    """Run pyspf with a name server of its own for the length of a block."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "ignore", "-m", __name__, endpoint.host, str(endpoint.port)),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield Oracle(process)
    finally:
        process.terminate()
        await process.wait()


def _serve(host: str, port: int) -> None:
    import dns.resolver
    import spf

    dns.resolver.default_resolver = dns.resolver.Resolver(configure=False)
    dns.resolver.default_resolver.nameservers = [host]
    dns.resolver.default_resolver.port = port
    for line in sys.stdin:
        result, _, reason = spf.query(*_arguments(json.loads(line)), strict=True).check()
        sys.stdout.write(f"{result} {reason}\n")
        sys.stdout.flush()


def _arguments(asked: list[str]) -> tuple[str, str, str]:
    ip, helo, mailfrom = asked
    return ip, mailfrom, helo


if __name__ == "__main__":
    _serve(sys.argv[1], int(sys.argv[2]))
