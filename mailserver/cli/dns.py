"""`zegel dns`: every record that a domain wants, to be put into its zone."""

from enum import Enum
from typing import Annotated

import typer

from mailserver.app.house import House
from mailserver.cli.account import in_house
from mailserver.cli.terminal import fail, say, table, told
from mailserver.mailauth.dmarc import Policy
from mailserver.model.address import canonical_domain
from mailserver.operations.dns_records import Wanted, as_json, wanted, zone
from mailserver.operations.published import Published, published

SHOWN = 60  # characters of a record in a table; the zone has it whole


class Format(Enum):
    """How records are written."""

    ZONE = "zone"
    TABLE = "table"
    JSON = "json"


def add_to(program: typer.Typer) -> None:
    """Add this group's command."""
    program.command("dns")(show_records)


def show_records(
    context: typer.Context,
    domain: Annotated[str, typer.Argument(metavar="DOMAIN", help="One of this server's domains.")],
    form: Annotated[Format, typer.Option("--format", help="How to write them.")] = Format.ZONE,
    dmarc: Annotated[
        Policy, typer.Option(help="What is asked for where mail fails: a step after the other.")
    ] = Policy.QUARANTINE,
) -> None:
    """Print every record that a domain wants in DNS, as a zone file; `zegel doctor` checks them."""
    name = told(lambda: canonical_domain(domain))
    records = in_house(context, lambda house: _records(house, name, dmarc))
    match form:
        case Format.ZONE:
            say(zone(records, name).rstrip("\n"))
        case Format.JSON:
            say(as_json(records))
        case Format.TABLE:
            table(
                ("name", "type", "data", "purpose"),
                [(one.name, one.type, _short(one.data), one.purpose) for one in records],
            )


def _short(data: str) -> str:
    return data[:SHOWN] + "…" if len(data) > SHOWN else data or "?"


async def _records(house: House, name: str, dmarc: Policy) -> list[Wanted]:
    return wanted(await facts_of(house, name), dmarc=dmarc)


async def facts_of(house: House, name: str) -> Published:
    """Gather what a domain of ours says in public; one that is not ours ends the command."""
    if not await house.directory.is_local(name):
        fail(f"mail for {name} is not taken here: `zegel domain add {name}` comes first")
    return published(house.settings, name, await house.signing_keys.listing(name))
