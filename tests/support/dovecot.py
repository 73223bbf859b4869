"""A Dovecot of the tests' own: another server, to bring mail over from.

It runs as an unprivileged user, on free loopback ports, with one user; its mail lies in Maildirs
that a test may fill by hand, which is the fast way to twenty thousand messages.
"""

import grp
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from imapclient import IMAPClient

from tests.support.ports import free_ports
from tests.support.programs import program

USER = "ada"
PASSWORD = "a word for Dovecot"
START_SECONDS = 20.0

_CONFIG = """
base_dir = {root}/run
state_dir = {root}/state
log_path = {root}/log
default_internal_user = {me}
default_internal_group = {group}
default_login_user = {me}
mail_uid = {me}
mail_gid = {group}
first_valid_uid = 1
first_valid_gid = 1
protocols = imap
listen = 127.0.0.1, 127.0.0.2
disable_plaintext_auth = no
auth_mechanisms = {mechanisms}
ssl = yes
ssl_cert = <{root}/certificate.pem
ssl_key = <{root}/key.pem
mail_home = {root}/home
mail_location = maildir:~/Maildir{layout}
mail_max_userip_connections = 0
namespace inbox {{
  inbox = yes
  prefix = {prefix}
  separator = {separator}
  mailbox "{sent}" {{
    special_use = \\Sent
    auto = create
  }}
  mailbox "{trash}" {{
    special_use = \\Trash
    auto = create
  }}
}}
passdb {{
  driver = passwd-file
  args = {root}/passwd
}}
userdb {{
  driver = static
  args = uid={me} gid={group} home={root}/home
}}
service anvil {{
  chroot =
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
    ssl = yes
  }}
}}
service stats {{
  client_limit = 1000
}}
"""


@dataclass(frozen=True, slots=True)
class Dovecot:
    """A running one."""

    root: Path
    port: int
    tls_port: int

    @property
    def certificate(self) -> Path:
        """Its own authority."""
        return self.root / "certificate.pem"

    @property
    def maildir(self) -> Path:
        """Where the user's mail lies."""
        return self.root / "home" / "Maildir"

    def client(self) -> IMAPClient:
        """Sign the user in with another client."""
        client = IMAPClient("127.0.0.1", self.port, ssl=False)
        client.login(USER, PASSWORD)
        return client

    def own(self) -> None:
        """Give what a test wrote into the Maildir to the server's user."""
        if os.geteuid() == 0:
            shutil.chown(self.root / "home", "nobody", _group())
            for path in (self.root / "home").rglob("*"):
                shutil.chown(path, "nobody", _group())


def _me() -> str:
    return "nobody" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name


def _group() -> str:
    return grp.getgrgid(pwd.getpwnam(_me()).pw_gid).gr_name


@contextmanager
def dovecot(
    *,
    prefix: str = "",
    separator: str = "/",
    layout: str = "",
    mechanisms: str = "plain login",
) -> Iterator[Dovecot]:
    """Run one for the length of a block.

    Args:
        prefix: of the user's own mailboxes, `INBOX.` as Courier has it.
        separator: between the levels of names.
        layout: of the Maildir, `:LAYOUT=fs`.
        mechanisms: of SASL.
    """
    binary = program("dovecot")
    root = Path(tempfile.mkdtemp(prefix="zegel-dovecot-"))
    try:
        for name in ("run", "state", "home"):
            (root / name).mkdir()
        port, tls_port = free_ports(2)
        subprocess.run(
            [
                *(program("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes"),
                *("-days", "2", "-subj", "/CN=localhost"),
                *("-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"),
                *("-keyout", root / "key.pem", "-out", root / "certificate.pem"),
            ],
            check=True,
            capture_output=True,
            timeout=30,
        )
        config = root / "dovecot.conf"
        config.write_text(
            _CONFIG.format(
                root=root,
                me=_me(),
                group=_group(),
                mechanisms=mechanisms,
                layout=layout,
                prefix=prefix,
                separator=separator,
                sent="Gesendet",
                trash="Papierkorb",
                port=port,
                tls_port=tls_port,
            )
        )
        (root / "passwd").write_text(f"{USER}:{{PLAIN}}{PASSWORD}::::::\n")
        if os.geteuid() == 0:
            for path in [root, *root.rglob("*")]:
                shutil.chown(path, "nobody", _group())
        yield from _running(Dovecot(root, port, tls_port), [binary, "-F", "-c", str(config)])
    finally:
        shutil.rmtree(root)


def _running(server: Dovecot, command: list[str]) -> Iterator[Dovecot]:
    prefix = []
    if os.geteuid() == 0:
        prefix = ["setpriv", "--reuid=nobody", f"--regid={_group()}", "--clear-groups"]
    process = subprocess.Popen(
        [*prefix, *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + START_SECONDS
        while not _answers(server.port):
            log = server.root / "log"
            said = log.read_text() if log.exists() else ""
            assert process.poll() is None, said
            assert time.monotonic() < deadline, said
            time.sleep(0.05)
        yield server
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            return connection.recv(4) == b"* OK"
    except OSError:
        return False
