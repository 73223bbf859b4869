"""`zegel privacy consent`: what people agree to, who did, and whom one may write to."""

import csv
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, TextIO

import typer

from mailserver.app.house import House
from mailserver.audit.entry import OPERATOR
from mailserver.cli.account import in_house
from mailserver.cli.terminal import fail, say, table, told
from mailserver.model.address import Address
from mailserver.model.errors import MailError
from mailserver.privacy.consent import EVERYTHING, Channel, Course, Event, Reach, Text
from mailserver.privacy.consent_desk import Reached

group = typer.Typer(help="What people agree to.", no_args_is_help=True)
texts = typer.Typer(help="What they read first; never changed.", no_args_is_help=True)
group.add_typer(texts, name="text")

MOST = 10_000
"""Addresses of one command."""
Purpose = Annotated[str, typer.Argument(metavar="PURPOSE", help="As [consent] purposes name it.")]
Who = Annotated[str, typer.Argument(metavar="ADDRESS", help="Whose consent it is.")]
Several = Annotated[list[str] | None, typer.Argument(metavar="ADDRESS...", help="Whose.")]
File = Annotated[
    Path | None,
    typer.Option("--file", metavar="FILE", help="More addresses, one a line.", dir_okay=False),
]
Dry = Annotated[bool, typer.Option("--dry-run", help="Say what would be done; nothing is.")]
Language = Annotated[str, typer.Option(help="Of the text: en, nl, de or fr.")]


@texts.command("add")
def add_text(
    context: typer.Context,
    purpose: Purpose,
    version: Annotated[str, typer.Argument(metavar="VERSION", help="Your own name for it.")],
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="The text, UTF-8.", exists=True, dir_okay=False)
    ],
    language: Language = "en",
) -> None:
    """Add a text; from now on it is what is asked for this purpose and language."""
    try:
        body = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        fail(f"{file} is no text that can be read")
    added = in_house(
        context, lambda house: house.books.consents.texts.add(purpose, language, version, body)
    )
    say(f"Text {added.number} stands, SHA-256 {added.sha256.hex()}.")


@texts.command("list")
def list_texts(context: typer.Context) -> None:
    """List all texts, those that are not asked any more as well."""
    found = in_house(context, lambda house: house.books.consents.texts.listing())
    table(
        ("text", "purpose", "language", "version", "since", "sha256"),
        (
            (
                *(str(one.number), one.purpose, one.language, one.version),
                *(f"{one.at:%Y-%m-%d}", one.sha256.hex()[:16]),
            )
            for one in found
        ),
    )


@group.command("ask")
def ask(
    context: typer.Context,
    purpose: Purpose,
    addresses: Several = None,
    file: File = None,
    language: Language = "en",
    dry: Dry = False,
) -> None:
    """Ask people who signed up, by a letter whose link says yes (double opt-in).

    Without the yes nothing else is sent, and the address is erased after seven days.
    """
    who = _addresses(addresses, file)

    async def asked(house: House) -> list[str]:
        text = await house.books.consents.texts.current(purpose, language)
        return [await _one(house, each, text) for each in who]

    async def _one(house: House, address: Address, text: Text) -> str:
        try:
            if dry:
                await house.consents.check(address)
                return f"{address}: would be asked, if not asked or agreed already"
            await house.consents.ask(address, text)
        except MailError as error:
            return f"{address}: not asked: {error.text}"
        return f"{address}: asked"

    for line in in_house(context, asked):
        say(line)


@group.command("record")
def record(
    context: typer.Context,
    purpose: Purpose,
    address: Who,
    proof: Annotated[str, typer.Argument(metavar="PROOF", help="Where the signed paper is.")],
    language: Language = "en",
) -> None:
    """Write down a consent that somebody gave on paper or in person, and what proves it."""
    who = told(lambda: Address.parse(address))
    if not proof.strip():
        fail("say what proves it")

    async def recorded(house: House) -> Course:
        consents = house.books.consents
        text = await consents.texts.current(purpose, language)
        person = await consents.person(who)
        return await consents.give(person, text, Channel.OPERATOR, OPERATOR, proof.strip())

    course = in_house(context, recorded)
    say(f"{who} agrees to {course.purpose} since {course.changed_at:%Y-%m-%d %H:%M %Z}.")


@group.command("withdraw")
def withdraw(
    context: typer.Context,
    purpose: Annotated[
        str, typer.Argument(metavar="PURPOSE", help="Or `all`: no marketing of any kind any more.")
    ],
    addresses: Several = None,
    file: File = None,
    dry: Dry = False,
) -> None:
    """Write down that people said no, by letter or telephone; it counts at once."""
    who = _addresses(addresses, file)

    async def withdrawn(house: House) -> None:
        consents = house.books.consents
        known = {*consents.texts.purposes, *(one.purpose for one in await consents.texts.listing())}
        if purpose != "all" and purpose not in known:
            fail(f"nobody was ever asked for {purpose}")
        for each in who:
            person = await consents.person(each)
            if not dry and purpose == "all":
                await consents.object_to_all(person, Channel.OPERATOR)
            elif not dry:
                await consents.withdraw(person, purpose, Channel.OPERATOR)

    in_house(context, withdrawn)
    say(f"{len(who)} {'would be' if dry else 'are'} written to for {purpose} no more.")


@group.command("audience")
def audience(
    context: typer.Context,
    purpose: Purpose,
    reach: Annotated[Reach, typer.Argument(help="Whom this kind of letter goes to.")],
    to: Annotated[
        Path | None, typer.Option("--to", metavar="FILE", help="Write CSV there; a new file.")
    ] = None,
) -> None:
    """List whom a letter may be sent to now, with the link that says no: it belongs into each.

    similar: customers, about products like theirs. both: these and whoever consented. consented:
    whoever consented, and nobody else.
    """
    found = in_house(context, lambda house: house.consents.audience(purpose, reach))
    if to is None:
        _write(found, sys.stdout)
        return
    try:
        with to.open("x", encoding="utf-8", newline="") as file:
            to.chmod(0o600)
            _write(found, file)
    except OSError as error:
        fail(f"{to} cannot be written: {error.strerror}")
    say(f"{to}: {len(found)} addresses as of now; ask again before every letter.")


@group.command("show")
def show(context: typer.Context, address: Who) -> None:
    """Show what somebody said, when, by which way and to which text: the proof."""
    who = told(lambda: Address.parse(address))

    async def shown(house: House) -> list[tuple[Course, list[Event]]]:
        consents = house.books.consents
        courses = await consents.of(await consents.person(who))
        return [(course, await consents.events(course)) for course in courses]

    found = in_house(context, shown)
    if not found:
        say(f"Nothing is known of {who}.")
    for course, events in found:
        say("everything" if course.purpose == EVERYTHING else course.purpose)
        for one in events:
            text = f"text {one.text}" if one.text else "no text"
            said = f"{one.said.name.lower():9}  {text}  by {one.channel.value}"
            say(f"  {_when(one.at)}  {said}  {one.note}".rstrip())


def _when(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S %Z}"


def _write(found: Sequence[Reached], file: TextIO) -> None:
    writer = csv.writer(file)
    writer.writerow(("address", "why", "withdraw"))
    for one in found:
        writer.writerow((one.address, "consent" if one.consents else "customer", one.url))


def _addresses(given: list[str] | None, file: Path | None) -> list[Address]:
    named = list(given or ())
    if file is not None:
        try:
            named += [line for line in file.read_text("utf-8").splitlines() if line.strip()]
        except (OSError, UnicodeDecodeError):
            fail(f"{file} is no list that can be read")
    if not 0 < len(named) <= MOST:
        fail(f"name 1 to {MOST:,} addresses")
    return told(lambda: [Address.parse(text) for text in dict.fromkeys(named)])
