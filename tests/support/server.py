"""The product as a process of its own: `benchmarks.serve`, started, killed and started again.

Everything it writes lies below one directory: `data` (what `--data` names), `tmp` (its TMPDIR) and
`log` (standard error). It is a process group of its own, and is ended by that group.
"""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.support import postgres
from tests.support.ports import free_ports

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 60.0
STOP_SECONDS = 30.0
LISTENERS = ("imap", "imaps", "mx", "submission", "submissions", "lmtp", "https", "api")
"""The order of `--ports`, as far as there are listeners."""


class Server:
    """One server on one directory, through all its deaths."""

    def __init__(
        self,
        directory: Path,
        *options: str,
        users: int = 2,
        environ: Mapping[str, str] | None = None,
        prefix: Sequence[str] = (),
    ) -> None:
        """Describe it; `start` starts it.

        Args:
            directory: where everything it writes goes.
            options: further options of `benchmarks.serve`, such as those of `databases`.
            users: how many users to make.
            environ: further variables, such as ZEGEL_LIMITS_CONNECTIONS.
            prefix: a command that runs the server as its last arguments, `unshare` for one.
        """
        self.directory = directory
        self.data = directory / "data"
        self.tmp = directory / "tmp"
        self.log = directory / "log"
        self.found: dict[str, Any] = {}
        self._options = [*options, "--users", str(users), "--data", str(self.data)]
        self._environ = dict(environ or {})
        self._prefix = list(prefix)
        self._ports = free_ports(len(LISTENERS))
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> "Server":
        """Start it, after a death on the ports it had; returns when all listeners answer."""
        self.tmp.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*self._prefix, sys.executable, "-m", *self._command()],
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=ROOT,
                env=self.environment(),
                start_new_session=True,
            )
        try:
            self.found = self._answer()
        except BaseException:
            self._end(signal.SIGKILL)
            raise
        return self

    def environment(self) -> dict[str, str]:
        """Return the variables it runs with."""
        inherited = {key: word for key, word in os.environ.items() if not key.startswith("ZEGEL_")}
        return {**inherited, "TMPDIR": str(self.tmp), **self._environ}

    def _command(self) -> list[str]:
        """Return the module to run and its arguments."""
        return ["benchmarks.serve", *self._options, "--ports", ",".join(map(str, self._ports))]

    def _answer(self) -> dict[str, Any]:
        """Read where everything is, once all listeners answer."""
        answer: dict[str, Any] = json.loads(self._lines(1)[0])
        return answer

    def _lines(self, wanted: int, containing: str = "") -> list[str]:
        """Wait for lines on standard output; those without `containing` do not count."""
        assert self._process is not None
        assert self._process.stdout is not None
        said, deadline = b"", time.monotonic() + START_SECONDS
        while True:
            ready, _, _ = select.select([self._process.stdout], [], [], 0.5)
            more = os.read(self._process.stdout.fileno(), 65536) if ready else b""
            said += more
            whole = said.decode().split("\n")[:-1]
            if len(found := [line for line in whole if containing in line]) >= wanted:
                return found
            if (ready and not more) or time.monotonic() > deadline:
                raise AssertionError(f"the server did not start: {self.words()[-2000:]}")

    def words(self) -> str:
        """Return everything it logged."""
        return self.log.read_text("utf-8", "replace") if self.log.exists() else ""

    def kill(self) -> None:
        """End it as a loss of power would: SIGKILL to the whole group."""
        self._end(signal.SIGKILL)

    def stop(self) -> int | None:
        """End it as an operator does; returns how it exited."""
        return self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> int | None:
        process, self._process = self._process, None
        if process is None:
            return None
        try:
            os.killpg(process.pid, how)
            return process.wait(STOP_SECONDS)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            return process.wait(STOP_SECONDS)
        finally:
            if process.stdout is not None:
                process.stdout.close()

    @property
    def running(self) -> bool:
        """Whether it lives."""
        return self._process is not None and self._process.poll() is None

    def address(self, listener: str) -> tuple[str, int]:
        """Return host and port of a listener."""
        host, _, port = str(self.found[listener]).rpartition("/")[2].rpartition(":")
        return host, int(port)

    def port(self, listener: str) -> int:
        """Return the port of a listener; 0 where it is not built."""
        return self.address(listener)[1] if self.found.get(listener) else 0

    def user(self, number: int = 0) -> tuple[str, str]:
        """Return a user's address and app password."""
        address = str(self.found["user_pattern"]).replace("{n}", str(number))
        return address, str(self.found["password_pattern"]).replace("{n}", str(number))

    @property
    def children(self) -> list[int]:
        """Return the processes that it started: its workers, where it has any."""
        assert self._process is not None
        pid = self._process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text()
        return [int(child) for child in children.split()]

    def memory(self) -> int:
        """Return the resident octets of the server and its children."""
        assert self._process is not None
        pages = 0
        for status in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = status.read_text().rpartition(")")[2].split()
            except OSError:  # it ended meanwhile
                continue
            if int(fields[2]) == self._process.pid:  # its process group
                pages += int(fields[21])
        return pages * os.sysconf("SC_PAGE_SIZE")


@asynccontextmanager
async def databases(engine: str) -> AsyncIterator[tuple[str, ...]]:
    """Yield the options for an engine: none for `sqlite`, whose files the server makes.

    For `postgresql` they are `--database`, URL, `--keystore`, URL: an empty database in each of two
    instances, dropped at the end.
    """
    if engine == "sqlite":
        yield ()
        return
    main, keystore = postgres.server("main"), postgres.server("keystore")
    mail_url, keystore_url = await main.create_database(), await keystore.create_database()
    try:
        yield ("--database", mail_url, "--keystore", keystore_url)
    finally:
        await main.drop_database(mail_url)
        await keystore.drop_database(keystore_url)


@contextmanager
def serving(directory: Path, *options: str, **wanted: Any) -> Iterator[Server]:
    """Run a server for the length of a block; arguments as those of `Server`."""
    server = Server(directory, *options, **wanted)
    try:
        yield server.start()
    finally:
        server.kill()
