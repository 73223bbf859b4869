"""`zegel retention`: for how long what is kept, what would end now, and what must be kept."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from mailserver.app.house import House
from mailserver.audit.entry import OPERATOR
from mailserver.cli.account import in_house
from mailserver.cli.terminal import fail, say, table, told
from mailserver.model.address import Address
from mailserver.model.errors import Absent, Condition
from mailserver.model.ids import AccountId
from mailserver.privacy.holds import EVERYTHING, Hold
from mailserver.privacy.retention import End, Outcome

group = typer.Typer(help="What ends when, and what must be kept.", no_args_is_help=True)

DAY = timedelta(days=1)


def add_to(program: typer.Typer) -> None:
    """Add this group's commands."""
    program.add_typer(group, name="retention")


@group.command("show")
def show(context: typer.Context) -> None:
    """Show the table: each category, its period, its bound, and when it was looked through."""

    async def shown(house: House) -> list[tuple[str, ...]]:
        state = await house.books.retention.state()
        return [
            (
                one.name,
                _period(one.period, one.by),
                _period(one.bound, one.by),
                one.by.value,
                _done(state.get(one.name)),
                one.what,
            )
            for one in house.books.retention.categories
        ]

    table(("category", "kept", "at most", "ends", "last", "what"), in_house(context, shown))


@group.command("run")
def run(
    context: typer.Context,
    dry: Annotated[bool, typer.Option("--dry-run", help="Count only; nothing ends.")] = False,
) -> None:
    """Go through every category now, as the server does once a day."""

    async def gone_through(house: House) -> list[Outcome]:
        return await house.books.retention.run(dry=dry, actor=OPERATOR)

    outcomes = in_house(context, gone_through)
    table(("category", "would end" if dry else "ended"), map(_line, outcomes))
    failed = [outcome.category.name for outcome in outcomes if outcome.failed]
    if failed:
        fail(f"failed, and will be tried again: {', '.join(failed)}")


@group.command("hold")
def hold(
    context: typer.Context,
    reason: Annotated[str, typer.Argument(help="Which law, claim or order.")],
    category: Annotated[str, typer.Option(help="What must be kept; else everything.")] = EVERYTHING,
    account: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Whose; else all.")] = None,
    days: Annotated[int | None, typer.Option(min=1, help="For so long; else until lifted.")] = None,
) -> None:
    """Record a legal hold: what it covers does not end by its age."""
    address = None if account is None else told(lambda: Address.parse(account))

    async def held(house: House) -> int:
        names = {EVERYTHING, *(one.name for one in house.books.retention.categories)}
        if category not in names:
            raise Absent(Condition.NO_SUCH_MESSAGE, f"{category} is no category of the table")
        now = house.clock.now()
        return await house.books.holds.add(
            reason,
            now,
            category=category,
            account_id=None if address is None else await _account(house, address),
            until=None if days is None else now + days * DAY,
        )

    say(f"Hold {in_house(context, held)} stands.")


@group.command("holds")
def holds(context: typer.Context) -> None:
    """List legal holds, those that ended as well."""

    async def listed(house: House) -> list[Hold]:
        return await house.books.holds.listing()

    now = datetime.now(UTC)
    lines = [
        (
            str(one.number),
            "stands" if one.stands(now) else "over",
            one.category or "everything",
            one.account_id.hex()[:8] if one.account_id else "everybody",
            f"{one.since:%Y-%m-%d}",
            f"{one.until:%Y-%m-%d}" if one.until else "",
            one.reason,
        )
        for one in in_house(context, listed)
    ]
    table(("hold", "", "category", "account", "since", "until", "reason"), lines)


@group.command("lift")
def lift(context: typer.Context, number: Annotated[int, typer.Argument(metavar="HOLD")]) -> None:
    """End a legal hold."""
    in_house(context, lambda house: house.books.holds.lift(number, house.clock.now()))
    say(f"Hold {number} is lifted; what it covered ends by its age again.")


async def _account(house: House, address: Address) -> AccountId:
    account_id = await house.store.accounts.by_address(address.key)
    if account_id is None:
        raise Absent(Condition.NO_SUCH_USER, "there is no such user here")
    return account_id


def _line(outcome: Outcome) -> tuple[str, str]:
    if outcome.failed:
        said = "failed"
    elif outcome.held:
        said = "held"
    else:
        said = "not counted" if outcome.found is None else f"{outcome.found:,}"
    return outcome.category.name, said


def _period(period: timedelta, by: End) -> str:
    if not period:
        return "" if by is End.ELSEWHERE else "until then"
    return f"{period // DAY} d" if period >= DAY else f"{period // timedelta(hours=1)} h"


def _done(state: dict[str, str] | None) -> str:
    if not state:
        return "never"
    if "failing" in state:
        return f"fails since {state['failing'][:16]}"
    return state["done"][:16]
