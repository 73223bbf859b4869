"""`zegel keys`: the master key and the audit key, which are files and never in a database."""

from pathlib import Path
from typing import Annotated

import typer

from mailserver.audit.checkpoint import create_key, load_key
from mailserver.cli.terminal import say, settings_of, table, told
from mailserver.vault.master import MasterKeys

group = typer.Typer(help="The keys that lie outside of every database.", no_args_is_help=True)


def add_to(program: typer.Typer) -> None:
    """Add this group's commands."""
    program.add_typer(group, name="keys")


@group.command("create")
def create(
    context: typer.Context,
    master: Annotated[Path | None, typer.Option(help="Where to; else as in the settings.")] = None,
    audit: Annotated[Path | None, typer.Option(help="Where to; else as in the settings.")] = None,
) -> None:
    """Make the master key and the audit key; files that exist are never overwritten."""
    if master is None or audit is None:
        keys = told(lambda: settings_of(context)).keys
        master, audit = master or keys.master_file, audit or keys.audit_file
    told(lambda: MasterKeys.create(master)).close()
    say(f"{master}: the master key. Keep a copy apart from every backup of the mail.")
    told(lambda: create_key(audit))
    say(f"{audit}: the key that signs the audit log.")


@group.command("status")
def status(context: typer.Context) -> None:
    """Say which keys there are and whether they can be read; never their content."""
    settings = told(lambda: settings_of(context))
    master = told(
        lambda: MasterKeys.load(settings.keys.master_file, keep_out_of=[settings.data_dir])
    )
    told(lambda: load_key(settings.keys.audit_file))
    rows = [
        (f"master key {kid}", "current" if kid == master.current else "for older rows")
        for kid in master.kids
    ]
    master.close()
    table(("key", "use"), [*rows, ("audit key", "signs checkpoints")])
