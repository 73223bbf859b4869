"""`zegel backup`: copies sealed to an offline key, made while the server serves, and back again."""

from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from mailserver.app.drill import Drilled, drill
from mailserver.app.house import House
from mailserver.audit.checkpoint import load_key
from mailserver.audit.entry import OPERATOR, Event, Facts
from mailserver.cli.account import in_house
from mailserver.cli.progress_bar import Octets
from mailserver.cli.terminal import fail, run, say, settings_of, table, told
from mailserver.crypto.suite import self_test
from mailserver.model.errors import Misconfigured
from mailserver.model.ids import AccountId
from mailserver.operations.backup import keys
from mailserver.operations.backup.create import Source, create
from mailserver.operations.backup.restore import Place, Restored, restore
from mailserver.operations.backup.sets import Kind, Manifest, listing, read_manifest
from mailserver.operations.backup.verify import verify
from mailserver.operations.first_run import make_directories
from mailserver.runtime.clock import SystemClock
from mailserver.runtime.settings import Settings
from mailserver.vault.master import MasterKeys

group = typer.Typer(
    help="Copies of mail and keystore, sealed to an offline key.", no_args_is_help=True
)

TARGETS = 2  # in separate places, or one fire takes the mail and its copy
ID_OCTETS = 16
DAY = timedelta(days=1)
SetPath = Annotated[Path, typer.Argument(metavar="SET", help="A set's directory.")]
KeyPath = Annotated[Path, typer.Option("--key", help="The private half of the offline key.")]


def add_to(program: typer.Typer) -> None:
    """Add this group's commands."""
    program.add_typer(group, name="backup")


@group.command("key")
def make_key(
    context: typer.Context,
    private: Annotated[Path, typer.Argument(help="Where to; best on a medium that you take away.")],
) -> None:
    """Make the key that backups are sealed to; its private half goes to PRIVATE and nowhere else.

    The public half goes to `backup.public_key_file` of the settings.
    """
    settings = told(lambda: settings_of(context))
    public = settings.backup.public_key_file
    if public is None:
        fail("backup.public_key_file: say in the settings where the public half shall be")
    if private.resolve().is_relative_to(settings.data_dir.resolve()):
        fail("the private half must lie outside of the data directory")
    suite = told(lambda: self_test(settings.crypto.allow_classical))
    told(lambda: keys.create(private, public, suite))
    say(f"{private}: the private half. Take it away from this machine, and keep two copies.")
    say(f"{public}: the public half, which seals and opens nothing.")
    say(f"No backup holds the master key: copy {settings.keys.master_file} once, and again after")
    say(f"each rotation, to where the private half lies; and {settings.keys.audit_file} with it.")


@group.command("create")
def make(
    context: typer.Context,
    only: Annotated[Kind | None, typer.Option(help="One of the two; else both.")] = None,
) -> None:
    """Copy mail and keystore to their targets, while the server serves; older sets end.

    The keystore goes first: an account that is made between the two has keys in the next set.
    """
    for kind in (Kind.KEYSTORE, Kind.MAIL):
        if only in (None, kind):
            settings = told(lambda: settings_of(context))
            targets, _ = _targets(settings, kind)
            if len(targets) < TARGETS:
                said = f"{kind.value}: {len(targets)} target; two in separate places are safer"
                typer.echo(said, err=True)
            with Octets(f"{kind.value} copied") as bar:
                made = in_house(context, partial(_made, kind=kind, progress=bar))
            held = f"{made.rows:,} rows, {made.objects:,} objects, {made.octets / 1e6:,.1f} MB"
            say(f"{kind.value}/{made.name}: {held}.")


async def _made(house: House, kind: Kind, progress: Octets) -> Manifest:
    settings = house.settings
    file = settings.backup.public_key_file
    if file is None:
        raise Misconfigured("backup.public_key_file: there is none; `zegel backup key` makes it")
    targets, keep = _targets(settings, kind)
    source = Source(
        *(house.store, house.keystore, house.master),
        load_key(settings.keys.audit_file),
        house.clock,
    )
    begun: Facts = {"begun": kind.value}
    await house.chain.record(Event.BACKUP_RUN, actor=OPERATOR, facts=begun)
    made = await create(source, kind, targets, keys.load_public(file), keep, progress)
    facts: Facts = {"made": f"{kind.value}/{made.name}", "octets": made.octets}
    await house.chain.record(Event.BACKUP_RUN, actor=OPERATOR, facts=facts)
    return made


def _targets(settings: Settings, kind: Kind) -> tuple[tuple[Path, ...], timedelta]:
    backup = settings.backup
    if kind is Kind.MAIL:
        return backup.targets, backup.keep_days * DAY
    return backup.keystore_targets, backup.keystore_keep_days * DAY


@group.command("list")
def list_sets(context: typer.Context) -> None:
    """List the sets in every target, oldest first; nothing but their manifests is read."""
    settings = told(lambda: settings_of(context))
    public = told(lambda: load_key(settings.keys.audit_file)).public
    lines = []
    for kind in Kind:
        for target in _targets(settings, kind)[0]:
            for path in listing(target, kind):
                one = told(partial(read_manifest, path, public))
                size = f"{one.octets / 1e6:,.1f} MB"
                lines.append((str(path), f"{one.rows:,}", f"{one.objects:,}", size))
    table(("set", "rows", "objects", "size"), lines)


@group.command("verify")
def verify_set(context: typer.Context, path: SetPath) -> None:
    """Prove that a set is what was written; fails naming the part that is not. Needs no key."""
    settings = told(lambda: settings_of(context))
    public = told(lambda: load_key(settings.keys.audit_file)).public
    with Octets("verified") as bar:
        found = told(lambda: verify(path, public, bar))
    say(f"{found.kind.value}/{found.name}: {len(found.parts)} parts, all as they were written.")


@group.command("restore")
def restore_set(
    context: typer.Context,
    path: SetPath,
    key: KeyPath,
    erased: Annotated[
        Path | None,
        typer.Option(
            help="Ids of accounts that were erased since, one a line, as certificates say."
        ),
    ] = None,
) -> None:
    """Fill the empty place that the settings name from a set; the keystore first, if both are lost.

    What was erased since stays so: mail of accounts that the keystore does not know is removed, and
    a restored keystore ends the accounts that the audit log, or the file of --erased, names. All
    sign-ins end with it. No server opens a database whose restore did not come to its end.
    """
    settings = told(lambda: settings_of(context))
    told(lambda: make_directories(settings))
    pair = told(lambda: keys.load_private(key))
    master = told(
        lambda: MasterKeys.load(settings.keys.master_file, keep_out_of=[settings.data_dir])
    )
    place = Place(
        *(settings.database_url, settings.blob_dir, settings.keystore_url, master),
        *(told(lambda: load_key(settings.keys.audit_file)), SystemClock()),
        allow_classical=settings.crypto.allow_classical,
    )
    ids = _ids(erased)
    try:
        with Octets("read") as bar:
            done = run(lambda: restore(path, pair, place, bar, erased=ids))
    finally:
        master.close()
    _say_restored(done)


def _say_restored(done: Restored) -> None:
    say(f"{done.manifest.rows:,} rows and {done.manifest.objects:,} objects are back.")
    say(f"{done.erased:,} accounts that were erased since stay erased.")
    if done.manifest.kind is Kind.KEYSTORE:
        say(f"{done.sign_ins:,} sessions, links and app passwords ended; people make new ones.")
    if done.broken:
        say(f"The audit log that came back is broken: {done.broken}.")
    say("Now `zegel check`.")


def _ids(path: Path | None) -> list[AccountId]:
    if path is None:
        return []
    try:
        lines = path.read_text("ascii").split()
        ids = [bytes.fromhex(line) for line in lines]
    except (OSError, ValueError):
        fail(f"{path} is no list of account ids")
    if any(len(one) != ID_OCTETS for one in ids):
        fail(f"{path} is no list of account ids")
    return [AccountId(one) for one in ids]


@group.command("drill")
def practise(
    context: typer.Context,
    key: KeyPath,
    scratch: Annotated[
        Path, typer.Option(help="A directory with room for all of it; it is emptied at the end.")
    ],
) -> None:
    """Restore the newest sets to a scratch place, prove what came back, and throw it away.

    Audit chain, checksums, counts and keys are proved as `zegel check` does, the erasures since are
    gone through, and the audit log says how it went. Fails with the first thing that does not hold.
    """
    with Octets("restored") as bar:
        done: Drilled = in_house(context, lambda house: drill(house, key, scratch, bar))
    say(
        f"Restored and proved in {done.seconds:,.1f} s: {done.rows:,} rows, {done.objects:,}"
        f" objects, {done.accounts:,} accounts, {done.entries:,} audit entries."
    )
