"""The relay by itself: from a full queue to a local sink, over TLS connections that are used again.

    python -m benchmarks.outbound [--messages N] [--octets N]

Prints one JSON document. Everything is on: rows leased and settled durably, content opened, two
DKIM signatures made, the sink's certificate verified. The sink is another process that keeps
nothing; the figure that counts is messages a second from the first connection to an empty queue.
"""

import argparse
import asyncio
import json
import os
import ssl
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

from benchmarks.serve import DOMAIN, keys_of, prepare, settings_for
from mailserver.app.house import House, open_house
from mailserver.app.relay import relay
from mailserver.app.serving import loop_factory
from mailserver.mail.parcels import Origin, Parcel
from mailserver.model.address import Address
from mailserver.model.envelope import Envelope, Onward
from mailserver.model.sealed import Plaintext
from mailserver.operations.first_run import make_certificate
from mailserver.runtime.background import background
from mailserver.runtime.settings import Settings
from mailserver.runtime.tls import server_context

SENDER = Address("bench0", DOMAIN)
PRODUCERS = 64
SINK = "sink.test"
OFFERS = b"250-sink.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-DSN\r\n"


def message(octets: int) -> bytes:
    """Make a message of about that size."""
    header = (
        f"From: Bench <{SENDER}>\r\nTo: sink@{SINK}\r\nSubject: hello\r\n"
        "Date: Thu, 05 Mar 2026 06:07:08 +0000\r\nMessage-ID: <hello@bench.test>\r\n"
        "MIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\n"
    ).encode()
    return header + b"All work and no play makes Jack a dull boy.\r\n" * (octets // 45)


class Sink:
    """Takes mail and forgets it."""

    def __init__(self, context: ssl.SSLContext) -> None:
        """Offer STARTTLS with `context`."""
        self.context = context
        self.seen: Counter[str] = Counter()

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Speak with one client."""
        self.seen["connections"] += 1
        writer.write(b"220 sink.test ESMTP\r\n")
        with suppress(OSError, asyncio.IncompleteReadError):
            while line := await reader.readuntil(b"\r\n"):
                match line[:4].upper():
                    case b"EHLO":
                        in_tls = writer.get_extra_info("ssl_object") is not None
                        last = b"250 SIZE\r\n" if in_tls else b"250 STARTTLS\r\n"
                        writer.write(OFFERS + last)
                    case b"STAR":
                        writer.write(b"220 go on\r\n")
                        await writer.start_tls(self.context)
                    case b"DATA":
                        writer.write(b"354 go on\r\n")
                        await reader.readuntil(b"\r\n.\r\n")
                        in_tls = writer.get_extra_info("ssl_object") is not None
                        self.seen["in tls" if in_tls else "in the clear"] += 1
                        writer.write(b"250 2.0.0 forgotten\r\n")
                    case b"QUIT":
                        writer.write(b"221 bye\r\n")
                        break
                    case _:
                        writer.write(b"250 2.0.0 ok\r\n")
        writer.close()


async def sink(settings: Settings) -> None:
    """Listen, say where, and say what was seen when standard input ends."""
    taking = Sink(server_context(settings.tls.certificate, settings.tls.private_key))
    server = await asyncio.start_server(taking.talk, "127.0.0.1", 0, limit=64 << 20)
    print(server.sockets[0].getsockname()[1], flush=True)
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(None, sys.stdin.buffer.read)
    print(json.dumps(taking.seen), flush=True)


async def fill(house: House, messages: int, octets: int) -> None:
    """Queue messages of one recipient each."""
    origin, content = Origin(None, house.master.instance_guard), Plaintext(message(octets))
    left = iter(range(messages))

    async def produce() -> None:
        for number in left:
            to = [Onward(Address(f"r{number}", SINK))]
            await house.outgoing.enqueue(Parcel(origin, Envelope(SENDER), content, to))

    await asyncio.gather(*(produce() for _ in range(PRODUCERS)))


async def emptied(house: House) -> None:
    """Return when nothing is left of the queue."""
    while True:
        if not sum((await house.store.queue.counts()).values()):
            return
        await asyncio.sleep(0.05)


async def measure(directory: Path, messages: int, octets: int) -> dict[str, object]:
    """Run once; the sink is a child that ends with its standard input."""
    settings = settings_for(directory, (), os.environ)
    await prepare(settings, 0)
    make_certificate(settings)
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.outbound", "--sink", str(directory)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert child.stdin is not None
    assert child.stdout is not None
    port = int(await child.stdout.readline())
    environ = {
        "ZEGEL_RELAY_ENABLED": "true",
        "ZEGEL_RELAY_ROUTES": f"{SINK} 127.0.0.1:{port}",
        "ZEGEL_RELAY_CA_FILE": str(settings.tls.certificate),
    }
    settings = settings_for(directory, (), {**os.environ, **environ})
    async with open_house(settings) as house:
        begun = time.perf_counter()
        await fill(house, messages, octets)
        filled = time.perf_counter() - begun
        begun, cpu = time.perf_counter(), time.process_time()
        async with background() as tasks:
            tasks.create_task(relay(house, tasks.create_task).run())
            await emptied(house)
            took, spent = time.perf_counter() - begun, time.process_time() - cpu
    said, _ = await child.communicate(b"")
    return {
        "messages": messages,
        "octets": len(message(octets)),
        "queued_per_s": round(messages / filled),
        "sent_per_s": round(messages / took),
        "cpu_ms_per_message": round(1_000 * spent / messages, 2),
        "sink": json.loads(said),
    }


def main() -> None:
    """Measure, or be the sink."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--messages", type=int, default=2_000)
    parser.add_argument("--octets", type=int, default=7_000)
    parser.add_argument("--sink", type=Path, help="be the sink, with this directory's certificate")
    options = parser.parse_args()
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        if options.sink:
            runner.run(sink(settings_for(options.sink, (), os.environ)))
            return
        with tempfile.TemporaryDirectory(prefix="zegel-outbound-") as place:
            directory = Path(place) / "data"
            keys_of(directory).mkdir()
            result = runner.run(measure(directory, options.messages, options.octets))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
