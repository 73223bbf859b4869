"""Somebody with ordinary mail to read and send, measured while others misbehave."""

import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.server import Server
from tests.support.wire import RawWire, raw, signed_in

MIB = 1 << 20
PAUSE_SECONDS = 0.02
P99_SECONDS = 1.0
"""Alone it is some milliseconds; the rest is for machines that run other tests beside this one.
Time in which the server was ready to run and the machine ran others is not counted at all."""
LETTER = b"Subject: an ordinary day\r\n\r\nNothing happened.\r\n."


@dataclass
class Measured:
    """What the bystander and the server's memory went through."""

    latencies: list[float] = field(default_factory=list)
    """Seconds of each command, of IMAP and LMTP, without those of others on the machine."""
    failed: list[str] = field(default_factory=list)
    before_octets: int = 0
    peak_octets: int = 0

    @property
    def p99(self) -> float:
        """Return what 99 of 100 commands stayed below, in seconds."""
        return statistics.quantiles(self.latencies, n=100)[-1]

    @property
    def grown_octets(self) -> int:
        """Return by how much the server's memory rose above where it was."""
        return self.peak_octets - self.before_octets


def _without_processor(server: Server) -> float:
    """Return for how many seconds the server's event loop and this thread waited for a processor.

    Source: Linux, Documentation/scheduler/sched-stats.rst, "/proc/<pid>/schedstat".
    """
    waits = 0
    for whose in (str(server.found["pid"]), "thread-self"):
        with suppress(FileNotFoundError):  # a kernel that does not count
            waits += int(Path(f"/proc/{whose}/schedstat").read_text().split()[1])
    return waits / 1e9


class _Bystander(threading.Thread):
    """Reads, searches and receives mail until told to stop."""

    def __init__(self, server: Server, measured: Measured) -> None:
        super().__init__()
        self._server = server
        self._measured = measured
        self.ready = threading.Event()
        self.stop = threading.Event()

    def run(self) -> None:
        try:
            user = self._server.user(1)
            with (
                signed_in(self._server.address("imap"), user) as imap,
                raw(self._server.address("lmtp")) as lmtp,
            ):
                lmtp.reply()
                lmtp.ask(b"LHLO bystander.test")
                self._send(lmtp, user[0])
                imap.tagged(b"NOOP")
                self._a_day(imap, lmtp, user[0])  # caches fill before it counts
                self._measured.latencies.clear()
                self.ready.set()
                while not self.stop.is_set():
                    self._a_day(imap, lmtp, user[0])
        except Exception as error:  # noqa: BLE001 - told by the test's own thread
            self._measured.failed.append(repr(error))
        finally:
            self.ready.set()

    def _a_day(self, imap: RawWire, lmtp: RawWire, address: str) -> None:
        for command in (b"NOOP", b"FETCH 1:* (FLAGS ENVELOPE)", b"UID SEARCH SUBJECT ordinary"):
            self._timed(imap.tagged, command, b"t OK")
        self._send(lmtp, address)
        imap.tagged(b"STORE 2:* +FLAGS.SILENT (\\Deleted)")
        imap.tagged(b"EXPUNGE")

    def _send(self, lmtp: RawWire, address: str) -> None:
        for command, wanted in (
            (b"MAIL FROM:<friend@elsewhere.test>", b"250"),
            (b"RCPT TO:<%s>" % address.encode(), b"250"),
            (b"DATA", b"354"),
            (LETTER, b"250"),
        ):
            self._timed(lmtp.ask, command, wanted)

    def _timed(self, ask: Callable[[bytes], bytes], command: bytes, wanted: bytes) -> None:
        start, waited = time.perf_counter(), _without_processor(self._server)
        answer = ask(command)
        took = time.perf_counter() - start
        waited = _without_processor(self._server) - waited
        self._measured.latencies.append(max(took - waited, 0.0))
        if not answer.startswith(wanted):
            self._measured.failed.append(repr((command, answer)))
        time.sleep(PAUSE_SECONDS)


class _Gauge(threading.Thread):
    """Watches the server's memory."""

    def __init__(self, server: Server, measured: Measured) -> None:
        super().__init__()
        self._server = server
        self._measured = measured
        self.stop = threading.Event()

    def run(self) -> None:
        while not self.stop.wait(PAUSE_SECONDS):
            self._measured.peak_octets = max(self._measured.peak_octets, self._server.memory())


@contextmanager
def undisturbed(
    server: Server, *, grown_mib: int, p99_seconds: float = P99_SECONDS
) -> Iterator[Measured]:
    """Demand that while the block runs ordinary commands are answered, and memory stays bounded.

    Args:
        server: which; its user 1 is the bystander.
        grown_mib: by how much its memory may rise, in MiB.
        p99_seconds: what 99 of 100 of the bystander's commands take at most.
    """
    measured = Measured()
    bystander, gauge = _Bystander(server, measured), _Gauge(server, measured)
    bystander.start()
    bystander.ready.wait()
    measured.before_octets = measured.peak_octets = server.memory()
    gauge.start()
    try:
        yield measured
        while len(measured.latencies) < 20 and not measured.failed:
            time.sleep(PAUSE_SECONDS)
    finally:
        for thread in (bystander, gauge):
            thread.stop.set()
            thread.join()
    assert measured.failed == []
    assert measured.p99 < p99_seconds, f"p99 {measured.p99:.3f} s"
    assert measured.grown_octets < grown_mib * MIB, f"{measured.grown_octets / MIB:.1f} MiB more"
