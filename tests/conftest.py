"""Fixtures for every test: fresh databases on both engines, and the server they live in."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support import postgres
from tests.support.postgres import PostgresServer

ENGINES = ("sqlite", "postgresql")


def pytest_configure(config: pytest.Config) -> None:
    """Prepare PostgreSQL once a run; it starts when the first test asks."""
    if not hasattr(config, "workerinput"):
        postgres.begin()


def pytest_unconfigure(config: pytest.Config) -> None:
    """End whatever this run started."""
    if not hasattr(config, "workerinput"):
        postgres.end()


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


async def _fresh(engine: str, instance: str, path: Path) -> AsyncIterator[str]:
    if engine == "sqlite":
        yield f"sqlite:///{path}"
        return
    server = postgres.server(instance)
    url = await server.create_database()
    yield url
    await server.drop_database(url)


@pytest.fixture
async def database_url(engine: str, tmp_path: Path) -> AsyncIterator[str]:
    """An empty database for mail, on each engine in turn."""
    async for url in _fresh(engine, "main", tmp_path / "mail.db"):
        yield url


@pytest.fixture
async def keystore_url(engine: str, tmp_path: Path) -> AsyncIterator[str]:
    """An empty database for a keystore, on each engine in turn."""
    async for url in _fresh(engine, "keystore", tmp_path / "keystore.db"):
        yield url
