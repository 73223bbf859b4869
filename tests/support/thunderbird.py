"""Thunderbird, the real one, without a window: driven through Marionette, its own remote control.

Marionette speaks JSON over TCP, each packet with its length in front: `[0, id, command, given]` is
answered by `[1, id, error, result]`. Scripts run in the program's own context and use the services
that its windows use, so what the server hears is what Thunderbird says.
"""

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.support.mail_clients import User
from tests.support.ports import free_port

START_SECONDS = 60.0
SCRIPT_SECONDS = 60.0

_TOOLS = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
_PREFERENCES = {
    "app.update.enabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "mail.provider.suppress_dialog_on_startup": True,
    "mail.spotlight.firstRunDone": True,
    "mail.winsearch.firstRunDone": True,
    "mail.rights.version": 1,
    "mailnews.start_page.enabled": False,
    "network.proxy.type": 0,
    "toolkit.telemetry.reportingpolicy.firstRun": False,
}


class ScriptFault(Exception):
    """A script failed inside of Thunderbird."""


class Thunderbird:
    """One running Thunderbird with a profile of its own."""

    def __init__(self, port: int) -> None:
        """Speak to the Marionette that listens on `port`."""
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=SCRIPT_SECONDS + 10)
        self._stream = self._socket.makefile("rb")
        self._number = 0
        self._packet()  # who it is
        self._ask("WebDriver:NewSession", {"capabilities": {"alwaysMatch": {}}})
        self._ask("Marionette:SetContext", {"value": "chrome"})
        self._ask("WebDriver:SetTimeouts", {"script": int(SCRIPT_SECONDS * 1000)})

    def run(self, script: str, *arguments: object) -> Any:
        """Run the body of an async function, with `thunderbird.js` and `given` at hand."""
        wrapped = (
            "const finish = arguments[arguments.length - 1], given = [...arguments].slice(0, -1);"
            f"(async () => {{ {_TOOLS}\n{script} }})().then(value => finish({{ value }}),"
            " fault => finish({ fault: String(fault) + ' ' + (fault && fault.stack) }));"
        )
        answer = self._ask(
            "WebDriver:ExecuteAsyncScript", {"script": wrapped, "args": list(arguments)}
        )["value"]
        if "fault" in answer:
            raise ScriptFault(answer["fault"])
        return answer.get("value")

    def quit(self) -> None:
        """Have it close as a user closes it."""
        with suppress(OSError, EOFError):
            self._ask("Marionette:Quit", {"flags": ["eAttemptQuit"]})
        self._stream.close()
        self._socket.close()

    def _ask(self, command: str, parameters: dict[str, Any]) -> Any:
        self._number += 1
        packet = json.dumps([0, self._number, command, parameters]).encode()
        self._socket.sendall(b"%d:%b" % (len(packet), packet))
        _, _, error, result = self._packet()
        if error is not None:
            raise ScriptFault(error)
        return result

    def _packet(self) -> Any:
        length = b""
        while not length.endswith(b":"):
            octet = self._stream.read(1)
            if not octet:
                raise EOFError("Thunderbird closed the connection")
            length += octet
        return json.loads(self._stream.read(int(length[:-1])))


@contextmanager
def thunderbird(home: Path) -> Iterator[Thunderbird]:
    """Run Thunderbird in `home` with an empty profile; it is gone at the end."""
    profile = home / "profile"
    profile.mkdir(mode=0o700, parents=True)
    port = free_port()
    preferences = {**_PREFERENCES, "marionette.port": port}
    lines = [f"user_pref({json.dumps(k)}, {json.dumps(v)});" for k, v in preferences.items()]
    (profile / "user.js").write_text("\n".join(lines))
    log = (home / "thunderbird.log").open("wb")
    program = subprocess.Popen(
        [
            *("thunderbird", "--headless", "--no-remote", "--profile", str(profile)),
            *("--marionette", "--remote-allow-system-access"),
        ],
        stdout=log,
        stderr=subprocess.STDOUT,
        env={"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8"},
        start_new_session=True,
    )
    try:
        driven = _connect(port, program)
        try:
            yield driven
        finally:
            driven.quit()
            with suppress(subprocess.TimeoutExpired):
                program.wait(15)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(program.pid, signal.SIGKILL)
        program.wait()
        log.close()


def _connect(port: int, program: "subprocess.Popen[bytes]") -> Thunderbird:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            return Thunderbird(port)
        except OSError:
            if time.monotonic() > deadline or program.poll() is not None:
                raise
            time.sleep(0.2)


def enter(program: Thunderbird, user: User) -> None:
    """Enter an account, and wait until its mailboxes are listed."""
    pem = Path(user.ca_file).read_text()
    certificate = "".join(pem.split("-----BEGIN CERTIFICATE-----")[1].split("-----END")[0].split())
    program.run(
        "await enter(...given);",
        user.address,
        user.password,
        user.server.port("imaps"),
        user.server.port("submissions"),
        certificate,
    )
