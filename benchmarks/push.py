"""What clients cost that only listen: 1,000 EventSource clients, and how soon they are told.

    python -m benchmarks.push [--clients 1000] [--rounds 5] [--output DIR]

Starts a throw-away server, once without TLS and once with it, opens the event streams of fifty
accounts and reads what the server's memory (PSS) grew by. Then an email arrives in one account, and
in all of them. Writes <output>/<date>-push.json and prints a table; 1 where the mark is missed.
"""

import argparse
import asyncio
import base64
import json
import os
import re
import shutil
import smtplib
import ssl
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from benchmarks import throwaway
from benchmarks.serve import PASSWORD_PATTERN, USER_PATTERN

HERE = Path(__file__).resolve().parent
ACCOUNTS = 50  # an account has 20 listeners at most
MARK_KIB = 60.0
TOLD_SECONDS = 20.0
OPENING_AT_ONCE = 50
SETTLE_SECONDS = 3.0


@dataclass
class Listener:
    """One client: whose account it listens to, and when it was told last."""

    account: int
    told_at: float = 0.0


class Crowd:
    """Clients of one server."""

    def __init__(self, found: dict[str, Any], *, tls: bool) -> None:
        """Listen to the server that said `found`."""
        self._where = urlsplit(str(found["api"]))
        self._tls = ssl.create_default_context(cafile=found["ca_file"]) if tls else None
        self._opening = asyncio.Semaphore(OPENING_AT_ONCE)
        self._tasks: list[asyncio.Task[None]] = []
        self.listeners: list[Listener] = []
        self.told = asyncio.Event()

    async def open(self, account: int) -> None:
        """Open one more stream; it listens once this returns."""
        async with self._opening:
            reader, writer = await asyncio.open_connection(
                self._where.hostname,
                self._where.port,
                ssl=self._tls,
                server_hostname="localhost" if self._tls else None,
            )
            user, password = (
                pattern.replace("{n}", str(account)) for pattern in (USER_PATTERN, PASSWORD_PATTERN)
            )
            credential = base64.b64encode(f"{user}:{password}".encode()).decode()
            writer.write(
                f"GET /jmap/events?types=*&closeafter=no&ping=0 HTTP/1.1\r\n"
                f"host: {self._where.netloc}\r\nauthorization: Basic {credential}\r\n\r\n".encode()
            )
            head = await reader.readuntil(b"\r\n\r\n")
            if b" 200 " not in head.split(b"\r\n")[0]:
                raise RuntimeError(head.split(b"\r\n")[0].decode())
            await reader.readuntil(b": listening")
        listener = Listener(account)
        self.listeners.append(listener)
        self._tasks.append(asyncio.create_task(self._listen(listener, reader, writer)))

    async def _listen(
        self, listener: Listener, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            while line := await reader.readline():
                if line.startswith(b"data:"):
                    listener.told_at = time.perf_counter()
                    self.told.set()
        finally:
            writer.close()

    async def milliseconds_to_tell(self, accounts: range, deliver: Any) -> float:
        """Have a letter delivered to accounts; return when the last of their clients was told."""
        waiting = [each for each in self.listeners if each.account in accounts]
        await asyncio.to_thread(deliver, accounts)
        began_at: float = deliver.done_at
        async with asyncio.timeout(TOLD_SECONDS):
            while not all(each.told_at >= deliver.began_at for each in waiting):
                self.told.clear()
                await self.told.wait()
        return (max(each.told_at for each in waiting) - began_at) * 1_000

    async def close(self) -> None:
        """Close every stream."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


class Deliver:
    """Delivers by LMTP, and knows when it began and was done."""

    def __init__(self, found: dict[str, Any]) -> None:
        """Deliver to the server that said `found`."""
        host, _, port = str(found["lmtp"]).rpartition(":")
        self._place = (host, int(port))
        self.began_at = self.done_at = 0.0

    def __call__(self, accounts: range) -> None:
        """Deliver a letter to each."""
        to = [USER_PATTERN.replace("{n}", str(n)) for n in accounts]
        with smtplib.LMTP(*self._place) as client:
            self.began_at = time.perf_counter()
            client.sendmail("a@elsewhere.test", to, b"Subject: hello\r\n\r\nHello.\r\n")
            for _ in to[1:]:  # a reply for each of them (RFC 2033 §4.2); smtplib reads the first
                client.getreply()
            self.done_at = time.perf_counter()


def pss_octets(pid: int) -> int:
    """Return the memory of a process, its share of what it shares."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    found = re.search(r"^Pss:\s+(\d+)", text, re.MULTILINE)
    return 0 if found is None else int(found[1]) * 1024


async def measured(
    found: dict[str, Any], clients: int, rounds: int, *, tls: bool
) -> dict[str, float]:
    """Open the streams and take the figures of one server."""
    crowd, deliver = Crowd(found, tls=tls), Deliver(found)
    for account in range(ACCOUNTS):  # what an open account costs is not a client's
        await crowd.open(account)
    await crowd.milliseconds_to_tell(range(ACCOUNTS), deliver)
    await asyncio.sleep(SETTLE_SECONDS)
    before = pss_octets(found["pid"])
    more = clients - ACCOUNTS
    async with asyncio.TaskGroup() as tasks:
        for number in range(more):
            tasks.create_task(crowd.open(number % ACCOUNTS))
    await asyncio.sleep(SETTLE_SECONDS)
    held = pss_octets(found["pid"])
    one = [await crowd.milliseconds_to_tell(range(n, n + 1), deliver) for n in range(rounds)]
    every = [await crowd.milliseconds_to_tell(range(ACCOUNTS), deliver) for _ in range(rounds)]
    after = pss_octets(found["pid"])
    await crowd.close()
    return {
        "clients": clients,
        "kib_each": (held - before) / 1024 / more,
        "kib_each_after_events": (after - before) / 1024 / more,
        "told_one_account_ms": statistics.median(one),
        "told_all_accounts_ms": statistics.median(every),
        "told_all_accounts_best_ms": min(every),
    }


def take(clients: int, rounds: int, *, tls: bool) -> dict[str, float]:
    """Start a server, measure it and stop it."""
    directory = Path(tempfile.mkdtemp(prefix="zegel-push-"))
    variable = "ZEGEL_LISTENERS_API_TLS"
    os.environ[variable] = "implicit" if tls else "none"
    try:
        found = throwaway.start(directory, "--users", str(ACCOUNTS))
        return asyncio.run(measured(found, clients, rounds, tls=tls))
    finally:
        throwaway.stop(directory)
        shutil.rmtree(directory, ignore_errors=True)


def main() -> int:
    """Measure, write and print; 1 where a client costs more than the mark."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--clients", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--output", type=Path, default=HERE / "results")
    asked = parser.parse_args()
    figures = {
        name: take(asked.clients, asked.rounds, tls=tls)
        for name, tls in (("without_tls", False), ("with_tls", True))
    }
    now = datetime.now(UTC)
    document = {"at": now.isoformat(), "mark_kib": MARK_KIB, "results": figures}
    into = asked.output / f"{now:%Y-%m-%d-%H%M}-push.json"
    into.write_text(json.dumps(document, indent=1) + "\n")
    for name, values in figures.items():
        print(name, " ".join(f"{key}={value:.1f}" for key, value in values.items()))
    return int(figures["without_tls"]["kib_each"] > MARK_KIB)


if __name__ == "__main__":
    sys.exit(main())
