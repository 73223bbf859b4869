"""A running server for other people's clients, and accounts on it that were never used.

A server starts once a worker and an engine. An account goes back to its server when the test is
over: emptied, for making one costs a slow hash, and that is what Argon2 is for.
"""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from imapclient import IMAPClient

from tests.support.mail_clients import Shelf, User, fill
from tests.support.server import Server, databases, serving

USERS = 6


@pytest.fixture(
    scope="session", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.long)]
)
def running(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A server on each engine in turn; at its end it must have logged no incident."""
    directory = tmp_path_factory.mktemp(f"server-{request.param}")
    with asyncio.Runner() as runner:
        made = databases(request.param)
        options = runner.run(made.__aenter__())
        with serving(directory, *options, users=USERS) as server:
            yield server
        runner.run(made.__aexit__(None, None, None))
    assert '"level":"error"' not in server.words()


@pytest.fixture(scope="session")
def accounts(running: Server) -> list[User]:
    """Accounts of the server that nobody uses."""
    return [User(running, *running.user(number)) for number in range(USERS)]


def _lend(accounts: list[User]) -> Iterator[User]:
    user = accounts.pop(0)
    yield user
    user.wipe()
    accounts.append(user)


@pytest.fixture
def user(accounts: list[User]) -> Iterator[User]:
    """An empty account, for one test."""
    yield from _lend(accounts)


@pytest.fixture
def other(accounts: list[User]) -> Iterator[User]:
    """Another one."""
    yield from _lend(accounts)


@pytest.fixture(scope="module")
def shelf(accounts: list[User]) -> Iterator[Shelf]:
    """An account with the whole corpus, for all tests of a module."""
    for user in _lend(accounts):
        yield fill(user)


@pytest.fixture
def reader(shelf: Shelf) -> Iterator[IMAPClient]:
    """A client that has selected the corpus."""
    with shelf.owner.imapclient() as client:
        client.select_folder("INBOX", readonly=True)
        yield client


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An empty home directory for a client."""
    path = tmp_path / "home"
    path.mkdir(mode=0o700)
    return path
