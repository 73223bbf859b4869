"""`zegel demo`: two people and their letters."""

from pathlib import Path
from typing import Annotated

import typer

from mailserver.app.house import House
from mailserver.cli.account import in_house
from mailserver.cli.terminal import Progress, say, table
from mailserver.operations.demo import Person, fill


def add_to(program: typer.Typer) -> None:
    """Add this group's commands."""
    program.command("demo")(demo)


def demo(
    context: typer.Context,
    corpus: Annotated[
        Path | None,
        typer.Option(exists=True, file_okay=False, help="More letters: a directory of .eml files."),
    ] = None,
) -> None:
    """Make two people with letters, and print what to read them with."""
    progress = Progress("letters delivered")

    async def filled(house: House) -> list[Person]:
        people = await fill(house, progress, corpus)
        progress.end()
        return people

    people = in_house(context, filled)
    say("Two people have mail. Their mail programs sign in with:")
    say()
    table(
        ("user name", "app password"),
        [(str(person.address), person.app_password.reveal().decode()) for person in people],
    )
