"""`zegel migrate`: the databases' schemas."""

import typer

from mailserver.cli.terminal import run, say, settings_of, told
from mailserver.operations.first_run import make_directories
from mailserver.store.migrate import Which, migrate


def add_to(program: typer.Typer) -> None:
    """Add this group's commands."""
    program.command("migrate")(migrate_both)


def migrate_both(context: typer.Context) -> None:
    """Bring both databases to this version's schema, making them where there are none."""
    settings = told(lambda: settings_of(context))
    told(lambda: make_directories(settings))

    async def both() -> None:
        await migrate(settings.database_url, Which.MAIN)
        await migrate(settings.keystore_url, Which.KEYSTORE)

    run(both)
    say("Both databases are at this version's schema.")
