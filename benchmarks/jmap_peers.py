"""JMAP beside Cyrus: requests a second on 10,000 letters, both servers in one run.

    benchmarks/peers/cyrus.sh install        (once, as root)
    python -m benchmarks.jmap_peers [--messages 10000] [--seconds 4] [--rounds 3] [--output DIR]

The same client asks both for the same, in turns, on loopback without TLS. A round is some seconds
of each scenario; the middle of all rounds counts. Writes <output>/<date>-jmap-peers.json.
"""

import argparse
import asyncio
import json
import os
import shutil
import smtplib
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import throwaway
from benchmarks.jmap import LISTED, NEWEST, PASSWORD, USER, fill, letters
from benchmarks.jmap_client import Answer, Jmap, Web

HERE = Path(__file__).resolve().parent
PEER = HERE / "peers" / "cyrus.sh"
PAGE = 100
OPENED = 10
MARK = 1.5
MARKED = ("listing", "getting")

Call = tuple[str, Answer]


@dataclass(frozen=True, slots=True)
class Server:
    """Where a server is, and who we are there."""

    name: str
    origin: str
    lmtp: str
    user: str
    password: str
    pid: int

    def account(self) -> Jmap:
        """Open the account on a connection of its own."""
        return Jmap(Web(self.origin), self.user, self.password)

    def deliver(self, octets: Sequence[bytes]) -> None:
        """Deliver letters."""
        host, _, port = self.lmtp.rpartition(":")
        with smtplib.LMTP(host, int(port)) as lmtp:
            for each in octets:
                lmtp.sendmail("p@else.test", [self.user], each)


def zegel(directory: Path, count: int) -> Server:
    """Start Zegel with `count` letters."""
    asyncio.run(fill(directory / "data", count))
    os.environ["ZEGEL_LISTENERS_API_TLS"] = "none"
    found = throwaway.start(directory, "--users", "1")
    origin = found["api"].replace("https:", "http:")
    return Server("zegel", origin, found["lmtp"], USER, PASSWORD, found["pid"])


def cyrus(count: int) -> Server:
    """Start Cyrus with `count` letters.

    Raises:
        RuntimeError: it does not have them.
    """
    subprocess.run([PEER, "wipe"], check=True)
    said = subprocess.run([PEER, "start"], check=True, stdout=subprocess.PIPE, text=True).stdout
    pid = int(said.split()[1].rstrip(","))
    server = Server("cyrus", "http://127.0.0.1:23080", "127.0.0.1:23024", "bench0", "secret0", pid)
    server.deliver(list(letters(count)))
    account = server.account()
    found = account.call("Email/query", filter={"inMailbox": account.mailbox("inbox")}, limit=1,
                         calculateTotal=True)  # fmt: skip
    if found["total"] != count:
        raise RuntimeError(f"Cyrus has {found['total']} of {count} letters")
    return server


class Scenarios:
    """What a webmail asks for, over and over, of one server."""

    def __init__(self, server: Server, count: int) -> None:
        """Find the letters of `server`."""
        self.server = server
        account = server.account()
        self._inbox = account.mailbox("inbox")
        self._count = count
        self._ids: list[str] = []
        while len(self._ids) < count:
            found = account.call("Email/query", **self._newest(len(self._ids), min(count, 1_000)))
            self._ids += found["ids"]

    def _newest(self, position: int, limit: int) -> Answer:
        condition = {"inMailbox": self._inbox}
        return {"filter": condition, "sort": NEWEST, "position": position, "limit": limit}

    def listing(self, n: int) -> list[Call]:
        """Ask for a page of the list, the next one each time."""
        ids = {"resultOf": "c0", "name": "Email/query", "path": "/ids"}
        page = self._newest(n * PAGE % self._count, PAGE)
        return [("Email/query", page), ("Email/get", {"properties": LISTED, "#ids": ids})]

    def getting(self, n: int) -> list[Call]:
        """Ask for a hundred letters by their ids, as lists show them."""
        start = n * PAGE % self._count
        return [("Email/get", {"ids": self._ids[start : start + PAGE], "properties": LISTED})]

    def opening(self, n: int) -> list[Call]:
        """Ask for ten letters with their texts."""
        start = n * OPENED % self._count
        wanted = {"ids": self._ids[start : start + OPENED], "fetchTextBodyValues": True}
        return [("Email/get", {**wanted, "properties": [*LISTED, "bodyValues", "textBody"]})]

    def arriving(self, n: int) -> list[Call]:
        """Ask for the first page after a letter came."""
        self.server.deliver([f"Subject: fresh {n} {time.time_ns()}\r\n\r\nwords\r\n".encode()])
        return self.listing(0)

    def mailboxes(self, n: int) -> list[Call]:
        """Ask for the mailboxes and their counts."""
        return [("Mailbox/get", {"ids": None})]


def rate(
    server: Server, scenario: Callable[[int], list[Call]], together: int, seconds: float
) -> float:
    """Return requests a second over `together` connections, each asking again when it is answered.

    Raises:
        RuntimeError: a request failed.
    """
    until = time.monotonic() + seconds
    done, failed = [0] * together, list[BaseException]()

    def ask(which: int) -> None:
        try:
            account = server.account()
            while time.monotonic() < until:
                account.request(*scenario(done[which] * together + which))
                done[which] += 1
        except (OSError, RuntimeError) as error:
            failed.append(error)

    threads = [threading.Thread(target=ask, args=(which,)) for which in range(together)]
    begun = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise RuntimeError(f"{server.name}: {failed[0]}") from failed[0]
    return sum(done) / (time.monotonic() - begun)


PLAN = (
    ("listing", 1), ("listing", 4), ("getting", 1), ("getting", 4), ("opening", 1),
    ("arriving", 1), ("mailboxes", 1),
)  # fmt: skip


def measured(
    servers: Sequence[Server], count: int, rounds: int, seconds: float
) -> dict[str, dict[str, list[float]]]:
    """Return each round's requests a second, by scenario and server."""
    figures: dict[str, dict[str, list[float]]] = {}
    scenarios = [Scenarios(server, count) for server in servers]
    for _ in range(rounds):
        for name, together in PLAN:
            for each in scenarios:
                found = rate(each.server, getattr(each, name), together, seconds)
                kept = figures.setdefault(f"{name}.c{together}", {})
                kept.setdefault(each.server.name, []).append(round(found, 1))
                print(name, together, each.server.name, round(found, 1), file=sys.stderr)
    return figures


def table(figures: dict[str, dict[str, list[float]]]) -> str:
    """Lay the middles of all rounds side by side."""
    lines = ["| requests/s | Zegel | Cyrus | ratio | mark |", "|---|---:|---:|---:|---:|"]
    for name, found in figures.items():
        ours, theirs = (statistics.median(found[each]) for each in ("zegel", "cyrus"))
        mark = f"{MARK}" if name.partition(".")[0] in MARKED else ""
        lines.append(f"| {name} | {ours:.1f} | {theirs:.1f} | {ours / theirs:.2f} | {mark} |")
    return "\n".join(lines)


def main() -> int:
    """Fill both, measure them in turns, write the results."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--output", type=Path, default=HERE / "results")
    asked = parser.parse_args()
    directory = Path(tempfile.mkdtemp(prefix="zegel-jmap-"))
    document: dict[str, Any] = {"messages": asked.messages, "load_before": os.getloadavg()[0]}
    try:
        servers = [zegel(directory, asked.messages), cyrus(asked.messages)]
        document["figures"] = measured(servers, asked.messages, asked.rounds, asked.seconds)
    finally:
        throwaway.stop(directory)
        subprocess.run([PEER, "stop"], check=False)
        shutil.rmtree(directory, ignore_errors=True)
    document["load_after"] = os.getloadavg()[0]
    asked.output.mkdir(parents=True, exist_ok=True)
    into = asked.output / f"{datetime.now(UTC):%Y-%m-%d-%H%M}-jmap-peers.json"
    into.write_text(json.dumps(document, indent=1) + "\n")
    print(table(document["figures"]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
