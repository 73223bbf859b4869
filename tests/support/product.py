"""`zegel` as an operator runs it: settings in a file and in variables, every step a command."""

import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support.server import LISTENERS, ROOT, Server

COMMAND_SECONDS = 60.0
_NAMES = {
    ("mail coming in (SMTP)", "STARTTLS"): "mx",
    ("mail coming in (LMTP)", "no TLS"): "lmtp",
    ("mail going out", "STARTTLS"): "submission",
    ("mail going out", "TLS"): "submissions",
    ("reading mail (IMAP)", "no TLS"): "imap",
    ("reading mail (IMAP)", "TLS"): "imaps",
    ("webmail", "TLS"): "https",
    ("mail for apps (JMAP)", "TLS"): "api",
    ("rules (ManageSieve)", "STARTTLS"): "managesieve",
}


class Product(Server):
    """A server made by `zegel init`, all its limits in force, every listener on a free port."""

    def __init__(self, directory: Path, environ: Mapping[str, str] | None = None) -> None:
        """Make the files below `directory`/product.

        Args:
            directory: where everything goes.
            environ: further settings, ZEGEL_LOG_LEVEL for one.
        """
        self.home = directory / "product"
        listeners = {f"ZEGEL_LISTENERS_{name.upper()}_ADDRESS": "127.0.0.1:0" for name in LISTENERS}
        super().__init__(
            directory,
            environ={
                "ZEGEL_CONFIG": str(self.home / "zegel.toml"),
                "ZEGEL_LISTENERS_IMAP_TLS": "none",
                "ZEGEL_LISTENERS_LMTP_TLS": "none",
                **listeners,
                **(environ or {}),
            },
        )
        self.data = self.home / "data"
        self.zegel("init", "--directory", str(self.home), "--quiet")
        self.zegel("migrate")

    def zegel(self, *arguments: str, typed: str = "") -> str:
        """Run one command to its end; returns what it said on standard output.

        Args:
            arguments: its words.
            typed: what stands on its standard input.
        """
        self.tmp.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            done = subprocess.run(
                [sys.executable, "-m", "mailserver", *arguments],
                input=typed.encode(),
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=ROOT,
                env=self.environment(),
                timeout=COMMAND_SECONDS,
                check=False,
            )
        assert done.returncode == 0, f"zegel {arguments[0]}: {self.words()[-2000:]}"
        return done.stdout.decode()

    def _command(self) -> list[str]:
        return ["mailserver", "serve"]

    def _answer(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        wanted = len(LISTENERS) + ("ZEGEL_LISTENERS_MANAGESIEVE_ADDRESS" in self.environment())
        for line in self._lines(wanted, containing="127.0.0.1:"):
            what, address, how = re.split(r" {2,}", line.strip())
            found[_NAMES[what, how]] = address
        return found
