"""`zegel privacy breaches` and `breach`: what was suspected, whom to tell by when, and drafts."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from mailserver.app.house import House
from mailserver.cli.account import in_house
from mailserver.cli.terminal import fail, say, table
from mailserver.privacy.breach import OVER, UNKNOWN, Breach, Field, Risk
from mailserver.privacy.breach_drafts import LANGUAGES, Reader, draft

group = typer.Typer(help="One entry of the breach register.", no_args_is_help=True)

Number = Annotated[int, typer.Argument(metavar="NUMBER", help="As `privacy breaches` shows it.")]
Why = Annotated[str, typer.Argument(metavar="REASON")]
At = Annotated[
    str | None, typer.Option(metavar="TIME", help="ISO 8601, else of the server's zone; else now.")
]
NATURE_CHARACTERS = 50


def show_all(
    context: typer.Context,
    everything: Annotated[bool, typer.Option("--all", help="Those that are over as well.")] = False,
) -> None:
    """List breaches and suspicions: their state, and by when the authority must be told."""

    async def listed(house: House) -> tuple[list[Breach], datetime, ZoneInfo]:
        found = await house.books.breaches.listing()
        return found, house.clock.now(), ZoneInfo(house.books.profile.zone)

    found, now, zone = in_house(context, listed)
    table(
        ("breach", "state", "detector", "opened", "deadline", "", "nature"),
        (
            (
                str(one.number),
                one.state.value,
                one.detector.value,
                _when(one.opened_at, zone),
                _when(one.deadline, zone),
                "TOO LATE" if one.is_red(now) else "",
                one.fields.get(Field.NATURE, "")[:NATURE_CHARACTERS],
            )
            for one in found
            if everything or one.state not in OVER
        ),
    )


@group.command("show")
def show(context: typer.Context, number: Number) -> None:
    """Show everything an entry says, and what is missing."""

    async def got(house: House) -> tuple[Breach, ZoneInfo]:
        return await house.books.breaches.get(number), ZoneInfo(house.books.profile.zone)

    breach, zone = in_house(context, got)
    say(f"Breach {breach.number}: {breach.state.value}, suspected by {breach.detector.value}")
    for name, at in (("aware", breach.aware_at), ("deadline", breach.deadline)):
        if at is not None:
            say(f"{name}: {_when(at, zone)}")
    if breach.risk is not None:
        say(f"risk: {breach.risk.value}")
    for field in Field:
        said = breach.fields.get(field, "")
        say(f"{field.value}: {'not known yet' if said == UNKNOWN else said or '-'}")
    if missing := breach.missing():
        say(f"missing (Art. 33(3)): {', '.join(missing)}")
    for occurrence in breach.occurrences:
        say(f"  {occurrence}")
    for step in breach.timeline:
        say(f"  {_when(step.at, zone)}  {step.actor}  {step.what}")


@group.command("open")
def open_entry(
    context: typer.Context, nature: Annotated[str, typer.Argument(help="What was noticed.")]
) -> None:
    """Open an entry for what somebody noticed."""
    number = in_house(context, lambda house: house.books.breaches.open(nature))
    say(f"Breach {number} is suspected; `zegel privacy breach aware {number}` starts the clock.")


@group.command("aware")
def aware(context: typer.Context, number: Number, at: At = None) -> None:
    """Say that it is a breach: the 72 hours begin."""
    _done(context, lambda house: house.books.breaches.become_aware(number, _instant(house, at)))


@group.command("fill")
def fill(
    context: typer.Context,
    number: Number,
    field: Annotated[Field, typer.Argument(help="Which field.")],
    text: Annotated[str, typer.Argument(help="What to say; ? for what is not known yet.")],
) -> None:
    """Fill in a field; again, when more is known."""
    _done(context, lambda house: house.books.breaches.fill(number, {field: text}))


@group.command("assess")
def assess(context: typer.Context, number: Number, risk: Risk, reason: Why) -> None:
    """Say how great the risk to people is, and why."""
    _done(context, lambda house: house.books.breaches.assess(number, risk, reason))


@group.command("told")
def told_authority(
    context: typer.Context,
    number: Number,
    at: At = None,
    late: Annotated[str, typer.Option(help="Why it was later than 72 hours.")] = "",
) -> None:
    """Say that the authority was told."""

    async def done(house: House) -> Breach:
        when = _instant(house, at)
        return await house.books.breaches.tell_authority(number, when, late=late)

    _done(context, done)


@group.command("spare")
def spare_authority(context: typer.Context, number: Number, reason: Why) -> None:
    """Say why the authority need not be told: there is no risk."""
    _done(context, lambda house: house.books.breaches.spare_authority(number, reason))


@group.command("people")
def people(
    context: typer.Context,
    number: Number,
    exemption: Annotated[str, typer.Option(help="Why they need not be (Art. 34(3)).")] = "",
) -> None:
    """Say that those concerned were told, or why not."""
    _done(context, lambda house: house.books.breaches.answer_people(number, exemption))


@group.command("close")
def close(context: typer.Context, number: Number) -> None:
    """End an entry; refused while anything is open."""
    _done(context, lambda house: house.books.breaches.close(number))


@group.command("dismiss")
def dismiss(context: typer.Context, number: Number, reason: Why) -> None:
    """Say that a suspicion was none, and why."""
    _done(context, lambda house: house.books.breaches.dismiss(number, reason))


@group.command("draft")
def write_draft(
    context: typer.Context,
    number: Number,
    reader: Annotated[Reader, typer.Option("--for", help="Who is written to.")] = Reader.AUTHORITY,
    language: Annotated[str, typer.Option(help="en, nl, de or fr.")] = "en",
    to: Annotated[Path | None, typer.Option(help="A new file; else it is printed.")] = None,
) -> None:
    """Write a draft for a person to read and send."""
    if language not in LANGUAGES:
        fail(f"a draft is in one of {', '.join(LANGUAGES)}")

    async def drafted(house: House) -> str:
        breach, books = await house.books.breaches.get(number), house.books
        name = house.settings.organisation.name or house.settings.hostname
        return draft(breach, reader, language, name, books.profile)

    text = in_house(context, drafted)
    if to is None:
        say(text)
        return
    try:
        with to.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        fail(f"{to}: {error.strerror}")


def _done(context: typer.Context, work: Callable[[House], Awaitable[Breach]]) -> None:
    breach = in_house(context, work)
    say(f"Breach {breach.number} is {breach.state.value}.")
    if missing := breach.missing():
        say(f"Missing (Art. 33(3)): {', '.join(missing)}")


def _instant(house: House, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        fail("write the time as 2026-10-24T12:00 or 2026-10-24T12:00+02:00")
    return at if at.tzinfo else at.replace(tzinfo=ZoneInfo(house.books.profile.zone))


def _when(at: datetime | None, zone: ZoneInfo) -> str:
    return "" if at is None else f"{at.astimezone(zone):%Y-%m-%d %H:%M %Z}"
