"""`zegel alerts`: what administrators are being written about, and whether letters arrive."""

from datetime import datetime

import typer

from mailserver.app.alarms import recipients, watch
from mailserver.app.house import House
from mailserver.cli.account import in_house
from mailserver.cli.terminal import fail, say, table
from mailserver.model.address import Address
from mailserver.operations.alert_texts import Kind, title
from mailserver.operations.alerts import Fields

group = typer.Typer(help="Letters to administrators when something is wrong.", no_args_is_help=True)


def add_to(program: typer.Typer) -> None:
    """Add this group's commands."""
    program.add_typer(group, name="alerts")


@group.command("list")
def list_alerts(context: typer.Context) -> None:
    """List what the last look found wrong: since when, and when it was told last."""

    async def listed(house: House) -> tuple[list[Fields], bool]:
        standing = await watch(house).alerts.standing()
        return list(standing.values()), recipients(house.settings).anybody

    found, anybody = in_house(context, listed)
    if not anybody:
        say("Nobody is written to: the settings name no address in alerts.to.")
    table(
        ("alert", "since", "told", ""),
        (
            (
                one["kind"],
                _when(one["since"]),
                _when(one["told"]),
                title(Kind(one["kind"]), "en", one["facts"]),
            )
            for one in sorted(found, key=lambda one: str(one["since"]))
        ),
    )


@group.command("test")
def test_alerts(context: typer.Context) -> None:
    """Write a letter to everybody who would be written to; the running server sends it."""

    async def written(house: House) -> list[Address]:
        return await watch(house).alerts.test()

    to = in_house(context, written)
    if not to:
        fail("the settings name nobody to write to: alerts.to is empty")
    for address in to:
        say(f"A letter to {address} is in the queue.")


def _when(text: str) -> str:
    return f"{datetime.fromisoformat(text):%Y-%m-%d %H:%M}" if text else "-"
