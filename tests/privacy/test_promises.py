"""Each promise of the privacy specification that is kept so far has tests of its name.

    grep -rnE 'def test_t_(auth|read|lc|srv|cook)_' tests

A promise is called like T-TLS-2 there, its tests `test_t_tls_2_…`, wherever they lie. One
that loses its last test is looked after by nobody.
"""

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
PROMISES = (
    *(f"T-KEY-{number}" for number in range(1, 10)),
    *(f"T-OBJ-{number}" for number in range(1, 8)),
    *("T-CANARY", "T-MAP"),
    *(f"T-LOG-{number}" for number in range(1, 4)),
    *(f"T-SRV-{number}" for number in range(1, 5)),
    *(f"T-TLS-{number}" for number in range(1, 7)),
    *("T-AUTHN-1", "T-AUTHN-2", "T-MW-1", "T-SPAM-1", "T-RATE-1"),
    *(f"T-AUTH-{number}" for number in range(1, 10)),
    *(f"T-READ-{number}" for number in range(1, 7)),
    *("T-CLAIM", "T-COOK-1"),
    *(f"T-AUD-{number}" for number in range(1, 4)),
    *(f"T-RET-{number}" for number in range(1, 4)),
    *("T-DSR-1", "T-DSR-2"),
    *(f"T-BR-{number}" for number in range(1, 4)),
    *("T-REG-1", "T-REG-2"),
    *(f"T-BK-{number}" for number in range(1, 6)),
    *(f"T-LC-{number}" for number in range(1, 8)),
    "T-NTK-3",
)
NAMED = re.compile(r"^ *(?:async )?def test_(t_[a-z]+(?:_[0-9]+)?)(?:_|\()", re.MULTILINE)


@pytest.fixture(scope="module")
def kept() -> set[str]:
    """The promises that tests are called after."""
    found = (NAMED.findall(path.read_text("utf-8")) for path in TESTS.rglob("test_*.py"))
    return {name.upper().replace("_", "-") for names in found for name in names}


@pytest.mark.parametrize("promise", PROMISES)
def test_each_promise_has_a_test_of_its_name(kept: set[str], promise: str) -> None:
    assert promise in kept


def test_the_search_finds_names_and_nothing_else() -> None:
    assert NAMED.findall("async def test_t_tls_1_holds() -> None:\n") == ["t_tls_1"]
    assert NAMED.findall("def test_t_canary(engine: str) -> None:\n") == ["t_canary"]
    assert NAMED.findall("# def test_t_tls_1_holds\nx = test_t_tls_2_y\n") == []
