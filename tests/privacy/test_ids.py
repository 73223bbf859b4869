"""The promises of mail that travels, each kept by a test that bears its name.

A promise has a name like T-TLS-2 in the privacy specification; its tests are called
`test_t_tls_2_…`, wherever they lie. One that loses its last test is looked after by nobody.
"""

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
NAMED = re.compile(r"^ *(?:async )?def test_(t_[a-z]+_\d+)_", re.MULTILINE)
PROMISES = [
    *(f"t_tls_{number}" for number in range(1, 7)),
    "t_authn_1",
    "t_authn_2",
    "t_mw_1",
    "t_spam_1",
    "t_rate_1",
    *(f"t_srv_{number}" for number in range(1, 5)),
]


@pytest.fixture(scope="module")
def kept() -> set[str]:
    files = TESTS.rglob("test_*.py")
    return {name for file in files for name in NAMED.findall(file.read_text(encoding="utf-8"))}


@pytest.mark.parametrize("promise", PROMISES)
def test_a_promise_has_a_test(kept: set[str], promise: str) -> None:
    assert promise in kept


def test_the_search_finds_names_and_nothing_else() -> None:
    assert NAMED.findall("async def test_t_tls_1_holds() -> None:\n") == ["t_tls_1"]
    assert NAMED.findall("# def test_t_tls_1_holds\nx = test_t_tls_2_y\n") == []
