"""The words of alerts: complete in four languages, and for what each kind knows."""

from datetime import UTC, datetime
from string import Formatter
from typing import get_args

import pytest

from mailserver.operations.alert_texts import (
    CLOSING,
    MARKS,
    PASSED_ON,
    SINCE,
    TEST,
    WORDS,
    Kind,
    News,
    What,
    compose,
    passed_on,
    trial_letter,
)

LANGUAGES = ("en", "nl", "de", "fr")
SINCE_THEN = datetime(2026, 3, 2, 8, 30, tzinfo=UTC)
KNOWN = {
    Kind.CERTIFICATE: {"days", "day"},
    Kind.DISK: {"place", "percent"},
    Kind.QUEUE: {"hours", "rows"},
    Kind.BACKUP: {"place", "day"},
    Kind.DRILL: {"day"},
    Kind.SCRUB: {"number"},
    Kind.AUDIT: {"number"},
    Kind.BREACH: {"number", "state", "deadline"},
    Kind.REQUEST: {"number", "due", "days"},
    Kind.RETENTION: {"category", "day"},
    Kind.ERASURE: {"accounts"},
    Kind.DOCTOR: {"findings"},
    Kind.SEPARATION: set(),
}
"""What `app/alarms` tells of each."""


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_is_said_in_every_language_with_what_is_known(kind: Kind) -> None:
    assert set(WORDS[kind]) == set(LANGUAGES)
    for words, advice in WORDS[kind].values():
        assert fields(words) | fields(advice) <= KNOWN[kind]
    named = [fields(words) for words, _ in WORDS[kind].values()]
    assert all(one == named[0] for one in named), "each language says the same"
    assert len({words for words, _ in WORDS[kind].values()}) == len(LANGUAGES)


def test_what_stands_around_is_in_every_language() -> None:
    for table in (MARKS, SINCE, CLOSING, PASSED_ON, TEST):
        assert set(table) == set(LANGUAGES)
    assert all(set(marks) == set(get_args(What)) for marks in MARKS.values())


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_letter_tells_what_is_wrong_first_and_what_is_over_last(language: str) -> None:
    over = News(Kind.DISK, "over", {"place": "mail", "percent": "4"}, SINCE_THEN)
    facts = {"findings": "2", "lines": "FAILURE: one\nWARNING: two"}
    new = News(Kind.DOCTOR, "new", facts, SINCE_THEN)
    subject, text = compose([over, new], language, "mail.example.org")
    assert subject.startswith("[mail.example.org] ")
    assert subject.endswith(" (+1)")
    assert MARKS[language]["over"] not in subject
    marks = [MARKS[language][what] for what in ("new", "over")]
    assert text.index(marks[0]) < text.index("WARNING: two") < text.index(marks[1])
    assert "2026-03-02 08:30 UTC" in text
    assert "zegel doctor" in text
    assert "zegel alerts list" in text
    alone, _ = compose([over], language, "mail.example.org")
    assert MARKS[language]["over"] in alone
    assert passed_on(language, subject, text)[1].endswith(text)
    assert trial_letter(language, "mail.example.org")[0].startswith("[mail.example.org] ")
