"""`zegel privacy lawful`: what authorities ask for by law, and what becomes of it."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated

import typer

from mailserver.app.house import House
from mailserver.cli.account import approving, in_house, second_password
from mailserver.cli.terminal import say, table
from mailserver.model.errors import Condition, Refused
from mailserver.privacy.lawful import DECIDED, Count, LawfulRequest
from mailserver.store.held import READABLE, Held, held

group = typer.Typer(invoke_without_command=True)

Number = Annotated[int, typer.Argument(metavar="NUMBER", help="As `privacy lawful` shows it.")]
Late = Annotated[str, typer.Option(help="Why it was too late.")]
DAY = ["%Y-%m-%d"]


@group.callback()
def listing(
    context: typer.Context,
    everything: Annotated[bool, typer.Option("--all", help="Those that are over, too.")] = False,
) -> None:
    """Requests of authorities: by which law, for what, and by when."""
    if context.invoked_subcommand is not None:
        return

    async def listed(house: House) -> list[tuple[str, ...]]:
        now, profile = house.clock.now(), house.books.profile
        return [
            (
                str(one.number),
                one.authority,
                one.reference,
                one.state.value,
                one.deadline.isoformat(),
                "TOO LATE" if one.is_red(profile, now) else "",
                _notice(one),
            )
            for one in await house.books.papers.lawful.listing()
            if everything or one.over_at is None
        ]

    head = ("request", "authority", "reference", "state", "deadline", "", "user")
    table(head, in_house(context, listed))


@group.command("receive")
def receive(
    context: typer.Context,
    authority: Annotated[str, typer.Argument(help="Who asks.")],
    reference: Annotated[str, typer.Option(help="Its own number for it.")],
    basis: Annotated[str, typer.Option(help="By which law.")],
    scope: Annotated[str, typer.Option(help="For what, of whom, of which time.")],
    deadline: Annotated[datetime, typer.Option(metavar="DAY", formats=DAY, help="The last day.")],
) -> None:
    """Write down what an authority asks for."""
    words = (authority, reference, basis, scope, deadline.date())
    _done(context, lambda house: house.books.papers.lawful.receive(*words))


@group.command("validate")
def validate(
    context: typer.Context,
    number: Number,
    found: Annotated[str, typer.Argument(help="Why it holds: ground, scope, who asks.")],
    admin: Annotated[str, typer.Option(metavar="NAME", help="Who says so; asks the password.")],
) -> None:
    """Say as an administrator that it holds; two have to before anything is handed out."""
    second = second_password(admin)

    async def done(house: House) -> LawfulRequest:
        signed_in = await approving(house, second)
        if signed_in is None:
            raise Refused(Condition.NOT_PERMITTED, "an administrator validates it")
        return await house.books.papers.lawful.validate(number, signed_in.name, found)

    _done(context, done)


@group.command("told")
def user_told(context: typer.Context, number: Number) -> None:
    """Say that the user was told."""
    _done(context, lambda house: house.books.papers.lawful.tell_user(number))


@group.command("bar")
def bar(
    context: typer.Context,
    number: Number,
    law: Annotated[str, typer.Argument(help="Which law bars that the user is told.")],
    until: Annotated[
        datetime | None, typer.Option(metavar="DAY", formats=DAY, help="Its last day.")
    ] = None,
) -> None:
    """Say which law bars that the user is told."""
    day = None if until is None else until.date()
    _done(context, lambda house: house.books.papers.lawful.bar(number, law, day))


@group.command("answer")
def answer(
    context: typer.Context,
    number: Number,
    handed_out: Annotated[str, typer.Argument(help="What was handed out.")],
    late: Late = "",
) -> None:
    """Say what was handed out."""
    _done(context, lambda house: house.books.papers.lawful.answer(number, handed_out, late=late))


@group.command("refuse")
def refuse(
    context: typer.Context,
    number: Number,
    reason: Annotated[str, typer.Argument(metavar="REASON")],
    late: Late = "",
) -> None:
    """Say why nothing is handed out."""
    _done(context, lambda house: house.books.papers.lawful.refuse(number, reason, late=late))


@group.command("counts")
def counts(context: typer.Context) -> None:
    """Count them by year, as the trust page does."""
    found: list[Count] = in_house(context, lambda house: house.books.papers.lawful.counts())
    rows = [
        (str(c.year), str(c.received), str(c.answered), str(c.refused), str(c.users_told))
        for c in found
    ]
    table(("year", "received", "answered", "refused", "users told"), rows)


@group.command("data")
def data() -> None:
    """List what there is that this server reads without a user's password; needs no server."""
    found: list[Held] = held(*READABLE)
    table(("class", "table", "column", "what"), found)
    say("All else is sealed: it opens with a credential of its owner, and with nothing we have.")


def _notice(one: LawfulRequest) -> str:
    if one.told_at is not None:
        return f"told {one.told_at:%Y-%m-%d}"
    if one.bar:
        return f"barred{f' until {one.bar_until}' if one.bar_until else ''}: {one.bar}"
    return ""


def _done(context: typer.Context, work: Callable[[House], Awaitable[LawfulRequest]]) -> None:
    one = in_house(context, work)
    ends = "" if one.state in DECIDED else f"; its last day is {one.deadline}"
    found = len(one.validated_by)
    say(f"Request {one.number} is {one.state.value}, validated by {found}{ends}.")
