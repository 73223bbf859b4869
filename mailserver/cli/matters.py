"""`zegel privacy risk`, `training`, `measure`: who looks after what, and by when again."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import date, datetime
from typing import Annotated

import typer

from mailserver.app.house import House
from mailserver.cli.account import in_house
from mailserver.cli.terminal import say, table
from mailserver.privacy.matters import KINDS, Level, Matter, Matters, Subject

Number = Annotated[int, typer.Argument(metavar="NUMBER", help="As the list shows it.")]
Title = Annotated[str, typer.Argument(metavar="WHAT", help="What it is, in a few words.")]
Owner = Annotated[str, typer.Option(metavar="NAME", help="Who looks after it.")]
Due = Annotated[
    datetime | None,
    typer.Option(metavar="DAY", formats=["%Y-%m-%d"], help="By when it is looked at; else months."),
]


def _group(subject: Subject, words: str) -> typer.Typer:
    """Make the commands that all of these registers have."""
    group = typer.Typer(help=words, invoke_without_command=True)

    @group.callback()
    def listing(
        context: typer.Context,
        everything: Annotated[bool, typer.Option("--all", help="Those that ended, too.")] = False,
    ) -> None:
        """List what is looked after."""
        if context.invoked_subcommand is None:
            _list(context, subject, everything)

    listing.__doc__ = words

    @group.command("review")
    def review(
        context: typer.Context,
        number: Number,
        found: Annotated[str, typer.Argument(help="What was found.")],
        due: Due = None,
    ) -> None:
        """Say that somebody looked at it, and what was found."""
        day = _day(due)
        _done(context, subject, lambda matters: matters.review(number, found, due=day))

    @group.command("close")
    def close(
        context: typer.Context,
        number: Number,
        reason: Annotated[str, typer.Argument(metavar="REASON")],
    ) -> None:
        """Say why it is over."""
        _done(context, subject, lambda matters: matters.close(number, reason))

    return group


risks = _group(Subject.RISK, "Risks to people, and what is done about them.")
training = _group(Subject.TRAINING, "What those who work here were taught.")
measures = _group(Subject.MEASURE, "Measures, who looks after them, and when next.")


@risks.command("add")
def add_risk(
    context: typer.Context,
    title: Title,
    owner: Owner,
    likelihood: Annotated[Level, typer.Option(help="How likely it is.")],
    impact: Annotated[Level, typer.Option(help="How much it would hurt people.")],
    treatment: Annotated[str, typer.Option(help="What is done about it.")],
    due: Due = None,
) -> None:
    """Write a risk down."""
    said = {"likelihood": likelihood.value, "impact": impact.value, "treatment": treatment}
    _add(context, Subject.RISK, title, owner, said, due)


@training.command("add")
def add_training(
    context: typer.Context,
    title: Title,
    owner: Owner,
    people: Annotated[str, typer.Option(help="Who was taught.")],
    held: Annotated[datetime, typer.Option(metavar="DAY", formats=["%Y-%m-%d"], help="When.")],
    due: Due = None,
) -> None:
    """Write down what was taught."""
    said = {"people": people, "held": held.date().isoformat()}
    _add(context, Subject.TRAINING, title, owner, said, due)


@measures.command("add")
def add_measure(
    context: typer.Context,
    title: Title,
    owner: Owner,
    evidence: Annotated[str, typer.Option(help="How one sees that it works.")],
    due: Due = None,
) -> None:
    """Write a measure down."""
    _add(context, Subject.MEASURE, title, owner, {"evidence": evidence}, due)


def _add(
    context: typer.Context,
    subject: Subject,
    title: str,
    owner: str,
    said: Mapping[str, str],
    due: datetime | None,
) -> None:
    day = _day(due)
    _done(context, subject, lambda matters: matters.add(title, owner, said, due=day))


def _done(
    context: typer.Context, subject: Subject, work: Callable[[Matters], Awaitable[Matter]]
) -> None:
    async def done(house: House) -> Matter:
        return await work(house.books.papers.matters(subject))

    one = in_house(context, done)
    ends = f"is looked at by {one.due}" if one.over_at is None else "is closed"
    say(f"{subject.value.capitalize()} {one.number} {ends}.")


def _list(context: typer.Context, subject: Subject, everything: bool) -> None:
    async def listed(house: House) -> list[tuple[str, ...]]:
        now, profile = house.clock.now(), house.books.profile
        return [
            (
                str(one.number),
                one.title,
                one.owner,
                "closed" if one.over_at else f"{one.due}",
                "TOO LATE" if one.is_red(profile, now) else "",
                *one.said.values(),
            )
            for one in await house.books.papers.matters(subject).listing()
            if everything or one.over_at is None
        ]

    head = (subject.value, "what", "owner", "by", "", *KINDS[subject].asked)
    table(head, in_house(context, listed))


def _day(at: datetime | None) -> date | None:
    return None if at is None else at.date()
