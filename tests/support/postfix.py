"""A real Postfix as somebody else's mail server: on loopback, with TLS, mail into a Maildir."""

import asyncio
import os
import pwd
import re
import signal
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import trustme

from tests.support.ports import free_port
from tests.support.programs import program

START_SECONDS = 30.0
_MAIN = """
compatibility_level = 3.6
queue_directory = {home}/queue
data_directory = {home}/data
mail_owner = postfix
setgid_group = postdrop
maillog_file = {home}/log/mail
maillog_file_prefixes = {home}
myhostname = {name}
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks =
alias_maps =
virtual_mailbox_domains = {domain}
virtual_mailbox_base = {home}/mail
virtual_mailbox_maps = inline:{{ {maps} }}
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
smtpd_tls_security_level = {level}
smtpd_tls_chain_files = {home}/chain.pem
smtpd_tls_received_header = yes
smtpd_relay_restrictions = reject_unauth_destination
smtputf8_enable = yes
{more}
"""
_MASTER = """
{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
anvil unix - - n - 1 anvil
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
lmtp unix - - n - - lmtp
virtual unix - n n - - virtual
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
postlog unix-dgram n - n - 1 postlogd
"""


@dataclass(frozen=True)
class Postfix:
    """A running Postfix."""

    home: Path
    address: str
    port: int

    def messages(self, user: str = "bob") -> list[bytes]:
        """Return what a user has got, with Postfix's fields on top, lines ending in LF."""
        return [path.read_bytes() for path in sorted((self.home / "mail" / user / "new").glob("*"))]

    @property
    def log(self) -> str:
        """What it logged."""
        path = self.home / "log" / "mail"
        return path.read_text("utf-8", "replace") if path.exists() else ""

    @property
    def connections(self) -> int:
        """How often somebody connected who was let talk."""
        return len(re.findall(r"smtpd\[\d+\]: connect from", self.log))

    @property
    def waiting(self) -> int:
        """How many messages it has not passed on yet; those that it never took whole are none."""
        folders = (self.home / "queue" / name for name in ("incoming", "active", "deferred"))
        return sum(_is_whole(path) for folder in folders for path in folder.rglob("*"))

    @property
    def running(self) -> bool:
        """Whether its master lives."""
        return Path(f"/proc/{self.pid}").exists()

    @property
    def pid(self) -> int:
        """Its master, whose children do the work."""
        return int((self.home / "queue" / "pid" / "master.pid").read_text())

    def kill(self) -> None:
        """End it as a loss of power would: SIGKILL to its master and all that serve under it."""
        pid = self.pid
        serving = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for each in (pid, *map(int, serving)):
            with suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)

    async def change(self, line: str) -> None:
        """Lay one line of settings over those it has; it obeys from the next connection on."""
        with (self.home / "conf" / "main.cf").open("a") as settings:
            settings.write(f"{line}\n")
        await self.reload()

    async def reload(self) -> None:
        """Have it read its settings again."""
        await _run(program("postfix"), "-c", str(self.home / "conf"), "reload")

    async def start(self) -> None:
        """Start it, after a death on the port and the queue it had; returns when it answers."""
        await _run(program("postfix"), "-c", str(self.home / "conf"), "start")
        await _answering(self.address, self.port)


def _is_whole(path: Path) -> bool:
    """Say whether a file of the queue is one to deliver: Postfix lets it be executed then."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:  # it moved on meanwhile
        return False
    return stat.S_ISREG(mode) and bool(mode & stat.S_IXUSR)


@asynccontextmanager
async def postfix(
    certificate: trustme.LeafCert,
    *,
    name: str = "mx.there.test",
    domain: str = "there.test",
    users: tuple[str, ...] = ("bob", "eve"),
    address: str = "127.0.0.1",
    port: int = 0,
    tls: bool = True,
    more: str = "",
) -> AsyncIterator[Postfix]:
    """Run Postfix for the length of a block; needs root, for it drops its rights itself."""
    port = port or free_port(address)
    with TemporaryDirectory(prefix="zegel-postfix-") as place:
        home = Path(place)
        settings = {
            "name": name,
            "domain": domain,
            "maps": ", ".join(f"{{ {user}@{domain} = {user}/ }}" for user in users),
            "level": "may" if tls else "none",
            "more": more,
        }
        where = f"[{address}]" if ":" in address else address
        _furnish(home, certificate, settings, f"{where}:{port}")
        server = Postfix(home, address, port)
        try:
            await server.start()
            yield server
        finally:
            if server.running:
                await _run(program("postfix"), "-c", str(home / "conf"), "stop")


def _furnish(
    home: Path, certificate: trustme.LeafCert, settings: dict[str, str], listens: str
) -> None:
    owner = pwd.getpwnam("postfix")
    home.chmod(0o755)
    for folder in ("queue", "data", "log", "mail", "conf"):
        (home / folder).mkdir()
    for folder in ("data", "mail", "log"):
        os.chown(home / folder, owner.pw_uid, owner.pw_gid)
    pems = certificate.cert_chain_pems
    chain = certificate.private_key_pem.bytes() + b"".join(pem.bytes() for pem in pems)
    (home / "chain.pem").write_bytes(chain)
    written = _MAIN.format(home=home, uid=owner.pw_uid, gid=owner.pw_gid, **settings)
    (home / "conf" / "main.cf").write_text(written)
    (home / "conf" / "master.cf").write_text(_MASTER.format(port=listens))


async def _run(*command: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    async with asyncio.timeout(START_SECONDS):
        said, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"{command} failed: {said.decode(errors='replace')}")


async def _answering(address: str, port: int) -> None:
    async with asyncio.timeout(START_SECONDS):
        while True:
            try:
                reader, writer = await asyncio.open_connection(address, port)
            except OSError:
                await asyncio.sleep(0.05)
                continue
            greeting = await reader.readline()
            writer.close()
            await writer.wait_closed()
            if greeting.startswith(b"220"):
                return
