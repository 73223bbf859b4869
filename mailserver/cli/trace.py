"""`zegel trace`: why one account's mail does not come or go, looked at by two for an hour."""

from datetime import timedelta
from typing import Annotated

import typer

from mailserver.app.house import House
from mailserver.cli.account import Who, approving, in_house, second_password
from mailserver.cli.terminal import say, table, told
from mailserver.mail.tracing import Step
from mailserver.model.address import Address
from mailserver.model.errors import Absent, Condition
from mailserver.privacy.trace import Trace

group = typer.Typer(
    help="Addresses and steps of one account's mail, for an hour at most.", no_args_is_help=True
)

Number = Annotated[int, typer.Argument(metavar="NUMBER", help="As `trace list` shows it.")]
_LONGEST_MINUTES = 60


def add_to(program: typer.Typer) -> None:
    """Add this group's commands."""
    program.add_typer(group, name="trace")


@group.command("start")
def start(
    context: typer.Context,
    address: Who,
    reason: Annotated[str, typer.Option(help="Why; its owner reads it.")],
    second_admin: Annotated[
        str, typer.Option(metavar="NAME", help="Who consents; is asked for the password.")
    ],
    minutes: Annotated[
        int, typer.Option(min=1, max=_LONGEST_MINUTES, help="For how long.")
    ] = _LONGEST_MINUTES,
) -> None:
    """Note addresses and steps of delivery of one account, never a subject or a text.

    A second administrator consents, and the account's owner is told before anything is noted.
    """
    who = told(lambda: Address.parse(address))
    approval = second_password(second_admin)

    async def begin(house: House) -> Trace:
        second = await approving(house, approval)
        holder = await house.directory.holder(who)
        if holder is None:
            raise Absent(Condition.NO_SUCH_USER, f"there is no {who} here")
        length = timedelta(minutes=minutes)
        traces = house.books.traces
        return await traces.start(holder.account_id, str(who), reason, length, second)

    one = in_house(context, begin)
    say(f"Trace {one.number} runs until {one.until:%H:%M %Z}; its owner was told.")
    say("What it notes is deleted after 24 hours.")


@group.command("show")
def show(context: typer.Context, number: Number) -> None:
    """Show what a trace noted so far; that you did is in the audit log."""

    async def read(house: House) -> tuple[Trace, list[Step], int]:
        return await house.books.traces.show(number)

    one, steps, damaged = in_house(context, read)
    say(f"{one.address}, {one.since:%Y-%m-%d %H:%M} to {one.until:%H:%M %Z}: {one.reason}")
    table(
        ("at", "step", "from", "to", "peer", "reply", "why", "octets"),
        (
            (
                *(f"{step.at:%H:%M:%S}", step.step, step.sender, step.recipient, step.peer),
                f"{step.code or ''} {step.status}".strip(),
                *(step.condition, f"{step.octets:,}" if step.octets else ""),
            )
            for step in steps
        ),
    )
    if damaged:
        say(f"{damaged} lines were altered and do not open.")


@group.command("stop")
def stop(context: typer.Context, number: Number) -> None:
    """End a trace before its time."""
    in_house(context, lambda house: house.books.traces.stop(number))
    say(f"Trace {number} is over; what it noted is deleted 24 hours after its beginning.")


@group.command("list")
def listing(context: typer.Context) -> None:
    """List every trace that there was."""
    found = in_house(context, lambda house: house.books.traces.listing())
    table(
        ("trace", "account", "from", "until", "consented", "deleted", "reason"),
        (
            (
                *(str(one.number), one.address, f"{one.since:%Y-%m-%d %H:%M}"),
                *(f"{one.until:%H:%M %Z}", one.second),
                *(f"{one.dropped_at:%Y-%m-%d %H:%M}" if one.dropped_at else "", one.reason),
            )
            for one in found
        ),
    )
