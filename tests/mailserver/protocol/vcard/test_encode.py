"""Cards as vCard 4.0: what RFC 6350 asks of one, and that no card breaks out of its line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailserver.protocol.vcard.encode import Card, encode

FULL = {
    "@type": "Card",
    "uid": "urn:uuid:1",
    "kind": "individual",
    "name": {
        "full": "Noor de Vries",
        "components": [
            {"kind": "given", "value": "Noor"},
            {"kind": "surname", "value": "de Vries"},
        ],
    },
    "nicknames": {"1": {"name": "No"}},
    "organizations": {"1": {"name": "Tides, Inc.", "units": [{"name": "Sea; salt"}]}},
    "titles": {"1": {"name": "Keeper"}, "2": {"name": "Lead", "kind": "role"}},
    "emails": {"1": {"address": "noor@example.test", "contexts": {"work": True}, "pref": 1}},
    "phones": {"1": {"number": "+31 6", "features": {"mobile": True, "voice": True}}},
    "addresses": {
        "1": {
            "components": [
                {"kind": "name", "value": "Kade"},
                {"kind": "number", "value": "7"},
                {"kind": "locality", "value": "Utrecht"},
            ],
            "contexts": {"private": True},
        },
        "2": {"full": "Kade 8, Utrecht"},
    },
    "links": {"1": {"uri": "https://example.test/a,b"}},
    "notes": {"1": {"note": "one\ntwo, \\ three"}},
    "keywords": {"b": True, "a": True},
    "anniversaries": {"1": {"kind": "birth", "date": {"month": 4, "day": 27}}},
}


def lines(card: Card) -> list[str]:
    return encode(card).replace(b"\r\n ", b"").decode().split("\r\n")


def test_a_card_says_what_it_says() -> None:
    assert lines(FULL) == [
        "BEGIN:VCARD",
        "VERSION:4.0",
        "UID:urn:uuid:1",
        "KIND:individual",
        "FN:Noor de Vries",
        "N:de Vries;Noor;;;",
        "NICKNAME:No",
        r"ORG:Tides\, Inc.;Sea\; salt",
        "TITLE:Keeper",
        "ROLE:Lead",
        r"NOTE:one\ntwo\, \\ three",
        "CATEGORIES:a,b",
        "EMAIL;TYPE=work;PREF=1:noor@example.test",
        'TEL;TYPE="voice,cell":+31 6',
        "URL:https://example.test/a,b",
        "ADR;TYPE=home:;;Kade,7;Utrecht;;;",
        r"ADR:;;Kade 8\, Utrecht;;;;",
        "BDAY:--0427",
        "END:VCARD",
        "",
    ]


@pytest.mark.parametrize(
    ("date", "said"),
    [
        ({"year": 1984, "month": 4, "day": 27}, "19840427"),
        ({"year": 1984, "month": 4}, "1984-04"),
        ({"year": 1984}, "1984"),
        ({"@type": "Timestamp", "utc": "1984-04-27T00:00:00Z"}, "19840427"),
    ],
)
def test_dates_are_whole_or_in_part(date: Card, said: str) -> None:
    assert f"BDAY:{said}" in lines({"anniversaries": {"1": {"kind": "birth", "date": date}}})


@pytest.mark.parametrize("date", [{"year": "x"}, {}, {"utc": "soon"}, {"day": 3}, None])
def test_a_date_that_is_none_is_left_out(date: object) -> None:
    told = lines({"anniversaries": {"1": {"kind": "birth", "date": date}}})
    assert not [line for line in told if line.startswith("BDAY")]


@pytest.mark.parametrize(
    ("card", "name"),
    [
        ({"name": {"components": [{"kind": "given", "value": "Noor"}]}}, "Noor"),
        ({"organizations": {"1": {"name": "Tides"}}}, "Tides"),
        ({"emails": {"1": {"address": "a@b.test"}}}, "a@b.test"),
        ({}, "?"),
    ],
)
def test_every_card_has_a_name(card: Card, name: str) -> None:
    assert f"FN:{name}" in lines(card)


def test_long_lines_are_folded_between_characters() -> None:
    octets = encode({"name": {"full": "é" * 200}})
    parts = octets.split(b"\r\n")
    assert all(len(part) <= 75 for part in parts)
    assert all(part.decode() is not None for part in parts)
    assert f"FN:{'é' * 200}".encode() in octets.replace(b"\r\n ", b"")


_ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*FULL, "1", "name", "value", "date", "uri"]), inner)
    ),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from(sorted(FULL)), _ANY))
def test_no_card_fails_or_breaks_out_of_its_line(card: Card) -> None:
    told = lines(card)
    assert told[0] == "BEGIN:VCARD"
    assert told.count("BEGIN:VCARD") == told.count("END:VCARD") == 1
    assert all(line.partition(":")[0].strip(" ") for line in told[:-1])
