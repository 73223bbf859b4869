"""Mail from other servers, all checks on, beside Postfix before a Dovecot without any.

    python -m benchmarks.inbound [--messages N] [--rounds N]

Prints one JSON document. Each message is DKIM-signed by one of fifty domains that publish SPF and
DMARC on a name server of our own; Zegel verifies, screens, seals and stores before its 250. Beside
it stands Postfix as MX that hands over to Dovecot by LMTP, plain and with mail_crypt, and checks
nothing; its time ends when its queue is empty. Rounds go from one to the next, so that a machine
whose speed wanders is unkind to all; the middle of the rounds counts. Needs root, and Debian's
postfix, dovecot-lmtpd and knot.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path

import trustme

from mailserver.crypto.dkim import KeyType
from mailserver.mailauth import dkim
from tests.support.dkim import published, signing_key
from tests.support.dns import Records, dns_zone, txt
from tests.support.postfix import Postfix, postfix
from tests.support.server import ROOT, Server, serving

USERS = 10
DOMAINS = 50
CONNECTIONS = 20
A_CONNECTION = 10  # messages of one conversation
LMTP = {"plain": 21024, "encrypted": 22024}
DOVECOT = ROOT / "benchmarks" / "peers" / "dovecot.sh"
QUICK = """
virtual_transport = lmtp:inet:127.0.0.1:{port}
in_flow_delay = 0
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
lmtp_destination_concurrency_limit = 50
"""


def sender(number: int) -> str:
    """Say which domain a message is from."""
    return f"sender{number % DOMAINS}.test"


def write_messages(directory: Path, messages: int) -> None:
    """Write signed messages of some 5 KB, dot-stuffed and ended as they go over the wire."""
    directory.chmod(0o755)  # Dovecot's files lie below it, and it runs as somebody else
    (directory / "mail").mkdir()
    now = datetime.now(UTC)
    words = "".join(f"line {line}: all work and no play\r\n" for line in range(120))
    for number in range(messages):
        domain = sender(number)
        message = (
            f"From: Ann <ann@{domain}>\r\nTo: bench{number % USERS}@bench.test\r\n"
            f"Subject: message {number}\r\nDate: {now:%a, %d %b %Y %H:%M:%S} +0000\r\n"
            f"Message-ID: <{number}@{domain}>\r\nMIME-Version: 1.0\r\n"
            f"Content-Type: text/plain\r\n\r\nHello {number}\r\n{words}"
        ).encode()
        signed = dkim.sign(message, [signing_key(KeyType.RSA, domain=domain)], now=now) + message
        (directory / "mail" / f"{number}.eml").write_bytes(signed + b".\r\n")


def records() -> Records:
    """Publish what the domains publish, and who we come from."""
    found: dict[str, list[str]] = {
        "1.0.0.127.in-addr.arpa": ["PTR mx.senders.test."],
        "mx.senders.test": ["A 127.0.0.1"],
        "bench.test": ["MX 10 localhost."],
    }
    for number in range(DOMAINS):
        domain = sender(number)
        found[domain] = [f"MX 10 mx.{domain}.", txt("v=spf1 ip4:127.0.0.0/8 -all")]
        found[f"mx.{domain}"] = ["A 127.0.0.1"]
        found[f"_dmarc.{domain}"] = [txt("v=DMARC1; p=reject; adkim=s")]
        for name, key in published([signing_key(KeyType.RSA, domain=domain)]).items():
            found[name] = [txt(key)]
    return found


async def converse(port: int, directory: Path, numbers: list[int], said: Counter[str]) -> None:
    """Send some messages in one conversation, each transaction's commands together."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    async def reply() -> str:
        while (line := (await reader.readline()).decode())[3:4] == "-":
            pass
        return line

    await reply()
    writer.write(b"EHLO mx.senders.test\r\n")
    await reply()
    for number in numbers:
        to = f"bench{number % USERS}@bench.test"
        commands = f"MAIL FROM:<ann@{sender(number)}>\r\nRCPT TO:<{to}>\r\nDATA\r\n"
        writer.write(commands.encode())
        if not [await reply() for _ in range(3)][-1].startswith("354"):
            said["no DATA"] += 1
            continue
        writer.write((directory / f"{number}.eml").read_bytes())
        said[(await reply())[:9].strip()] += 1
    writer.write(b"QUIT\r\n")
    await reply()
    writer.close()


async def load(port: int, directory: Path, first: int, messages: int) -> None:
    """Send messages over some connections at once; print when it began and what was answered."""
    said: Counter[str] = Counter()
    begun = time.monotonic()
    last = first + messages
    left = [list(range(n, min(n + A_CONNECTION, last))) for n in range(first, last, A_CONNECTION)]

    async def client() -> None:
        while left:
            await converse(port, directory, left.pop(), said)

    await asyncio.gather(*(client() for _ in range(CONNECTIONS)))
    print(json.dumps([begun, said]))


async def drive(
    port: int, directory: Path, first: int, messages: int
) -> tuple[float, dict[str, int]]:
    """Let a process of its own send them.

    Returns:
        When it first connected, by the machine's monotonic clock (its own start takes as long as a
        hundred messages), and how often each code was answered.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.inbound", "--load", str(port)),
        *("--directory", str(directory), "--first", str(first), "--messages", str(messages)),
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
    )
    out, _ = await process.communicate()
    begun: float
    answered: dict[str, int]
    begun, answered = json.loads(out)
    return begun, answered


async def emptied(there: Postfix) -> None:
    """Return when Postfix has handed everything over."""
    while there.waiting:  # noqa: ASYNC110 - another program's queue has no event
        await asyncio.sleep(0.02)


def dovecot(what: str, variant: str, directory: Path) -> None:
    """Start or wipe a Dovecot."""
    environ = {**os.environ, "BENCH_DIR": str(directory), "USERS": str(USERS)}
    subprocess.run(
        ["bash", str(DOVECOT), what, variant], env=environ, check=True, stdout=subprocess.DEVNULL
    )


def spent(root: int) -> float:
    """Return the seconds of processor time of a process and all below it, ended ones included."""
    parents: dict[int, int] = {}
    ticks: dict[int, int] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except OSError:  # it ended meanwhile
            continue
        pid = int(status.parent.name)
        parents[pid] = int(fields[1])
        ticks[pid] = sum(map(int, fields[11:15]))
    mine = {root}
    while more := {pid for pid, parent in parents.items() if parent in mine} - mine:
        mine |= more
    return sum(ticks.get(pid, 0) for pid in mine) / os.sysconf("SC_CLK_TCK")


async def measure(messages: int, rounds: int) -> dict[str, object]:
    """Measure all three, round after round."""
    rates: dict[str, list[float]] = {"zegel": [], "plain": [], "encrypted": []}
    costs: dict[str, list[float]] = {"zegel": [], "plain": [], "encrypted": []}
    answered: Counter[str] = Counter()
    async with AsyncExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="zegel-inbound-")))
        write_messages(home, messages * (rounds + 1))
        dns = await stack.enter_async_context(dns_zone(records()))
        environ = {"ZEGEL_DNS_NAMESERVERS": str(dns.endpoint)}
        server: Server = stack.enter_context(serving(home / "zegel", users=USERS, environ=environ))
        ports: dict[str, int] = {"zegel": server.port("mx")}
        roots: dict[str, list[int]] = {"zegel": [int(server.found["pid"])]}
        peers: dict[str, Postfix] = {}
        for variant, port in LMTP.items():
            stack.callback(dovecot, "wipe", variant, home / "peers")
            dovecot("start", variant, home / "peers")
            peers[variant] = await stack.enter_async_context(
                postfix(
                    trustme.CA().issue_cert("mx.bench.test"),
                    name="mx.bench.test",
                    domain="bench.test",
                    users=tuple(f"bench{user}" for user in range(USERS)),
                    more=QUICK.format(port=port),
                )
            )
            ports[variant] = peers[variant].port
            pid = (home / "peers" / f"dovecot-{variant}" / "pid").read_text()
            roots[variant] = [peers[variant].pid, int(pid)]
        for round_ in range(rounds + 1):
            for name, port in ports.items():
                before = sum(map(spent, roots[name]))
                begun, codes = await drive(port, home / "mail", round_ * messages, messages)
                if name in peers:
                    await emptied(peers[name])
                took = time.monotonic() - begun
                answered.update({f"{name} {code}": count for code, count in codes.items()})
                if round_:  # the first one is for warming up
                    rates[name].append(messages / took)
                    costs[name].append((sum(map(spent, roots[name])) - before) / messages)
        for name, there in peers.items():
            answered[f"{name} in a mailbox"] = there.log.count("status=sent")
    middle = {name: statistics.median(found) for name, found in rates.items()}
    return {
        "messages": messages,
        "rounds": {name: [round(rate) for rate in found] for name, found in rates.items()},
        "per_s": {name: round(rate) for name, rate in middle.items()},
        "cpu_ms_per_message": {
            name: round(1_000 * statistics.median(found), 2) for name, found in costs.items()
        },
        "times_plain": round(middle["zegel"] / middle["plain"], 2),
        "times_encrypted": round(middle["zegel"] / middle["encrypted"], 2),
        "answered": answered,
    }


def main() -> None:
    """Measure, or be the one who sends."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--messages", type=int, default=1_000, help="of a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--load", type=int, metavar="PORT", help=argparse.SUPPRESS)
    parser.add_argument("--directory", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--first", type=int, default=0, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.load:
        asyncio.run(load(asked.load, asked.directory, asked.first, asked.messages))
    else:
        print(json.dumps(asyncio.run(measure(asked.messages, asked.rounds)), indent=1))


if __name__ == "__main__":
    main()
