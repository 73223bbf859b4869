"""`zegel privacy register`: what is processed, by the running configuration (GDPR Art. 30)."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from mailserver.app.house import House
from mailserver.cli.account import in_house
from mailserver.cli.terminal import fail, say, table
from mailserver.privacy.processing import Version, View, differences
from mailserver.privacy.processing_views import as_csv, as_html, as_json

group = typer.Typer(help="The register of processing.", no_args_is_help=True)


class Format(StrEnum):
    """How a register is written."""

    JSON = "json"
    CSV = "csv"
    HTML = "html"


_WRITERS = {Format.JSON: as_json, Format.CSV: as_csv, Format.HTML: as_html}


@group.command("show")
def show(
    context: typer.Context,
    view: Annotated[View, typer.Option(help="Whose register.")] = View.CONTROLLER,
    form: Annotated[Format, typer.Option("--format", help="As what.")] = Format.JSON,
    version: Annotated[int | None, typer.Option(help="Which version; else today's.")] = None,
    to: Annotated[Path | None, typer.Option(help="A new file; else it is printed.")] = None,
) -> None:
    """Write the register; a new version is kept first where the settings have changed."""

    async def got(house: House) -> Version:
        processing = house.books.processing
        await processing.record()
        return await processing.version(version or (await processing.versions())[-1].number)

    text = _WRITERS[form](in_house(context, got), view)
    if to is None:
        say(text)
        return
    try:
        with to.open("x", encoding="utf-8", newline="") as file:
            file.write(text)
    except OSError as error:
        fail(f"{to}: {error.strerror}")


@group.command("versions")
def versions(context: typer.Context) -> None:
    """List the versions of the register."""

    async def listed(house: House) -> list[Version]:
        return await house.books.processing.versions()

    lines = [
        (str(one.number), f"{one.at:%Y-%m-%d %H:%M}", str(len(one.document["activities"])))
        for one in in_house(context, listed)
    ]
    table(("version", "since", "activities"), lines)


@group.command("diff")
def diff(
    context: typer.Context,
    old: Annotated[int, typer.Argument(metavar="OLD")],
    new: Annotated[int, typer.Argument(metavar="NEW")],
) -> None:
    """Say what one version says that another did not."""

    async def compared(house: House) -> list[str]:
        processing = house.books.processing
        before, after = await processing.version(old), await processing.version(new)
        return differences(before.document, after.document)

    for line in in_house(context, compared):
        say(line)
