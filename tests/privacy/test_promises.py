"""Each promise of PRIVACY about signing in and reading has tests of its name.

    grep -rnE 'def test_t_(auth|read|lc|srv|cook)_' tests

says which; here stands which there must be.
"""

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
PROMISES = (
    *(f"T-AUTH-{number}" for number in range(1, 10)),
    *("T-READ-2", "T-READ-3", "T-READ-4", "T-READ-6"),
    *("T-LC-1", "T-LC-2", "T-LC-7", "T-SRV-4", "T-COOK-1"),
)
_NAMED = re.compile(r"^(?:async )?def test_(t_[a-z]+_[0-9]+)(?:_|\()", re.MULTILINE)


def named() -> set[str]:
    """Return the promises that tests are called after."""
    found = (_NAMED.findall(path.read_text("utf-8")) for path in TESTS.rglob("test_*.py"))
    return {name.upper().replace("_", "-") for names in found for name in names}


@pytest.mark.parametrize("promise", PROMISES)
def test_each_promise_has_a_test_of_its_name(promise: str) -> None:
    assert promise in named()
