"""Every transcript of JMAP, played on each engine: what RFC 8620 and 8621 ask of a server.

The first line of a file is the claim and its source, so that

    grep -h '^#' tests/transcripts/jmap/*

is the list of what is shown; requests that are none, uploads, downloads and push are in
`test_request.py`, `test_routes.py`, `test_websocket.py` and `test_push.py`.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.conftest import accounts, running, user
from tests.support.jmap_transcripts import Play, parse
from tests.support.jmap_wire import JmapWire, jmap
from tests.support.mail_clients import User
from tests.support.wire import RawWire, signed_in

__all__ = ["accounts", "running", "user"]

FILES = sorted((Path(__file__).parents[2] / "transcripts" / "jmap").glob("*.txt"))


@pytest.fixture
def wire(user: User) -> Iterator[JmapWire]:
    """A program at the user's account."""
    with jmap(user) as program:
        yield program


@pytest.fixture
def imap(user: User) -> Iterator[RawWire]:
    """Somebody else at it."""
    with signed_in(user.server.address("imap"), (user.address, user.password)) as reader:
        yield reader


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_transcript(path: Path, user: User, wire: JmapWire, imap: RawWire) -> None:
    Play(parse(path), user, wire, imap).run()
