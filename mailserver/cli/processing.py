"""`zegel privacy register`: what is processed, by the running configuration (GDPR Art. 30)."""

from typing import Annotated

import typer

from mailserver.app.house import House
from mailserver.cli.account import in_house
from mailserver.cli.papers import As, To, paper_of_processing, write_paper
from mailserver.cli.terminal import say, table
from mailserver.privacy.matters import Matter
from mailserver.privacy.papers import Form
from mailserver.privacy.processing import Version, View, differences

group = typer.Typer(help="The register of processing.", no_args_is_help=True)


@group.command("show")
def show(
    context: typer.Context,
    view: Annotated[View, typer.Option(help="Whose register.")] = View.CONTROLLER,
    form: As = Form.JSON,
    version: Annotated[int | None, typer.Option(help="Which version; else today's.")] = None,
    to: To = None,
) -> None:
    """Write the register; a new version is kept first where the settings have changed."""
    write_paper(
        in_house(context, lambda house: paper_of_processing(house, view, version)), form, to
    )


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


@group.command("reviewed")
def reviewed(
    context: typer.Context, found: Annotated[str, typer.Argument(help="What was found.")]
) -> None:
    """Say that somebody looked at the register; in six months it is looked at again."""

    async def looked(house: House) -> Matter:
        papers = house.books.papers
        matter = await papers.processing_review()
        return await papers.measures.review(matter.number, found)

    say(f"It is looked at again by {in_house(context, looked).due}.")
