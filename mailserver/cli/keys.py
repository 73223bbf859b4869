"""`zegel keys`: the master key and the audit key, which are files and never in a database."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from mailserver.accounts.rotation import Resealed, Rotation, Status
from mailserver.app.house import House
from mailserver.app.serving import serving_since
from mailserver.audit.checkpoint import create_key
from mailserver.cli.account import in_house
from mailserver.cli.terminal import Progress, fail, say, settings_of, table, told
from mailserver.runtime.settings import Settings
from mailserver.vault.master import MasterKeys

group = typer.Typer(help="The keys that lie outside of every database.", no_args_is_help=True)


def add_to(program: typer.Typer) -> None:
    """Add this group's commands."""
    program.add_typer(group, name="keys")


@group.command("create")
def create(
    context: typer.Context,
    master: Annotated[Path | None, typer.Option(help="Where to; else as in the settings.")] = None,
    audit: Annotated[Path | None, typer.Option(help="Where to; else as in the settings.")] = None,
) -> None:
    """Make the master key and the audit key; files that exist are never overwritten."""
    if master is None or audit is None:
        keys = told(lambda: settings_of(context)).keys
        master, audit = master or keys.master_file, audit or keys.audit_file
    told(lambda: MasterKeys.create(master)).close()
    say(f"{master}: the master key. Keep a copy apart from every backup of the mail.")
    told(lambda: create_key(audit))
    say(f"{audit}: the key that signs the audit log.")


@group.command("status")
def status(context: typer.Context) -> None:
    """Say which keys there are and what still stands under each; never their content.

    Rows are those of the keystore. Deposit marks stand on mail that came while its reader was away.
    Domains sign their mail with signing keys. The server's own data are policies of other domains,
    reports, and what it has in the queue itself.
    """
    kids, found = in_house(context, _counted)
    named = {*found.rows, *found.deposits, *found.signing_keys, *found.own_data} - {
        0
    }  # 0: under no master key
    rows = [
        (
            f"master key {kid}",
            _use(kid, kids, found),
            f"{found.rows.get(kid, 0):,}",
            f"{found.deposits.get(kid, 0):,}",
            f"{found.signing_keys.get(kid, 0):,}",
            f"{found.own_data.get(kid, 0):,}",
        )
        for kid in sorted({*kids, *named})
    ]
    audit = ("audit key", "signs checkpoints", "", "", "", "")
    head = ("key", "use", "rows", "deposit marks", "signing keys", "own data")
    table(head, [*rows, audit])


def _use(kid: int, kids: tuple[int, ...], found: Status) -> str:
    if kid == found.current:
        return "current"
    return "for what is older" if kid in kids else "not in the key file"


@group.command("rotate")
def rotate(
    context: typer.Context,
    add_only: Annotated[
        bool, typer.Option("--add-only", help="Add the new key to the key file, and stop there.")
    ] = False,
    reseal_only: Annotated[
        bool,
        typer.Option("--reseal-only", help="Add no key; move what stands under older ones."),
    ] = False,
) -> None:
    """Make a new master key; move all keystore rows, deposit marks and keys to it.

    No user is needed and no mail is sealed anew. A running server knows only the keys it began
    with, so either stop every server first, or rotate in three steps: `zegel keys rotate
    --add-only`; start every server again; `zegel keys rotate --reseal-only`.

    An interrupted run is taken up with --reseal-only. The old key stays in the file until
    `zegel keys retire`. Keep a copy of the new file where you keep the old one.
    """
    settings = told(lambda: settings_of(context))
    if add_only and reseal_only:
        fail("--add-only and --reseal-only are two steps, with a restart in between")
    if not reseal_only:
        if not add_only and serving_since(settings) is not None:
            fail("a server is running: stop it, or use --add-only, a restart and --reseal-only")
        kid = told(lambda: _added(settings))
        say(f"Master key {kid} is in {settings.keys.master_file}; keep a copy of that file apart.")
    if add_only:
        say("Start every server again, then run `zegel keys rotate --reseal-only`.")
        return
    _refuse_unaware(settings)
    _say_resealed(*in_house(context, _reseal))


def _added(settings: Settings) -> int:
    """Put a new current key into the key file; return its number."""
    path = settings.keys.master_file
    return _rewritten(settings, lambda master: master.rotate(path))


def _rewritten(settings: Settings, change: Callable[[MasterKeys], MasterKeys]) -> int:
    """Rewrite the key file; return the current key's number."""
    master = MasterKeys.load(settings.keys.master_file, keep_out_of=[settings.data_dir])
    changed = change(master)
    current = changed.current
    for keys in (master, changed):
        keys.close()
    return current


def _refuse_unaware(settings: Settings) -> None:
    """Let no row come under a key that the server on this machine has not read.

    It would take that row for a forgery, and report a breach.
    """
    since, file = serving_since(settings), settings.keys.master_file
    if since is not None and file.exists() and since <= file.stat().st_mtime:
        fail("the running server has not read the newest key: start it again first")


async def _counted(house: House) -> tuple[tuple[int, ...], Status]:
    return house.master.kids, await _rotation(house).status()


async def _reseal(house: House) -> tuple[Resealed, Status]:
    progress = Progress("rows, deposit marks, signing keys and data of our own moved")
    rotation = _rotation(house)
    done = await rotation.reseal(progress)
    progress.end()
    return done, await rotation.status()


def _say_resealed(done: Resealed, found: Status) -> None:
    if done.refused:
        fail(f"{done.refused:,} of them are not authentic and were left: see the audit log")
    if found.left():
        fail(f"{found.left():,} were written meanwhile: run `zegel keys rotate --reseal-only`")
    say(f"Everything stands under master key {found.current}; `zegel keys retire` drops the older.")


@group.command("retire")
def retire(
    context: typer.Context,
    kid: Annotated[int, typer.Argument(metavar="KID", help="Its number, as `status` shows it.")],
) -> None:
    """Drop an old master key from the key file, for good; refused while anything needs it.

    Start every server again after `zegel keys rotate` and before this: one that does not know the
    newest key goes on sealing under the old. A keystore restored from an older backup needs the key
    too: keep a copy until the last such backup is gone. Bounces of mail that was sent on before the
    rotation find their way for as long as the old key is there: three weeks are enough.
    """
    settings = told(lambda: settings_of(context))
    _refuse_unaware(settings)
    kids, found = in_house(context, _counted)
    if kid not in kids:
        fail(f"there is no master key {kid}")
    rows, marks = found.rows.get(kid, 0), found.deposits.get(kid, 0)
    signing, own = found.signing_keys.get(kid, 0), found.own_data.get(kid, 0)
    if kid == found.current:
        fail(f"master key {kid} is the current one: `zegel keys rotate` makes another")
    if found.needing(kid):
        needed = f"{rows:,} rows, {marks:,} deposit marks, {signing:,} signing keys, {own:,} others"
        fail(f"{needed} still need master key {kid}")
    path = settings.keys.master_file
    told(lambda: _rewritten(settings, lambda master: master.retire(path, kid)))
    say(f"Master key {kid} is no longer in {path}.")


def _rotation(house: House) -> Rotation:
    return Rotation(house.keyring, house.store, house.chain)
