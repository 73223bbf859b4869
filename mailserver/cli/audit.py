"""`zegel audit`: whether the audit log is what was written."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from mailserver.app.house import House
from mailserver.audit.checkpoint import load_key, written
from mailserver.audit.copies import known
from mailserver.audit.verify import ChainBroken, Tampering, Verified, verify
from mailserver.cli.account import in_house
from mailserver.cli.terminal import Progress, fail, say, settings_of, told
from mailserver.model.errors import MailError
from mailserver.store.audit import CheckpointRow

group = typer.Typer(help="Who did what, in a chain that shows changes.", no_args_is_help=True)


def add_to(program: typer.Typer) -> None:
    """Add this group's commands."""
    program.add_typer(group, name="audit")


@group.command("verify")
def verify_log(
    context: typer.Context,
    head: Annotated[
        Path | None,
        typer.Option(
            help="A checkpoint kept elsewhere: what `zegel audit head` printed, or a copy, or the"
            " whole directory of copies."
        ),
    ] = None,
) -> None:
    """Read the whole audit log; fails where an entry was edited, deleted, moved or cut off."""
    kept = () if head is None else _kept(head)

    async def verified(house: House) -> Verified:
        public = load_key(house.settings.keys.audit_file).public
        parts = house.store.audit, house.keystore, house.master, public
        try:
            found = await verify(*parts, known=kept, progress=progress)
        except ChainBroken as broken:
            if not (kept and broken.tampering is Tampering.CHECKPOINT):  # else the file is at fault
                with suppress(MailError):  # too broken to write the suspicion down
                    await house.books.suspicions.audit_broken(broken.tampering.value, broken.number)
            raise
        progress.end()
        return found

    progress = Progress("entries read")
    found = in_house(context, verified)
    entries = found.last - found.first + 1
    proof = (
        f"complete up to entry {found.proved:,}" if found.complete else "completeness not proved"
    )
    say(f"{entries:,} entries and {found.checkpoints:,} checkpoints: consistent, {proof}.")


def _kept(path: Path) -> Sequence[CheckpointRow]:
    try:
        return known(path)
    except MailError as error:
        fail(error.text)
    except (OSError, UnicodeDecodeError):
        fail(f"{path} cannot be read")


@group.command("head")
def show_head(context: typer.Context) -> None:
    """Print the newest signed checkpoint, one line to keep on another machine."""

    async def newest(house: House) -> CheckpointRow | None:
        return await house.store.audit.last_checkpoint()

    found = in_house(context, newest)
    if found is None:
        fail("there is no checkpoint yet; the first comes within an hour of serving")
    say(written(found))


@group.command("key")
def show_key(context: typer.Context) -> None:
    """Print the public key that signs checkpoints and certificates: verifying needs no server."""
    settings = told(lambda: settings_of(context))
    say(told(lambda: load_key(settings.keys.audit_file)).public.hex())


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
