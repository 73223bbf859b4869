"""`zegel dkim`: the keys that domains sign their mail with, and what of them belongs in DNS."""

from datetime import datetime
from typing import Annotated

import typer

from mailserver.accounts.signing_keys import (
    ROTATED_AFTER,
    DomainKey,
    KeyState,
    Publication,
    Turn,
)
from mailserver.app.house import House
from mailserver.cli.account import in_house
from mailserver.cli.terminal import fail, say, table, told
from mailserver.model.address import canonical_domain

group = typer.Typer(help="The keys that domains sign their mail with.", no_args_is_help=True)

STRING_OCTETS = 255  # of one string in a TXT record; a longer text is several (RFC 6376 §3.6.2.2)
Domain = Annotated[str, typer.Argument(metavar="DOMAIN", help="One of this server's domains.")]


def add_to(program: typer.Typer) -> None:
    """Add this group's commands."""
    program.add_typer(group, name="dkim")


@group.command("list")
def list_keys(context: typer.Context, domain: Domain) -> None:
    """List a domain's signing keys, the TXT records to publish, and what is to be done next."""
    name = told(lambda: canonical_domain(domain))
    keys, shown = in_house(context, lambda house: _looked_at(house, name))
    if not keys:
        fail(f"there are no signing keys of {name} here")
    table(
        ("selector", "state", "since", "DNS"),
        [
            (key.selector, key.state.value, f"{_since(key):%Y-%m-%d}", publication.value)
            for key, publication in zip(keys, shown, strict=True)
        ],
    )
    say()
    for key in keys:
        say(zone_line(key))
    say()
    for sentence in _next_steps(keys, shown):
        say(sentence)


@group.command("rotate")
def rotate(
    context: typer.Context,
    domain: Domain,
    unchecked: Annotated[
        bool,
        typer.Option("--unchecked", help="Switch even where DNS does not show the waiting key."),
    ] = False,
) -> None:
    """Let a domain's waiting keys sign from now on, and make the next ones.

    A key only takes over once DNS shows its record. The server does this by itself every half year;
    do it by hand where a key may have been seen by others.
    """
    name = told(lambda: canonical_domain(domain))

    async def turned(house: House) -> tuple[list[Turn], list[DomainKey]]:
        turns = await house.signing_keys.rotate(name, unchecked=unchecked)
        return turns, await house.signing_keys.listing(name)

    turns, keys = in_house(context, turned)
    missing = [turn.key for turn in turns if not turn.switched]
    for turn in turns:
        if turn.switched:
            say(f"{turn.key.selector} signs from now on.")
    if missing:
        say("Publish these records, wait until DNS shows them, then run this again:")
        for key in missing:
            say(zone_line(key))
        fail(f"{len(missing)} of {len(turns)} keys are not in DNS, and were left waiting")
    say("Publish these records now, for the next time:")
    for key in keys:
        if key.state is KeyState.NEXT:
            say(zone_line(key))
    for key in keys:
        if key.needed_until is not None:
            say(f"Keep {key.name} in DNS until {key.needed_until:%Y-%m-%d}.")


def zone_line(key: DomainKey) -> str:
    """Write a key's record as a line of a zone file."""
    text = key.record
    strings = [text[at : at + STRING_OCTETS] for at in range(0, len(text), STRING_OCTETS)]
    return f"{key.name}. IN TXT " + " ".join(f'"{one}"' for one in strings)


async def _looked_at(house: House, name: str) -> tuple[list[DomainKey], list[Publication]]:
    keys = await house.signing_keys.listing(name)
    return keys, [await house.signing_keys.publication(key) for key in keys]


def _since(key: DomainKey) -> datetime:
    return key.retired_at or key.active_from or key.created_at


def _next_steps(keys: list[DomainKey], shown: list[Publication]) -> list[str]:
    steps = []
    for key, publication in zip(keys, shown, strict=True):
        if key.needed_until is not None:
            steps.append(f"{key.selector}: keep its record until {key.needed_until:%Y-%m-%d}.")
        elif publication is not Publication.PUBLISHED:
            steps.append(f"{key.selector}: publish its record.")
        elif key.active_from is not None:
            due = key.active_from + ROTATED_AFTER
            steps.append(f"{key.selector}: signs until the waiting key takes over, {due:%Y-%m-%d}.")
    return steps
