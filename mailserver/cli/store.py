"""`zegel migrate`, `zegel check`: the databases' schemas, and whether all agrees with all."""

from functools import partial

import typer

from mailserver.app.house import House
from mailserver.cli.account import in_house
from mailserver.cli.terminal import Progress, fail, run, say, settings_of, told
from mailserver.operations.check import check, damaged
from mailserver.operations.first_run import make_directories
from mailserver.store.migrate import Which, migrate


def add_to(program: typer.Typer) -> None:
    """Add this group's commands."""
    program.command("migrate")(migrate_both)
    program.command("check")(check_store)


def migrate_both(context: typer.Context) -> None:
    """Bring both databases to this version's schema, making them where there are none."""
    settings = told(lambda: settings_of(context))
    told(lambda: make_directories(settings))

    async def both() -> None:
        for name, which, url in (
            ("mail", Which.MAIN, settings.database_url),
            ("keystore", Which.KEYSTORE, settings.keystore_url),
        ):
            await migrate(url, which, tell=partial(_step, name))

    run(both)
    say("Both databases are at this version's schema.")


def _step(name: str, what: str) -> None:
    typer.echo(f"{name} {what}", err=True)


def check_store(context: typer.Context) -> None:
    """Prove the store's invariants and compare it with the keystore; fails where one is broken."""
    say("Checking counts, numbers and blobs; then each account's keys.")
    progress = Progress("accounts checked")

    async def found_in(house: House) -> list[str]:
        found = await check(house.store, house.keyring, progress)
        progress.end()
        await house.books.suspicions.damaged(damaged(found))
        return found

    found = in_house(context, found_in)
    for line in found:
        say(line)
    if found:
        fail(f"{len(found)} things do not hold")
    say("Everything agrees.")
