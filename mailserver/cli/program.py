"""The command `zegel` put together from its groups."""

from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from mailserver.cli import (
    account,
    address,
    alerts,
    audit,
    backup,
    demo,
    dkim,
    dns,
    doctor,
    domain,
    escrow,
    external,
    invitation,
    keys,
    password,
    privacy,
    queue,
    reports,
    retention,
    scrub,
    serve,
    store,
    trace,
    transfer,
)
from mailserver.runtime.settings import CONFIG_FILE, CONFIG_VARIABLE

program = typer.Typer(
    name="zegel",
    help="Zegel: a mail server in which every letter is sealed for its reader.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,  # its tracebacks show local variables
)
for group in (
    *(serve, domain, account, address, password, invitation),
    *(transfer, external, store, keys, dkim, dns, doctor, reports, queue),
    *(audit, alerts, backup, retention, privacy, escrow, trace, scrub, demo),
):
    group.add_to(program)


def _say_version(asked: bool) -> None:
    if asked:
        typer.echo(f"zegel {version('zegel')}")
        raise typer.Exit


@program.callback()
def settings(
    config: Annotated[
        Path | None,
        typer.Option(envvar=CONFIG_VARIABLE, help=f"The settings file; else {CONFIG_FILE}."),
    ] = None,
    show_version: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Say which.")
    ] = False,
) -> None:
    """Zegel: a mail server in which every letter is sealed for its reader."""
