"""Links from the command line: for people to set passwords that nobody else knows."""

import re
from pathlib import Path

import pytest

from tests.support.command import Zegel, prepared

PASSWORD = "seven tides under the bridge\n"
TYPED = "eleven herons stand in a ditch\n"


@pytest.fixture(scope="module")
def zegel(tmp_path_factory: pytest.TempPathFactory) -> Zegel:
    ready = prepared(Path(tmp_path_factory.mktemp("cli") / "run"))
    ready.done("domain", "add", "example.test")
    ready.done("user", "add", "noor@example.test", given=PASSWORD)
    for name in ("ann", "ben"):
        ready.done("admin", "create", name, given=TYPED)
    return ready


def test_an_invitation_is_a_link_whose_token_no_server_logs(zegel: Zegel) -> None:
    link = zegel.done("user", "invite", "mila@example.test").strip()
    assert re.fullmatch(r"https://[^/]+/invitation#[\w-]{43}", link)
    assert "already" in zegel.refused("user", "invite", "noor@example.test")
    assert "no domain" in zegel.refused("user", "invite", "mila@elsewhere.test")


def test_a_reset_is_a_link_too(zegel: Zegel) -> None:
    link = zegel.done("user", "reset", "noor@example.test").strip()
    assert re.fullmatch(r"https://[^/]+/reset#[\w-]{43}", link)
    assert "no" in zegel.refused("user", "reset", "nobody@example.test")


def test_factors_that_are_not_there_are_not_lost(zegel: Zegel) -> None:
    words = ("user", "factors-lost", "noor@example.test", "--admin", "ann", "--second-admin")
    assert "second administrator" in zegel.refused(*words, "ann", given=TYPED * 2)
    assert "no second factor" in zegel.refused(*words, "ben", given=TYPED * 2)


def test_a_domain_may_ask_for_a_factor(zegel: Zegel) -> None:
    assert "everybody" in zegel.done("domain", "second-factor", "example.test", "--required")
    assert "optional" in zegel.done("domain", "second-factor", "example.test", "--optional")
