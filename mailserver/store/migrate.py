"""Brings a database's schema to this program's, and refuses to serve on another.

The revisions lie in the top-level package `migrations`; Alembic runs them inside one write of the
database, hence in one transaction on both engines: a schema is old or new, whatever happens on
the way.
"""

from collections.abc import Callable
from enum import Enum
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection

import migrations
from mailserver.model.errors import Misconfigured
from mailserver.store.database import Database
from mailserver.store.driver import Sql, run
from mailserver.store.engine import open_database

Tell = Callable[[str], None]

UNFINISHED = "unfinished restore"
"""Stands where the revision does while a restore goes on: no server opens such a database."""


def _nobody(_step: str) -> None:
    """Leave a step untold."""


class Which(Enum):
    """Whose schema; the value is the directory of its revisions."""

    MAIN = "main"
    KEYSTORE = "keystore"


def _config(which: Which) -> Config:
    """Point Alembic at one of the two sets of revisions."""
    root = Path(migrations.__file__).parent
    config = Config()
    config.set_main_option("script_location", _literal(root))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", _literal(root / which.value / "versions"))
    return config


def _literal(path: Path) -> str:
    """Write a path so that the configuration parser leaves it alone."""
    return str(path).replace("%", "%%")


def head(which: Which) -> str | None:
    """Name the newest revision this program knows; None where there is none."""
    return ScriptDirectory.from_config(_config(which)).get_current_head()


def current(connection: Connection) -> str | None:
    """Name the revision that the database is at; None where it is empty."""
    return MigrationContext.configure(connection).get_current_revision()


def _move(connection: Connection, which: Which, target: str, tell: Tell) -> None:
    """Upgrade, or downgrade where `target` lies behind, within the connection's transaction."""
    config = _config(which)
    config.attributes["connection"] = connection
    scripts = ScriptDirectory.from_config(config)
    here = current(connection)
    told = _nobody if here is None else tell
    config.attributes["applied"] = lambda name: told(f"{name}: {scripts.get_revision(name).doc}")
    try:
        if target == "base" or _is_behind(scripts, target, here):
            command.downgrade(config, target)
        else:
            command.upgrade(config, target)
    except CommandError as unknown:
        raise Misconfigured(
            "the database was made by a newer version of this program; nothing was changed"
        ) from unknown


def _is_behind(scripts: ScriptDirectory, target: str, here: str | None) -> bool:
    """Say whether `target` is an ancestor of the revision `here`."""
    if here is None or target in {"head", here}:
        return False
    return any(script.revision == target for script in scripts.iterate_revisions(here, "base"))


async def migrate(url: str, which: Which, *, to: str = "head", tell: Tell = _nobody) -> None:
    """Bring the schema of the database at `url` to revision `to` ("head", "base" or a name).

    Args:
        url: of the database.
        which: its schema.
        to: the revision.
        tell: told what each step did, from another thread; of a database that is made, nothing.

    Raises:
        Misconfigured: the database is of a newer program, or `url` is wrong.
    """
    database = await open_database(url)
    try:
        await migrate_open(database, which, to=to, tell=tell)
    finally:
        await database.close()


async def migrate_open(
    database: Database, which: Which, *, to: str = "head", tell: Tell = _nobody
) -> None:
    """Do what `migrate` does on a database that is open already."""
    await database.write(lambda connection: _move(connection, which, to, tell))


def _call(connection: Connection, revision: str) -> None:
    run(connection, Sql("UPDATE alembic_version SET version_num = ?"), (revision,))


async def begin_restore(database: Database, which: Which, revision: str) -> None:
    """Make the tables of `revision` in an empty database, which no server opens until the end.

    Raises:
        Misconfigured: the database is not empty, or the revision is a newer program's.
    """
    if await database.read(current) is not None:
        raise Misconfigured("there is something already: a restore goes to an empty place alone")
    if not is_known(which, revision):
        raise Misconfigured("this backup was made by a newer version of this program: install that")
    await migrate_open(database, which, to=revision)
    await database.write(lambda connection: _call(connection, UNFINISHED))


async def settle_schema(database: Database, which: Which, revision: str) -> None:
    """Bring what was restored at `revision` to this program's schema; still no server opens it."""

    def settle(connection: Connection) -> None:
        _call(connection, revision)
        _move(connection, which, "head", _nobody)
        _call(connection, UNFINISHED)

    await database.write(settle)


async def end_restore(database: Database, which: Which) -> None:
    """Let servers open what was restored."""
    await database.write(lambda connection: _call(connection, head(which) or ""))


def is_known(which: Which, revision: str) -> bool:
    """Say whether `revision` is one that this program can bring up to date."""
    scripts = ScriptDirectory.from_config(_config(which))
    return any(script.revision == revision for script in scripts.walk_revisions())


async def require_current(database: Database, which: Which) -> None:
    """Check that the schema is this program's.

    Raises:
        Misconfigured: it is older, newer or not there; the text says what to do.
    """
    here = await database.read(current)
    wanted = head(which)
    if here == wanted:
        return
    name = "mail database" if which is Which.MAIN else "keystore"
    if here is None:
        raise Misconfigured(f"the {name} is empty: run `zegel migrate` first")
    if here == UNFINISHED:
        raise Misconfigured(f"the {name} was not restored to the end: empty it and restore again")
    if is_known(which, here):
        raise Misconfigured(
            f"the schema of the {name} is older than this program: run `zegel migrate`"
        )
    raise Misconfigured(
        f"the schema of the {name} is newer than this program: install that version"
    )
