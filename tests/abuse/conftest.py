"""One server for all abuse of a module: it has to bear one after the other, too."""

import ssl
from collections.abc import Iterator

import pytest

from tests.support.server import Server, serving


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A running server with two users; user 1 is the bystander. It is alive when all is over."""
    with serving(tmp_path_factory.mktemp("server")) as server:
        yield server
        assert server.running
        said = server.words()
        assert server.stop() == 0
    assert "Traceback" not in said
    assert '"level":"error"' not in said, said[-2000:]


@pytest.fixture
def tls(server: Server) -> ssl.SSLContext:
    """A context that trusts the server."""
    return ssl.create_default_context(cafile=str(server.found["ca_file"]))
