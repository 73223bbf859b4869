"""A program of other people's (jmap-jam, in Node.js) sends, reads, searches and changes mail."""

import os
import subprocess

import pytest

from tests.support.jmap_wire import origin_of
from tests.support.mail_clients import User
from tests.support.server import ROOT
from webui.front_end import FrontEnd, node_program

SCRIPT = ROOT / "tests" / "support" / "jmap_jam.mjs"
SECONDS = 60


@pytest.mark.long
@pytest.mark.timeout(400)
def test_jmap_jam_sends_reads_and_searches(user: User) -> None:
    app = FrontEnd.of(ROOT)
    app.install(development=True)  # its lock file names jmap-jam, for tests alone
    jam = app.sources / "node_modules" / "jmap-jam" / "dist" / "index.js"
    session = f"{origin_of(user)}/.well-known/jmap"
    done = subprocess.run(
        [node_program(), SCRIPT, jam.as_uri(), session, f"{user.address}:{user.password}"],
        env={**os.environ, "NODE_EXTRA_CA_CERTS": user.ca_file},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
