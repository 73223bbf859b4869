"""`zegel privacy processors`: who processes for us, who will, and who objects."""

from datetime import datetime
from typing import Annotated

import typer

from mailserver.app.house import House
from mailserver.cli.account import in_house
from mailserver.cli.terminal import fail, say, table
from mailserver.privacy.announcement_texts import LANGUAGES, announced
from mailserver.privacy.announcements import Announcement

group = typer.Typer(invoke_without_command=True)


@group.callback()
def listing(context: typer.Context) -> None:
    """Whoever processes for this server, what customers were told, and what they object to."""
    if context.invoked_subcommand is not None:
        return

    async def listed(house: House) -> tuple[list[tuple[str, ...]], list[str]]:
        papers = house.books.papers
        rows: list[tuple[str, ...]] = []
        for one in house.settings.processors:
            since = "" if one.since is None else one.since.isoformat()
            rows.append((one.name, one.role, one.country, since, "in use"))
        objections = await papers.announcements.objections()
        for told in await papers.announcements.listing():
            against = [one.customer for one in objections if one.announcement == told.number]
            what = "ends" if told.ends else "begins"
            words = f"announcement {told.number}: {what}"
            words += f"; against: {', '.join(against)}" if against else ""
            rows.append((told.name, told.role, told.country, told.begins.isoformat(), words))
        return rows, await papers.unannounced()

    rows, unannounced = in_house(context, listed)
    table(("processor", "role", "country", "since", ""), rows)
    for name in unannounced:
        say(f"NOT ANNOUNCED: {name} processes, and customers were not told 30 days ahead")


@group.command("announce")
def announce(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Who it is, as in the settings.")],
    role: Annotated[str, typer.Option(help="What it does.")],
    country: Annotated[str, typer.Option(help="Where it is established, two letters.")],
    basis: Annotated[str, typer.Option(help="On what ground data may go there.")],
    begins: Annotated[
        datetime | None,
        typer.Option("--from", metavar="DAY", formats=["%Y-%m-%d"], help="Else the earliest."),
    ] = None,
    ends: Annotated[bool, typer.Option("--ends", help="It ends then.")] = False,
    language: Annotated[str, typer.Option(help="Of the letter: en, nl, de or fr.")] = "en",
) -> None:
    """Announce a processor 30 days ahead, and print the letter to customers."""
    if language not in LANGUAGES:
        fail(f"a letter is in one of {', '.join(LANGUAGES)}")
    day = None if begins is None else begins.date()

    async def done(house: House) -> tuple[Announcement, list[str], str]:
        papers = house.books.papers
        told = await papers.announcements.announce(
            name, role, country, basis, begins=day, ends=ends
        )
        organisation = house.settings.organisation.name or house.settings.hostname
        return told, sorted(await papers.customers()), organisation

    told, customers, organisation = in_house(context, done)
    say(f"Announcement {told.number}: {told.begins}. Send this to: {', '.join(customers) or '-'}")
    say()
    say(announced(told, language, organisation))


@group.command("object")
def object_to(
    context: typer.Context,
    number: Annotated[int, typer.Argument(metavar="ANNOUNCEMENT")],
    customer: Annotated[str, typer.Argument(metavar="CUSTOMER", help="Who does not agree.")],
    reason: Annotated[str, typer.Argument(metavar="REASON")],
) -> None:
    """Write down that a customer does not agree."""

    async def done(house: House) -> int:
        announcements = house.books.papers.announcements
        return (await announcements.object(number, customer, reason)).number

    in_house(context, done)
    say(f"{customer} objects to announcement {number}.")
