"""`zegel audit verify`: whether the audit log is what was written."""

from typing import Annotated

import typer

from mailserver.app.house import House
from mailserver.audit.checkpoint import load_key
from mailserver.audit.verify import Verified, verify
from mailserver.cli.account import in_house
from mailserver.cli.terminal import say

group = typer.Typer(help="Who did what, in a chain that shows changes.", no_args_is_help=True)


def add_to(program: typer.Typer) -> None:
    """Add this group's commands."""
    program.add_typer(group, name="audit")


@group.command("verify")
def verify_log(context: typer.Context) -> None:
    """Read the whole audit log; fails where an entry was edited, deleted, moved or cut off."""

    async def verified(house: House) -> Verified:
        public = load_key(house.settings.keys.audit_file).public
        return await verify(house.store.audit, house.keystore, house.master, public)

    found = in_house(context, verified)
    entries = found.last - found.first + 1
    say(f"{entries:,} entries and {found.checkpoints:,} checkpoints are consistent.")


@group.command("list")
def list_entries(
    context: typer.Context,
    count: Annotated[int, typer.Option(min=1, help="How many, the newest.")] = 20,
) -> None:
    """List the newest entries: when, what, who; personal fields stay sealed."""

    async def newest(house: House) -> list[str]:
        last = await house.store.audit.last()
        after = max(0, last.number - count) if last else 0
        rows = await house.store.audit.rows(after, count)
        return [f"{row.number:>8}  {row.at:%Y-%m-%d %H:%M:%S}  {row.event}" for row in rows]

    for line in in_house(context, newest):
        say(line)
