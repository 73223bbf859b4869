"""`zegel privacy requests` and `request`: what people asked for by their rights, and by when."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from mailserver.app.house import House
from mailserver.cli.account import in_house
from mailserver.cli.terminal import fail, say, table
from mailserver.privacy.legal_profile import LegalProfile
from mailserver.privacy.request import OVER, Request, Right, Source
from mailserver.privacy.request_texts import LANGUAGES, forwarded, refused

group = typer.Typer(help="One request of a person.", no_args_is_help=True)

Number = Annotated[int, typer.Argument(metavar="NUMBER", help="As `privacy requests` shows it.")]
Why = Annotated[str, typer.Argument(metavar="REASON")]
Late = Annotated[str, typer.Option(help="Why it was too late.")]
Language = Annotated[str, typer.Option(help="Of the notice: en, nl, de or fr.")]


def show_all(
    context: typer.Context,
    everything: Annotated[bool, typer.Option("--all", help="Those that are over as well.")] = False,
) -> None:
    """List requests: their state, and the last day on which they are in time."""

    async def listed(house: House) -> tuple[list[Request], LegalProfile, datetime]:
        found = await house.books.requests.listing()
        return found, house.books.profile, house.clock.now()

    found, profile, now = in_house(context, listed)
    table(
        ("request", "right", "state", "received", "target", "due", "", "same as", "controller"),
        (
            (
                str(one.number),
                one.right.value,
                one.state.value,
                f"{one.received_at.astimezone(ZoneInfo(profile.zone)):%Y-%m-%d}",
                f"{one.term(profile, now).target}",
                f"{one.term(profile, now).due}",
                "TOO LATE" if one.is_red(profile, now) else "",
                "" if one.first is None else str(one.first),
                one.controller,
            )
            for one in found
            if everything or one.state not in OVER
        ),
    )


@group.command("show")
def show(context: typer.Context, number: Number) -> None:
    """Show what a request says, and what was done."""
    one = in_house(context, lambda house: house.books.requests.get(number))
    say(f"Request {one.number}: {one.right.value}, by {one.source.value}, {one.state.value}")
    say(f"who: {one.who}")
    if one.words:
        say(f"words: {one.words}")
    if one.reason:
        say(f"reason: {one.reason}")
    if one.erase_at is not None:
        say(f"to be erased: {one.erase_at:%Y-%m-%d %H:%M %Z}, unless its owner signs in")
    for step in one.timeline:
        say(f"  {step.at:%Y-%m-%d %H:%M %Z}  {step.actor}  {step.what}")
    if one.certificate:
        say(one.certificate)


@group.command("receive")
def receive(
    context: typer.Context,
    right: Annotated[Right, typer.Argument(help="What is asked for.")],
    who: Annotated[str, typer.Argument(help="Who asks, and where to answer.")],
    at: Annotated[
        str | None, typer.Option(metavar="TIME", help="When it came, ISO 8601; else now.")
    ] = None,
    controller: Annotated[
        str, typer.Option(help="Whose data it is about, if another decides on them.")
    ] = "",
) -> None:
    """Write down a request that came by letter, telephone or mail."""

    async def received(house: House) -> Request:
        when = _instant(at, ZoneInfo(house.books.profile.zone))
        return await house.books.requests.receive(
            right, Source.LETTER, who, at=when, controller=controller
        )

    _done(context, received)


@group.command("begin")
def begin(context: typer.Context, number: Number) -> None:
    """Say that it is being worked at, and that there is no doubt who asks."""
    _done(context, lambda house: house.books.requests.begin(number))


@group.command("doubt")
def doubt(context: typer.Context, number: Number, reason: Why) -> None:
    """Stop the clock while it is in doubt, for a reason, who asks."""
    _done(context, lambda house: house.books.requests.doubt(number, reason))


@group.command("extend")
def extend(context: typer.Context, number: Number, reason: Why) -> None:
    """Take two months more; the reason was told to who asks, in time."""
    _done(context, lambda house: house.books.requests.extend(number, reason))


@group.command("answer")
def answer(context: typer.Context, number: Number, late: Late = "") -> None:
    """Say that it was answered."""
    _done(context, lambda house: house.books.requests.answer(number, late=late))


@group.command("refuse")
def refuse(context: typer.Context, number: Number, reason: Why, language: Language = "en") -> None:
    """Say why nothing is done, and print what who asked is to be told."""
    _check(language)

    async def notice(house: House) -> str:
        request = await house.books.requests.refuse(number, reason)
        return refused(request, language, house.books.profile.authority)

    say(in_house(context, notice))


@group.command("forward")
def forward(
    context: typer.Context, number: Number, late: Late = "", language: Language = "en"
) -> None:
    """Say that it was handed on to its controller, and print what who asked is to be told."""
    _check(language)

    async def notice(house: House) -> str:
        return forwarded(await house.books.requests.forward(number, late=late), language)

    say(in_house(context, notice))


def _check(language: str) -> None:
    if language not in LANGUAGES:
        fail(f"a notice is in one of {', '.join(LANGUAGES)}")


def _done(context: typer.Context, work: Callable[[House], Awaitable[Request]]) -> None:
    async def done(house: House) -> tuple[Request, str]:
        request = await work(house)
        return request, str(request.term(house.books.profile, house.clock.now()).due)

    request, due = in_house(context, done)
    ends = "" if request.state in OVER else f"; due {due}"
    same = "" if request.first is None else f"; the same as request {request.first}"
    say(f"Request {request.number} is {request.state.value}{ends}{same}.")


def _instant(text: str | None, zone: ZoneInfo) -> datetime | None:
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        fail("write the time as 2026-10-24T12:00 or 2026-10-24T12:00+02:00")
    return at if at.tzinfo else at.replace(tzinfo=zone)
