"""Fixtures for every test: fresh databases on both engines, and the server they live in."""

import faulthandler
import os
import shutil
import threading
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from mailserver.store.migrate import Which, migrate
from tests.support import postgres
from tests.support.postgres import PostgresServer

ENGINES = ("sqlite", "postgresql")
TESTS = Path(__file__).parent
STORE = TESTS / "mailserver" / "store"
"""Here the engines differ; elsewhere PostgreSQL's turn is a long test."""
SLOW = (TESTS / "interop", TESTS / "abuse")
"""Other people's programs take their time, and so does whoever wears a server out."""

GRACE_SECONDS = 120
"""How much longer than its timeout, twice over, a test may take to be cleared away."""

# How long an example takes says more of what else the machine does than of what it tests.
settings.register_profile("shared", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared")


def pytest_configure(config: pytest.Config) -> None:
    """Prepare PostgreSQL once a run; it starts when the first test asks."""
    if not hasattr(config, "workerinput"):
        postgres.begin()


def pytest_unconfigure(config: pytest.Config) -> None:
    """End whatever this run started."""
    if not hasattr(config, "workerinput"):
        postgres.end()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave other programs, abuse, and PostgreSQL above the store to the long tests."""
    for item in items:
        of_postgresql = "postgresql" in item.name and STORE not in item.path.parents
        if of_postgresql or any(each in item.path.parents for each in SLOW):
            item.add_marker(pytest.mark.long)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """End a worker whose test hangs past its timeout, say in a teardown, and tell where it was.

    The timeout's signal comes once, and a test may be run again: both fit in what is allowed here.
    """
    marker = item.get_closest_marker("timeout")
    seconds = float(marker.args[0] if marker else item.config.getini("timeout"))
    last = threading.Timer(2 * seconds + GRACE_SECONDS, _end_with_stacks, [item])
    last.daemon = True
    last.start()
    try:
        return (yield)
    finally:
        last.cancel()


def _end_with_stacks(item: pytest.Item) -> None:
    item.config.pluginmanager.getplugin("capturemanager").suspend_global_capture()
    os.write(2, b"\nstill at it long after its timeout: %b\n" % item.nodeid.encode())
    faulthandler.dump_traceback(2, all_threads=True)
    os._exit(os.EX_SOFTWARE)


@pytest.fixture
def postgres_main() -> PostgresServer:
    """The instance for mail databases."""
    return postgres.server("main")


@pytest.fixture
def postgres_keystore() -> PostgresServer:
    """The instance for keystores; never the same as the mail's."""
    return postgres.server("keystore")


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    """Each engine in turn."""
    name: str = request.param
    return name


async def _fresh(
    engine: str, instance: str, path: Path, which: Which | None = None
) -> AsyncIterator[str]:
    """Make a database, with the schema of `which` where one is named, and drop it after."""
    if engine == "sqlite":
        if which is not None:
            shutil.copyfile(await _sqlite_template(which), path)
        yield f"sqlite:///{path}"
        return
    server = postgres.server(instance)
    template = None
    if which is not None:
        template = await server.template(f"like_{which.value}", partial(migrate, which=which))
    url = await server.create_database(template)
    yield url
    await server.drop_database(url)


async def _sqlite_template(which: Which) -> Path:
    """Return a file with the schema of `which`, made once a run: migrating takes a while."""
    path = postgres.shared_directory() / f"{which.value}.db"
    with postgres.locked(path.name):
        if not path.exists():
            unfinished = path.with_suffix(".new")
            await migrate(f"sqlite:///{unfinished}", which)
            unfinished.rename(path)
    return path


@pytest.fixture
async def database_url(engine: str, tmp_path: Path) -> AsyncIterator[str]:
    """An empty database for mail, on each engine in turn."""
    async for url in _fresh(engine, "main", tmp_path / "mail.db"):
        yield url


@pytest.fixture
async def keystore_url(engine: str, tmp_path: Path) -> AsyncIterator[str]:
    """A migrated database for a keystore, on each engine in turn."""
    async for url in _fresh(engine, "keystore", tmp_path / "keystore.db", Which.KEYSTORE):
        yield url


@pytest.fixture
async def mail_url(engine: str, tmp_path: Path) -> AsyncIterator[str]:
    """A migrated database for mail, on each engine in turn."""
    async for url in _fresh(engine, "main", tmp_path / "mail.db", Which.MAIN):
        yield url


@pytest.fixture
async def databases(engine: str, tmp_path: Path) -> AsyncIterator[dict[str, str]]:
    """What a whole server's settings say of its databases, on each engine in turn.

    On SQLite they are files where the settings have them.
    """
    if engine == "sqlite":
        yield {}
        return
    async for mail in _fresh(engine, "main", tmp_path, Which.MAIN):
        async for keystore in _fresh(engine, "keystore", tmp_path, Which.KEYSTORE):
            yield {"database__url": mail, "keystore__url": keystore}
