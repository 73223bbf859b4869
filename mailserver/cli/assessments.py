"""`zegel privacy dpia`: which impact assessments are demanded, and how far each has come."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated

import typer

from mailserver.app.house import House
from mailserver.cli.account import in_house
from mailserver.cli.terminal import fail, say, table
from mailserver.privacy.assessments import Assessment, Occasion, Section

group = typer.Typer(invoke_without_command=True)

Number = Annotated[int, typer.Argument(metavar="NUMBER", help="As `privacy dpia` shows it.")]


@group.callback()
def listing(context: typer.Context) -> None:
    """Impact assessments: what demands one, and the versions there are."""
    if context.invoked_subcommand is not None:
        return

    async def listed(house: House) -> tuple[list[Assessment], list[Occasion]]:
        assessments = house.books.papers.assessments
        return await assessments.listing(), await assessments.owed()

    found, owed = in_house(context, listed)
    rows = [
        (
            str(one.number),
            one.occasion.value,
            str(one.version),
            one.state.value,
            "" if one.review_at is None else f"{one.review_at:%Y-%m-%d}",
            ", ".join(one.missing()),
        )
        for one in found
    ]
    table(("number", "about", "version", "state", "again by", "missing"), rows)
    for occasion in owed:
        say(f"DEMANDED: {occasion.value} is on; `zegel privacy dpia draft {occasion.value}`")


@group.command("draft")
def draft(context: typer.Context, occasion: Occasion) -> None:
    """Begin a version, prefilled from the register of processing."""
    _done(context, lambda house: house.books.papers.assessments.draft(occasion))


@group.command("show")
def show(context: typer.Context, number: Number) -> None:
    """Show what a version says."""
    one = in_house(context, lambda house: house.books.papers.assessments.get(number))
    say(f"Assessment {one.number}: {one.occasion.value}, version {one.version}, {one.state.value}")
    for section, text in one.sections.items():
        say(f"\n{section.value}:\n{text or '-'}")


@group.command("fill")
def fill(
    context: typer.Context,
    number: Number,
    section: Section,
    text: Annotated[str, typer.Argument(help="What to say; @FILE takes it from a file.")],
) -> None:
    """Write a section of a draft."""
    said = _from_file(Path(text[1:])) if text.startswith("@") else text
    _done(context, lambda house: house.books.papers.assessments.fill(number, section, said))


@group.command("approve")
def approve(
    context: typer.Context,
    number: Number,
    by: Annotated[str, typer.Option(metavar="NAME", help="Who approves it.")],
) -> None:
    """Approve a draft; the version before it is replaced."""
    _done(context, lambda house: house.books.papers.assessments.approve(number, by))


def _from_file(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        fail(f"{path}: {error.strerror}")
    except UnicodeDecodeError:
        fail(f"{path} is not text in UTF-8")


def _done(context: typer.Context, work: Callable[[House], Awaitable[Assessment]]) -> None:
    one = in_house(context, work)
    say(
        f"Assessment {one.number} ({one.occasion.value}, version {one.version}): {one.state.value}."
    )
    if missing := one.missing():
        say(f"Missing: {', '.join(missing)}")
