"""Searching a block finds what reading each message would find."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailserver.index.document import Framer, SearchText
from mailserver.index.query import Block
from mailserver.index.words import normalise
from mailserver.model.ids import EmailId
from mailserver.model.query import Field

WORDS = st.sampled_from(["Ja", "jas", "É", "ß", "SS", "x", " ", "\n", "F", "s", "the", "日本", ":"])
TEXTS = st.lists(WORDS, max_size=6).map("".join)
MESSAGES = st.lists(
    st.builds(
        SearchText,
        from_=TEXTS,
        to=TEXTS,
        cc=TEXTS,
        bcc=TEXTS,
        subject=TEXTS,
        sent=st.one_of(st.none(), st.dates()),
        headers=st.lists(st.tuples(st.sampled_from(["X-A", "X-B"]), TEXTS), max_size=2).map(
            lambda fields: "\n".join(f"{n}: {' '.join(v.split())}" for n, v in fields)
        ),
        body=TEXTS,
    ),
    max_size=6,
)


def block(messages: list[SearchText]) -> Block:
    framer = Framer()
    frames = [framer.frame(message) for message in messages]
    return Block(
        (EmailId(number), document)
        for number, document in enumerate(framer.open_all(frames), start=1)
    )


def within(message: SearchText, field: Field) -> str:
    match field:
        case Field.FROM:
            return message.from_
        case Field.TO:
            return message.to
        case Field.CC:
            return message.cc
        case Field.BCC:
            return message.bcc
        case Field.SUBJECT:
            return message.subject
        case _:
            return message.body


@given(MESSAGES, st.sampled_from([f for f in Field if f is not Field.ANY]), TEXTS)
def test_a_field_is_searched_as_a_substring(
    messages: list[SearchText], field: Field, text: str
) -> None:
    expected = {
        number
        for number, message in enumerate(messages, start=1)
        if normalise(text) in normalise(within(message, field))
    }
    assert block(messages).matching(field, text) == expected


@given(MESSAGES, TEXTS.filter(bool))
def test_anywhere_covers_every_field(messages: list[SearchText], text: str) -> None:
    whole = block(messages)
    anywhere = whole.matching(Field.ANY, text)
    for field in Field:
        assert whole.matching(field, text) <= anywhere


@given(st.integers(1, 40), st.integers(0, 400), st.sampled_from([Field.BODY, Field.ANY]))
def test_a_common_word_is_found_in_the_same_messages(every: int, quiet: int, field: Field) -> None:
    has = [n >= quiet and n % every == 0 for n in range(600)]
    whole = block([SearchText(subject="s", body="seal seal" if each else "se") for each in has])
    assert whole.matching(field, "seal") == {n for n, each in enumerate(has, start=1) if each}


@given(MESSAGES, TEXTS)
def test_named_headers(messages: list[SearchText], text: str) -> None:
    expected = {
        number
        for number, message in enumerate(messages, start=1)
        if any(
            line.startswith("X-A: ") and normalise(text) in normalise(line[4:])
            for line in message.headers.split("\n")
        )
    }
    assert block(messages).with_header("x-a", text) == expected


@given(MESSAGES)
def test_sent_days(messages: list[SearchText]) -> None:
    days = block(messages).sent_days()
    assert days == {EmailId(n): m.sent for n, m in enumerate(messages, start=1)}


def test_a_known_header_must_have_a_value() -> None:
    whole = block([SearchText(subject="Seal"), SearchText()])
    assert whole.with_header("Subject", "") == {1}
    assert whole.with_header("Subject", "eal") == {1}
    assert whole.with_header("From", "eal") == set()


@pytest.mark.parametrize("field", list(Field))
def test_no_hit_spans_two_messages(field: Field) -> None:
    whole = block([SearchText(subject="ab", body="ab"), SearchText(subject="cd", body="cd")])
    assert whole.matching(field, "bc") == set()
    assert whole.octets > 0


def test_an_empty_index_answers() -> None:
    assert block([]).matching(Field.ANY, "x") == set()
    assert block([SearchText(sent=date(2026, 3, 1))]).sent_days() == {1: date(2026, 3, 1)}
