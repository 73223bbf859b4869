"""`zegel privacy show`: every register as a file, in one way."""

from pathlib import Path
from typing import Annotated

import typer

from mailserver.app.house import House
from mailserver.cli.account import in_house
from mailserver.cli.terminal import fail, say
from mailserver.model.errors import Absent, Condition
from mailserver.privacy.papers import Form, Paper, written
from mailserver.privacy.processing import View
from mailserver.privacy.register_papers import Book, paper_of, processing_paper

As = Annotated[Form, typer.Option("--format", help="As what.")]
To = Annotated[Path | None, typer.Option(help="A new file; else it is printed.")]


def show(
    context: typer.Context,
    book: Annotated[Book, typer.Argument(metavar="REGISTER", help="Which one.")],
    form: As = Form.JSON,
    number: Annotated[int | None, typer.Option(help="One entry, or version; else all.")] = None,
    view: Annotated[View, typer.Option(help="Of processing: whose register.")] = View.CONTROLLER,
    to: To = None,
) -> None:
    """Write a register as JSON, CSV, HTML or PDF."""

    async def made(house: House) -> Paper:
        if book is Book.PROCESSING:
            return await paper_of_processing(house, view, number)
        organisation = house.books.processing.current()["organisation"]
        where = (house.books.ledger, organisation, house.books.profile)
        return await paper_of(book, *where, house.clock.now(), number)

    write_paper(in_house(context, made), form, to)


async def paper_of_processing(house: House, view: View, number: int | None) -> Paper:
    """Make a paper of a version; a new one is kept first where the settings have changed."""
    processing = house.books.processing
    await processing.record()
    versions = await processing.versions()
    if not versions:
        raise Absent(Condition.NO_SUCH_MESSAGE, "there is no version yet")
    return processing_paper(await processing.version(number or versions[-1].number), view)


def write_paper(paper: Paper, form: Form, to: Path | None) -> None:
    """Write a paper into a new file, or print it."""
    if to is None and form is Form.PDF:
        fail("name a file for the PDF with --to")
    octets = written(paper, form)
    if to is None:
        say(octets.decode().rstrip("\n"))
    else:
        write_new(to, octets)


def write_new(to: Path, octets: bytes) -> None:
    """Write a file that is not there yet, or say why not."""
    try:
        with to.open("xb") as file:
            file.write(octets)
    except OSError as error:
        fail(f"{to}: {error.strerror}")
