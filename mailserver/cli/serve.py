"""`zegel init`, `serve`, `health`: a first look, the server itself, and whether it answers."""

import asyncio
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from mailserver.app.serving import loop_factory, serve
from mailserver.cli.terminal import fail, say, settings_of, table, told
from mailserver.operations.first_run import SETTINGS_FILE, make_certificate, prepare
from mailserver.runtime.door import Door
from mailserver.runtime.process import harden, private_umask
from mailserver.runtime.settings import Endpoint, Settings, Tls

PATIENCE_SECONDS = 5.0

_WHAT = {
    "mx": "mail coming in (SMTP)",
    "lmtp": "mail coming in (LMTP)",
    "submission": "mail going out",
    "submissions": "mail going out",
    "imap": "reading mail (IMAP)",
    "imaps": "reading mail (IMAP)",
    "https": "webmail",
    "api": "mail for apps (JMAP)",
    "managesieve": "rules (ManageSieve)",
    "admin": "console",
    "portal": "public pages",
    "http": "certificate challenges",
    "metrics": "metrics",
}
_HOW = {Tls.IMPLICIT: "TLS", Tls.STARTTLS: "STARTTLS", Tls.NONE: "no TLS"}

_NEXT = """
Webmail: https://localhost:{https}  (the browser warns: the certificate is self-signed)

In another terminal:

  export ZEGEL_CONFIG={config} PATH="{bin}:$PATH"
  zegel domain add example.test
  zegel user add me@example.test           # asks for a password of 15 characters or more
  zegel app-password add me@example.test   # asks for it again and prints an app password

A mail program: user name me@example.test, password the app password,
  IMAP localhost, port {imaps}, TLS   ·   SMTP localhost, port {submissions}, TLS
  (the certificate is self-signed: {certificate})

Send a letter, and read it:

  swaks --server 127.0.0.1:{mx} --to me@example.test --header "Subject: Hello"
  curl --insecure --user "me@example.test:APP-PASSWORD" \\
    "imaps://localhost:{imaps}/INBOX;MAILINDEX=1"

Two people with letters to look at: zegel demo
"""


def add_to(program: typer.Typer) -> None:
    """Add this group's commands."""
    program.command("serve")(serve_mail)
    program.command("init")(init)
    program.command("health")(health)


def init(
    directory: Annotated[Path, typer.Option(help="Where it will all lie.")] = Path(".run"),
    quiet: Annotated[bool, typer.Option("--quiet", help="Say nothing.")] = False,
) -> None:
    """Make settings, keys and a certificate for a first look; what exists is left alone."""
    private_umask()
    settings = told(lambda: prepare(directory))
    told(lambda: make_certificate(settings))
    if not quiet:
        say(f"{directory / SETTINGS_FILE}: settings for a first look")
        say(f"{settings.keys.master_file}: the master key, apart from the data")


def serve_mail(
    context: typer.Context,
    guide: Annotated[bool, typer.Option("--guide", help="Say what to do next.")] = False,
) -> None:
    """Serve mail until SIGTERM or Ctrl-C."""
    private_umask()
    settings = told(lambda: settings_of(context))
    config: Path | None = context.find_root().params.get("config")
    hardening = harden()
    if not hardening.memory_locked:
        typer.echo("zegel: memory is not locked (mlockall): let no swap be unencrypted", err=True)

    def announce(doors: Sequence[Door]) -> None:
        say("Zegel is listening:")
        say()
        table(
            ("", "address", ""),
            [
                (_WHAT.get(door.name, door.name), str(door.address), _HOW[door.tls])
                for door in doors
            ],
        )
        if guide:
            say(_guide(settings, config, doors))

    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        told(lambda: runner.run(serve(settings, announce)))


def _guide(settings: Settings, config: Path | None, doors: Sequence[Door]) -> str:
    ports = {door.name: door.address.port for door in doors}
    return _NEXT.format(
        config=config or SETTINGS_FILE,
        bin=Path(".venv/bin").absolute() if Path(".venv/bin").is_dir() else "",
        certificate=settings.tls.certificate,
        **{name: ports.get(name, "-") for name in ("https", "imaps", "submissions", "mx")},
    )


def health(context: typer.Context) -> None:
    """Say whether every listener of the settings answers; fails where one does not."""
    settings = told(lambda: settings_of(context))
    for name, listener in settings.listeners.named().items():
        if listener.address is not None and not _answers(listener.address):
            fail(f"listeners.{name}: nobody answers on {listener.address}")
    say("Every listener answers.")


def _answers(address: Endpoint) -> bool:
    host = address.host or "127.0.0.1"
    try:
        with socket.create_connection((host, address.port), timeout=PATIENCE_SECONDS):
            return True
    except OSError:
        return False
