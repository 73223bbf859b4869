"""`zegel queue`: mail that waits to be sent, by domain and state; never to whom it is written.

Every command works through the store, beside a running server, which hears of it within seconds.
"""

from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Annotated, Any

import typer

from mailserver.app.house import House
from mailserver.cli.account import in_house
from mailserver.cli.terminal import fail, say, table
from mailserver.mail.queue_desk import Destination, Entry
from mailserver.model.ids import QueueId

group = typer.Typer(help="Mail that waits to be sent.", no_args_is_help=True)

ID_OCTETS = 16
Ids = Annotated[list[str], typer.Argument(metavar="ID…", help="As `list` shows them.")]
Domain = Annotated[str, typer.Argument(metavar="DOMAIN", help="Where mail goes to.")]


def add_to(program: typer.Typer) -> None:
    """Add this group's commands."""
    program.add_typer(group, name="queue")


@group.command("list")
def list_queue(
    context: typer.Context,
    domain: Annotated[str | None, typer.Option(help="Only what goes there.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many lines at most.")] = 1_000,
) -> None:
    """List what waits, the oldest first: domain, state and the last reply's code."""

    async def gathered(house: House) -> list[Entry]:
        entries: list[Entry] = []
        async for entry in house.queue_desk.listing(domain=domain):
            if len(entries) >= limit:
                break
            entries.append(entry)
        return entries

    entries = in_house(context, gathered)
    table(
        ("id", "domain", "state", "next", "tried", "octets", "since", "last reply"),
        [
            (
                entry.queue_id.hex(),
                entry.domain or "?",
                entry.state.name.lower(),
                _instant(entry.next_at),
                str(entry.attempts),
                f"{entry.size_octets:,}",
                _instant(entry.queued_at),
                f"{entry.code or ''} {entry.status}".strip() or "-",
            )
            for entry in entries
        ],
    )


@group.command("destinations")
def list_destinations(context: typer.Context) -> None:
    """List the domains that mail waits for, and those that are paused."""

    async def gathered(house: House) -> list[Destination]:
        return [each async for each in house.queue_desk.destinations()]

    found = sorted(in_house(context, gathered), key=lambda each: each.domain)
    table(
        ("domain", "state", "being sent", "next"),
        [
            (
                each.domain,
                "paused" if each.paused else "resting" if each.rest_until else "served",
                str(each.leased),
                _instant(each.earliest) if each.earliest else "-",
            )
            for each in found
        ],
    )


@group.command("explain")
def explain(
    context: typer.Context,
    identifier: Annotated[str, typer.Argument(metavar="ID", help="As `list` shows it.")],
) -> None:
    """Say why a message still waits. Local parts of addresses are left out."""
    queue_id = _id(identifier)
    entry, destination = in_house(context, lambda house: house.queue_desk.explain(queue_id))
    owner = entry.account_id.hex() if entry.account_id else "this server (a report)"
    say(f"To {entry.domain or 'a recipient that does not open'}, {entry.size_octets:,} octets.")
    say(f"From account {owner}, queued {_instant(entry.queued_at)}.")
    say(f"Tried {entry.attempts} times; given up after {_instant(entry.expires_at)}.")
    say(f"{entry.state.name.capitalize()}; next {_instant(entry.next_at)}.")
    if entry.code or entry.text:
        said = " ".join(filter(None, (str(entry.code or ""), entry.status, entry.text)))
        say(f"Last reply, {entry.host or 'our own'}: {said}")
    if entry.warned:
        say("Its sender was told of the delay.")
    if destination is not None and destination.paused:
        say(f"{destination.domain} is paused: `zegel queue resume {destination.domain}`.")
    if destination is not None and destination.rest_until is not None:
        say(f"{destination.domain} is given a rest until {_instant(destination.rest_until)}.")


@group.command("retry")
def retry(context: typer.Context, ids: Ids) -> None:
    """Try waiting messages now."""
    _steer(context, ids, lambda house, found: house.queue_desk.retry(found), "tried again now")


@group.command("hold")
def hold(context: typer.Context, ids: Ids) -> None:
    """Stop messages until they are released."""
    _steer(context, ids, lambda house, found: house.queue_desk.hold(found), "held")


@group.command("release")
def release(context: typer.Context, ids: Ids) -> None:
    """Let held messages go on."""
    _steer(context, ids, lambda house, found: house.queue_desk.release(found), "released")


@group.command("cancel")
def cancel(
    context: typer.Context,
    ids: Ids,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Drop messages for good; their senders are not told."""
    if not yes:
        typer.confirm(f"Drop {len(ids)} messages unsent, for good?", abort=True)
    _steer(context, ids, lambda house, found: house.queue_desk.cancel(found), "dropped")


@group.command("pause")
def pause(context: typer.Context, domain: Domain) -> None:
    """Send nothing to a domain until it is resumed; mail for it is still taken."""
    in_house(context, lambda house: house.queue_desk.pause(domain))
    say(f"Mail for {domain} waits until `zegel queue resume {domain}`.")


@group.command("resume")
def resume(context: typer.Context, domain: Domain) -> None:
    """Send to a domain again."""
    in_house(context, lambda house: house.queue_desk.resume(domain))
    say(f"Mail for {domain} is sent again.")


def _steer(
    context: typer.Context,
    ids: list[str],
    act: Callable[[House, list[QueueId]], Coroutine[Any, Any, int]],
    done: str,
) -> None:
    found = [_id(each) for each in ids]
    count = in_house(context, lambda house: act(house, found))
    say(f"{count} of {len(found)} {done}.")
    if count < len(found):
        fail("the others are being sent, or are not in a state for it: see `zegel queue list`")


def _id(text: str) -> QueueId:
    try:
        octets = bytes.fromhex(text)
    except ValueError:
        octets = b""
    if len(octets) != ID_OCTETS:
        fail(f"{text} is not an id: see `zegel queue list`")
    return QueueId(octets)


def _instant(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}"
