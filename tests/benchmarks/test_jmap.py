"""The JMAP benchmark: an account like the one before, and figures beside their marks."""

from benchmarks.jmap import MARKS, RARE_EVERY, letters, table


def test_every_run_makes_the_same_letters() -> None:
    made = list(letters(RARE_EVERY + 10))
    assert made == list(letters(RARE_EVERY + 10))
    assert sum(b"rareword" in letter for letter in made) == 2
    assert 0.2 < sum(b"References:" in letter for letter in made) / len(made) < 0.4


def test_a_missed_mark_is_told() -> None:
    mark = MARKS["mailbox_get"]
    shown = table(
        {"mailbox_get": {"ms": mark + 1}, "email_changes": {"ms": 1.0}, "sign_in": {"ms": 9}}
    )
    rows = {line.split(" | ")[0]: line for line in shown.splitlines()}
    assert "MISSED" in rows["| mailbox_get"]
    assert "kept" in rows["| email_changes"]
    assert rows["| sign_in"].endswith("|  |  |")
