"""`zegel scrub`: whether each stored object is what was stored, now instead of tonight."""

import typer

from mailserver.app.house import House
from mailserver.cli.account import in_house
from mailserver.cli.terminal import fail, say
from mailserver.operations.scrub import Scrubbed, named


def add_to(program: typer.Typer) -> None:
    """Add the command."""
    program.command("scrub")(scrub)


def scrub(context: typer.Context) -> None:
    """Verify the checksum of every stored object; damage opens an entry in the breach register."""

    async def walked(house: House) -> Scrubbed:
        return await house.books.scrubber.run()

    found = in_house(context, walked)
    say(f"{found.objects:,} objects, {found.octets:,} octets looked at")
    for damage in found.damages:
        say(named(damage))
    if found.damages:
        fail("stored objects are damaged; see `zegel privacy breaches`, and your backups")
