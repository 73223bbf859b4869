"""Learned words: enough of them first, each message once, bounded, and written down whole."""

import hashlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailserver.model.errors import Corrupt
from mailserver.screening.classifier import (
    ENOUGH,
    HASH_OCTETS,
    REMEMBERED,
    WORDS,
    WORDS_OF_A_MESSAGE,
    Model,
    words,
)

JUNK = words("Win money now", "prize@spam.test", "cheap pills, casino bonus, winner")
MAIL = words("Meeting on Tuesday", "bob@work.test", "the report for the project is attached")


def hashes(listed: list[str]) -> list[bytes]:
    return [hashlib.blake2b(word.encode(), digest_size=HASH_OCTETS).digest() for word in listed]


def taught(each: int = ENOUGH) -> Model:
    model = Model()
    for number in range(each):
        model.learn(number, hashes([*JUNK, f"a{number}"]), junk=True)
        model.learn(1_000_000 + number, hashes([*MAIL, f"b{number}"]), junk=False)
    return model


def test_words_are_folded_told_apart_by_place_and_bounded() -> None:
    found = words("Grüße", "Ann <ann@b.test>", "GRÜSSE grüsse don't x")
    assert found == ["f:ann", "f:test", "s:grüsse", "grüsse", "don't"]
    many = words("", "", " ".join(f"word{number}" for number in range(10_000)), ["l.test"])
    assert len(many) <= WORDS_OF_A_MESSAGE + 20
    assert many[-1] == "h:l.test"


def test_it_tells_the_two_kinds_apart() -> None:
    model = taught()
    junk, mail = model.likeness(hashes(JUNK)), model.likeness(hashes(MAIL))
    assert junk is not None
    assert mail is not None
    assert mail < 0.01 < 0.99 < junk
    assert model.likeness(hashes(["neverseen"])) == 0.5


def test_it_says_nothing_before_it_has_learned_enough_of_both() -> None:
    assert taught(ENOUGH - 1).likeness(hashes(JUNK)) is None
    only = Model()
    for number in range(100):
        only.learn(number, hashes(JUNK), junk=True)
    assert only.likeness(hashes(JUNK)) is None


def test_a_message_is_learned_once_and_unlearned_when_it_was_a_mistake() -> None:
    model, other = taught(), taught()
    assert model.learn(7_000_000, hashes(MAIL), junk=True)
    assert not model.learn(7_000_000, hashes(MAIL), junk=True)
    assert model.junk == ENOUGH + 1
    assert model.learn(7_000_000, hashes(MAIL), junk=False)
    other.learn(7_000_000, hashes(MAIL), junk=False)
    assert (model.junk, model.wanted) == (ENOUGH, ENOUGH + 1)
    assert model.likeness(hashes(MAIL)) == other.likeness(hashes(MAIL))


def test_a_model_is_bounded_and_keeps_what_it_saw_often() -> None:
    model = taught()
    for number in range(60):
        listed = hashes([f"{number}-{word}" for word in range(WORDS_OF_A_MESSAGE)])
        model.learn(2_000_000 + number, listed, junk=True)
    assert len(model.encode()) <= 32 + REMEMBERED * 9 + WORDS * (HASH_OCTETS + 2)
    found = model.likeness(hashes(MAIL))
    assert found is not None
    assert found < 0.01


def test_counts_that_are_full_are_halved() -> None:
    model = Model()
    for number in range(600):
        model.learn(number, hashes(JUNK), junk=True)
        model.learn(1_000 + number, hashes(MAIL), junk=False)
    assert model.junk < 600
    assert Model.decode(model.encode()).likeness(hashes(JUNK)) == model.likeness(hashes(JUNK))


def test_it_is_read_as_it_was_written() -> None:
    octets = taught().encode()
    assert Model.decode(octets).encode() == octets
    assert Model.decode(Model().encode()).likeness([]) is None


@given(st.binary(max_size=200))
def test_what_is_no_model_is_refused(octets: bytes) -> None:
    with suppress(Corrupt):  # and nothing else
        Model.decode(octets)


@pytest.mark.parametrize("cut", [1, 17, 100])
def test_a_cut_model_is_refused(cut: int) -> None:
    with pytest.raises(Corrupt):
        Model.decode(taught().encode()[:-cut])
