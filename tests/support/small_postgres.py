"""A PostgreSQL on a disk that can be filled: a small tmpfs in a mount namespace of its own.

Either its write-ahead log lies there, or its tables (a tablespace); the rest lies beside it. A
process that sleeps holds the namespace, and so the disk, while the server is down. It takes root.
"""

import asyncio
import os
import secrets
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg

from tests.support import postgres
from tests.support.letters import fill_up
from tests.support.ports import free_port

START_SECONDS = 60.0
DATABASE = "mail"


class SmallPostgres:
    """One instance; made by `small_postgres`."""

    def __init__(self, *, megabytes: int, log: bool) -> None:
        """Mount the disk; `log`: the write-ahead log is to lie there, else the tables."""
        directory = postgres.shared_directory() / f"small-{secrets.token_hex(4)}"
        self._user = postgres.unprivileged()
        self._programs = postgres.programs_of(postgres.shared_directory(), self._user)
        self._disk = directory / "disk"
        self._home = directory / "home"
        directory.mkdir(mode=0o755)
        for place in (self._disk, self._home):
            place.mkdir()
            os.chown(place, self._user.uid, self._user.gid)
        owner = f"uid={self._user.uid},gid={self._user.gid}"
        mount = f'mount -t tmpfs -o size={megabytes}m,mode=700,{owner} tmpfs "$0"'
        self._holder = subprocess.Popen(
            [
                "unshare",
                "--mount",
                "sh",
                "-c",
                f"{mount} && echo && exec sleep 1d",
                str(self._disk),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert self._holder.stdout is not None
        self.mounted = self._holder.stdout.readline() == b"\n"
        self._server: subprocess.Popen[bytes] | None = None
        self._data = self._home / "data"
        self._log = log
        self._port, self._password = free_port(), secrets.token_hex(16)

    @property
    def url(self) -> str:
        """The database for mail, as the settings name it."""
        return f"postgresql://zegel:{self._password}@127.0.0.1:{self._port}/{DATABASE}"

    @property
    def running(self) -> bool:
        """Whether the server runs."""
        return self._server is not None and self._server.poll() is None

    def create(self) -> None:
        """Make the cluster and start it."""
        secret = self._home / "password"
        secret.write_text(self._password)
        os.chown(secret, self._user.uid, self._user.gid)
        words = ["initdb", "-D", str(self._data), "-U", "zegel", "--auth=password"]
        words += [f"--pwfile={secret}", "-E", "UTF8", "--locale=C", "--wal-segsize=1"]
        words += [f"--waldir={self._disk / 'log'}"] if self._log else []
        subprocess.run(self._inside(*words), check=True, capture_output=True, cwd="/")

    def start(self) -> None:
        """Start the server, as whoever supervises it would; returns when it answers."""
        settings = {
            "port": str(self._port),
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "max_wal_size": "8MB",
            "min_wal_size": "2MB",
            "wal_recycle": "off",
            "shared_buffers": "8MB",
        }
        options = [f"--{name}={value}" for name, value in settings.items()]
        with (self._home / "log").open("ab") as log:
            self._server = subprocess.Popen(
                self._inside("postgres", "-D", str(self._data), *options),
                stdout=log,
                stderr=log,
                cwd="/",
            )

    def _inside(self, program: str, *words: str) -> list[str]:
        enter = ["nsenter", "--mount", f"--target={self._holder.pid}"]
        become = ["setpriv", f"--reuid={self._user.uid}", f"--regid={self._user.gid}"]
        return [*enter, *become, "--clear-groups", str(self._programs / program), *words]

    async def answering(self) -> None:
        """Wait until it answers."""
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                await (await self._connected("postgres")).close()
            except (OSError, asyncpg.PostgresError):
                assert time.monotonic() < deadline, self.words()
                await asyncio.sleep(0.1)
            else:
                return

    async def _connected(self, database: str) -> asyncpg.Connection:
        return await asyncpg.connect(self.url.removesuffix(DATABASE) + database, timeout=10)

    async def create_database(self) -> None:
        """Make the database for mail, its tables on the small disk."""
        connection = await self._connected("postgres")
        try:
            where = ""
            if not self._log:
                await connection.execute(f"CREATE TABLESPACE small LOCATION '{self._disk}'")
                where = " TABLESPACE small"
            await connection.execute(f"CREATE DATABASE {DATABASE}{where} STRATEGY FILE_COPY")
        finally:
            await connection.close()

    @property
    def _filler(self) -> Path:
        return Path(f"/proc/{self._holder.pid}/root") / self._disk.relative_to("/") / "filler"

    def fill(self) -> None:
        """Leave no block free."""
        fill_up(self._filler)

    def free(self) -> None:
        """Make room again."""
        self._filler.unlink()

    def words(self) -> str:
        """Return everything it logged."""
        log = self._home / "log"
        return log.read_text("utf-8", "replace") if log.exists() else ""

    def end(self) -> None:
        """End server, namespace and disk."""
        if self._server is not None and self._server.poll() is None:
            self._server.send_signal(signal.SIGQUIT)
            self._server.wait(START_SECONDS)
        self._holder.kill()
        self._holder.wait()
        if self._holder.stdout is not None:
            self._holder.stdout.close()


@contextmanager
def small_postgres(*, megabytes: int, log: bool) -> Iterator[SmallPostgres]:
    """Have a disk for one, for the length of a block; `mounted` says whether that could be done."""
    instance = SmallPostgres(megabytes=megabytes, log=log)
    try:
        yield instance
    finally:
        instance.end()
