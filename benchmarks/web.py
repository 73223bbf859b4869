"""The web app on a large account in Debian's Chromium, against its budgets and beside Roundcube.

    benchmarks/peers/roundcube.sh install        (once, as root; and dovecot.sh install)
    python -m benchmarks.web [--messages 100000] [--rounds 3] [--data DIR] [--output DIR]
                             [--servers zegel,roundcube]

Makes the account as `benchmarks.jmap` does, starts a throw-away server on it and uses the app over
TLS; Roundcube on plain Dovecot has the same letters and is used by the same script, in turns. The
middle of all rounds counts. Limits of time are judged on processor time, that of the page's main
thread and the server's together; what went by on the wall stands beside it. The peer is judged by
the wall. `--data DIR` keeps both mailboxes for the next time. Writes <output>/<date>-web.json and
.md, and ends with 1 where a budget is broken.
"""

import argparse
import asyncio
import json
import os
import shutil
import signal
import smtplib
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

from playwright.sync_api import sync_playwright

from benchmarks import throwaway
from benchmarks.jmap import NOTE, PASSWORD, USER, fill
from benchmarks.jmap_client import Jmap, Web
from benchmarks.web_mail import Mail, Scrolled, archive
from benchmarks.web_page import Took, chromium, use_our_node
from benchmarks.web_report import judged, markdown
from benchmarks.web_roundcube import Roundcube
from webui.bundle import STATIC

HERE = Path(__file__).resolve().parent
LONGEST_SECONDS = 3_600
OPENED = 3
SEARCHES = ("rareword", "strudel")
"""A word of few letters' bodies, and one of most bodies and a sixteenth of all subjects."""

AT_ONCE = (
    "index.html",
    "src/app/Shell.svelte",
    "src/views/mail/View.svelte",
    "src/views/search/SearchBox.svelte",
)


def first_load_octets() -> int:
    """Return what the mail's first load is, compressed by gzip, with the texts of one language."""
    manifest: dict[str, Any] = json.loads((STATIC / ".vite" / "manifest.json").read_bytes())
    texts = [name for name in manifest if name.endswith("virtual:texts/app/en")]
    waiting, seen, files = [*AT_ONCE, *texts], set[str](), {"index.html"}
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            chunk = manifest[name]
            files.update([chunk["file"], *chunk.get("css", ())])
            waiting += chunk.get("imports", ())
    packed = [(STATIC / f"{name}.gz", STATIC / name) for name in files]
    return sum((gz if gz.is_file() else plain).stat().st_size for gz, plain in packed)


def deliver(found: dict[str, Any]) -> None:
    """Deliver a letter, so that nothing the server kept of a search is of use."""
    host, _, port = found["lmtp"].rpartition(":")
    letter = (
        f"From: New <new@else.test>\r\nTo: {USER}\r\nSubject: new strudel\r\n"
        f"Message-ID: <new.{time.time_ns()}@x>\r\n\r\nstrudel bicycle rareword\r\n"
    )
    with smtplib.LMTP(host, int(port)) as lmtp:
        lmtp.sendmail("new@else.test", [USER], letter)


class Measurement:
    """All figures of one run."""

    def __init__(self) -> None:
        """Begin with none."""
        self.steps: dict[str, dict[str, list[Took]]] = {}
        self.scrolled: list[Scrolled] = []

    def add(self, server: str, steps: dict[str, list[Took]]) -> None:
        """Take the steps of a round."""
        kept = self.steps.setdefault(server, {})
        for name, took in steps.items():
            kept.setdefault(name, []).extend(took)
            wall = statistics.median(each.wall_ms for each in took)
            print(f"{server:10} {name:18} {wall:8.0f} ms", file=sys.stderr, flush=True)

    def figures(self) -> dict[str, dict[str, dict[str, float]]]:
        """Return the middles, by server and step."""
        return {
            server: {name: summary(took) for name, took in steps.items()}
            for server, steps in self.steps.items()
        }

    def scrolling(self) -> dict[str, float]:
        """Return the middles of scrolling."""
        rounds = [asdict(each) for each in self.scrolled]
        return {
            name: round(statistics.median(each[name] for each in rounds), 2)
            for name in (rounds[0] if rounds else ())
        }


def summary(took: Sequence[Took]) -> dict[str, float]:
    """Return middle and 95th percentile of both clocks, in milliseconds."""
    walls, cpus = sorted(each.wall_ms for each in took), sorted(each.cpu_ms for each in took)
    behind = min(len(took) - 1, int(len(took) * 0.95))
    return {
        "wall_ms": round(statistics.median(walls), 1),
        "wall_p95_ms": round(walls[behind], 1),
        "cpu_ms": round(statistics.median(cpus), 1),
        "cpu_p95_ms": round(cpus[behind], 1),
        "page_cpu_ms": round(statistics.median(each.page_ms for each in took), 1),
        "server_cpu_ms": round(statistics.median(each.server_ms for each in took), 1),
        "times": len(took),
    }


def measure(directory: Path, count: int, rounds: int, servers: Sequence[str]) -> Measurement:
    """Use both, in turns."""
    taken = Measurement()
    found = throwaway.start(directory, "--users", "1")
    account = Jmap(Web(found["api"], found["ca_file"]), USER, PASSWORD)
    archive(account, count)
    origin = f"https://localhost:{found['https'].rpartition(':')[2]}"
    peer = Roundcube(directory / "peers", count) if "roundcube" in servers else None
    use_our_node()
    try:
        if peer is not None:
            peer.start()
        with sync_playwright() as playwright:
            browser = chromium(playwright, Path(found["ca_file"]))
            mail = Mail(browser, origin, found["pid"], account)
            taken.add("zegel", {"first_after_start": [mail.sign_in()]})
            if peer is not None:
                peer.sign_in(browser)
            for _ in range(rounds):
                deliver(found)
                taken.add("zegel", mail.run(OPENED, SEARCHES))
                taken.add("zegel", {"key": mail.keys()})
                scrolled, jumps = mail.scroll()
                taken.scrolled.append(scrolled)
                taken.add("zegel", {"jump": jumps})
                if peer is not None:
                    taken.add("roundcube", peer.run(browser, OPENED, SEARCHES))
            browser.close()
    finally:
        if peer is not None:
            peer.stop()
    return taken


def _ended(_number: int, _frame: FrameType | None) -> None:
    raise TimeoutError(f"ended, at the latest after {LONGEST_SECONDS} seconds")


def prepared(directory: Path, count: int) -> None:
    """Make the account in `directory` unless it is there.

    Raises:
        ValueError: it is, with another number of letters.
    """
    directory.mkdir(parents=True, exist_ok=True)
    directory.chmod(0o711)  # the peer, which is not root, goes through
    note = directory / "data" / NOTE
    if not note.exists():
        asyncio.run(fill((directory / "data").absolute(), count))
    elif (held := json.loads(note.read_text())["messages"]) != count:
        raise ValueError(f"{directory} has {held} letters; say --messages {held}")


def main() -> int:
    """Make what is missing, measure, write; 1 where a budget is broken."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--data", type=Path, help="keeps both mailboxes here; else they are removed"
    )
    parser.add_argument("--output", type=Path, default=HERE / "results")
    parser.add_argument("--servers", default="zegel,roundcube")
    asked = parser.parse_args()
    directory = (asked.data or Path(tempfile.mkdtemp(prefix="zegel-web-"))).absolute()
    for number in (signal.SIGALRM, signal.SIGTERM):  # what was started is ended then, too
        signal.signal(number, _ended)
    signal.alarm(LONGEST_SECONDS)
    load_before = round(os.getloadavg()[0], 1)
    try:
        prepared(directory, asked.messages)
        servers = asked.servers.split(",")
        taken = measure(directory, asked.messages, asked.rounds, servers)
    finally:
        throwaway.stop(directory)
        if asked.data is None:
            shutil.rmtree(directory, ignore_errors=True)
    document: dict[str, Any] = {
        "messages": asked.messages,
        "rounds": asked.rounds,
        "load": [load_before, round(os.getloadavg()[0], 1)],
        "first_load_octets": first_load_octets(),
        "figures": taken.figures(),
        "scrolling": taken.scrolling(),
    }
    verdicts = judged(document)
    document["verdicts"] = [{**asdict(each), "is_kept": each.is_kept} for each in verdicts]
    now = datetime.now(UTC)
    stem = asked.output / f"{now:%Y-%m-%d-%H%M}-web"
    asked.output.mkdir(parents=True, exist_ok=True)
    stem.with_suffix(".json").write_text(json.dumps(document, indent=1) + "\n")
    text = markdown(document, verdicts, f"The web app, measured {now:%Y-%m-%d %H:%M} UTC")
    stem.with_suffix(".md").write_text(text)
    print(text)
    return int(not all(each.is_kept for each in verdicts))


if __name__ == "__main__":
    sys.exit(main())
