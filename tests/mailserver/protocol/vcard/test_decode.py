"""vCards of three versions read into cards: what address books write, and what nobody should."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailserver.protocol.vcard.decode import (
    MOST_CARDS,
    MOST_OF_A_KIND,
    TEXT_LENGTH,
    WORD_LENGTH,
    decode,
)
from mailserver.protocol.vcard.encode import encode
from tests.mailserver.protocol.vcard.test_encode import FULL


def card(*lines: str, version: str = "4.0") -> dict[str, Any]:
    text = "\r\n".join(("BEGIN:VCARD", f"VERSION:{version}", *lines, "END:VCARD", ""))
    (only,) = decode(text.encode()).cards
    return only


def emails(found: dict[str, Any]) -> list[str]:
    return [each["address"] for each in found["emails"].values()]


def test_what_we_write_is_what_we_read() -> None:
    (found,) = decode(encode(FULL)).cards
    kept = ("uid", "kind", "organizations", "titles", "emails", "links", "notes", "keywords")
    assert {name: found[name] for name in kept} == {name: FULL[name] for name in kept}
    assert found["name"] == FULL["name"]
    assert found["phones"] == FULL["phones"]
    assert found["anniversaries"] == FULL["anniversaries"]
    assert found["addresses"]["1"]["contexts"] == {"private": True}
    assert encode(found) == encode(decode(encode(found)).cards[0])


def test_a_card_of_2_1_as_a_telephone_writes_it() -> None:
    found = card(
        "N;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:M=C3=BCller;J=C3=",
        "=BCrgen;;;",
        "TEL;CELL;PREF:+49 170",
        "TEL;HOME;FAX:+49 30",
        "EMAIL;INTERNET;WORK:juergen@example.test",
        "NOTE;ENCODING=QUOTED-PRINTABLE:one=0D=0A=",
        " two",
        r"ORG:Sea\; salt;C:\new",
        "PHOTO;JPEG;ENCODING=BASE64:/9j/4AAQ",
        "  SkZJRg==",
        "",
        version="2.1",
    )
    assert found["name"]["components"] == [
        {"kind": "given", "value": "Jürgen"},
        {"kind": "surname", "value": "Müller"},
    ]
    assert found["phones"]["1"] == {"number": "+49 170", "features": {"mobile": True}, "pref": 1}
    assert found["phones"]["2"]["contexts"] == {"private": True}
    assert found["emails"]["1"] == {
        "address": "juergen@example.test",
        "contexts": {"work": True},
    }
    assert found["notes"]["1"]["note"] == "one\n two"
    assert found["organizations"]["1"] == {"name": "Sea; salt", "units": [{"name": r"C:\new"}]}
    assert "media" not in found


def test_a_card_of_3_0_as_apple_writes_it() -> None:
    found = card(
        r"N:de Vries;Noor;;;",
        "FN:Noor de Vries",
        "item1.EMAIL;type=INTERNET;type=HOME;type=pref:noor@example.test",
        "item1.X-ABLabel:_$!<Other>!$_",
        "item2.ADR;type=HOME:;;Kade 7;Utrecht;;3511;Nederland",
        "BDAY;X-APPLE-OMIT-YEAR=1604:1604-04-27",
        "X-ADDRESSBOOKSERVER-KIND:group",
        "X-ADDRESSBOOKSERVER-MEMBER:urn:uuid:7",
        version="3.0",
    )
    assert found["emails"]["1"]["pref"] == 1
    assert [each["value"] for each in found["addresses"]["1"]["components"]] == [
        *("Kade 7", "Utrecht", "3511", "Nederland")
    ]
    assert found["anniversaries"]["1"]["date"] == {"month": 4, "day": 27}
    assert (found["kind"], found["members"]) == ("group", {"urn:uuid:7": True})


def test_a_card_of_4_0() -> None:
    found = card(
        "FN:Noor",
        'TEL;VALUE=uri;TYPE="voice,cell":tel:+31-6',
        "EMAIL;PREF=200:mailto:noor@example.test",
        'ADR;LABEL="Kade 7^nUtrecht":;;;;;;',
        "NICKNAME:No,Noortje",
        "BDAY:1984-04",
        "ANNIVERSARY:20090808T1430-0500",
    )
    assert found["phones"]["1"] == {
        "number": "+31-6",
        "features": {"voice": True, "mobile": True},
    }
    assert found["emails"]["1"] == {"address": "noor@example.test"}
    assert found["addresses"]["1"] == {"full": "Kade 7\nUtrecht"}
    assert [each["name"] for each in found["nicknames"].values()] == ["No", "Noortje"]
    assert found["anniversaries"]["1"]["date"] == {"year": 1984, "month": 4}
    assert found["anniversaries"]["2"]["date"] == {"year": 2009, "month": 8, "day": 8}


@pytest.mark.parametrize(
    "octets",
    [
        "BEGIN:VCARD\nFN:Zoë\nEND:VCARD\n".encode(),
        "BEGIN:VCARD\rFN:Zoë\rEND:VCARD".encode(),
        "\ufeffBEGIN:VCARD\r\nFN:Zoë\r\nEND:VCARD\r\n".encode(),
        "BEGIN:VCARD\r\nFN:Zoë\r\nEND:VCARD\r\n".encode("utf-16"),
        "\ufeffBEGIN:VCARD\r\nFN:Zoë\r\nEND:VCARD\r\n".encode("utf-16-be"),
        "BEGIN:VCARD\r\nFN:Zoë\r\nEND:VCARD\r\n".encode("windows-1252"),
        "BEGIN:VCARD\r\nFN;CHARSET=ISO-8859-1:Zoë\r\nEND:VCARD\r\n".encode("iso-8859-1"),
        "begin:vcard\r\nfn:Zoë\r\nend:vcard\r\n".encode(),
        b"BEGIN:VCARD\r\nFN:Zo\xc3\r\n \xab\r\nEND:VCARD\r\n",  # folded within a character
    ],
)
def test_characters_and_line_ends_as_programs_write_them(octets: bytes) -> None:
    assert decode(octets).cards == [{"name": {"full": "Zoë"}}]


@pytest.mark.parametrize("day", ["soon", "1984-13-01", "--0230x", "20240230", "0000", "٤٤٤٤"])
def test_a_day_that_is_none_is_left_out(day: str) -> None:
    assert "anniversaries" not in card("FN:x", f"BDAY:{day}")


def test_an_agents_card_within_a_card_is_passed_over() -> None:
    found = card(
        *("FN:Noor", "AGENT:", "BEGIN:VCARD", "FN:Bart", "EMAIL:b@example.test", "END:VCARD"),
        *("EMAIL:noor@example.test",),
        version="2.1",
    )
    assert found["name"]["full"] == "Noor"
    assert emails(found) == ["noor@example.test"]


def test_lines_that_are_none_do_not_stop_the_others() -> None:
    found = card(
        *('TEL;TYPE="home:+31', "no line", ":x", ";a:b", "FN:Noor", "URL:", "BDAY"),
        *("EMAIL;TYPE=;X=:noor@example.test", "EMAIL:nobody", "EMAIL:noor@example.test"),
    )
    assert found["name"]["full"] == "Noor"
    assert emails(found) == ["noor@example.test"]
    assert "links" not in found


def test_what_says_nothing_or_has_no_end_is_counted() -> None:
    told = decode(b"BEGIN:VCARD\nNOTE:x\nEND:VCARD\nEND:VCARD\nBEGIN:VCARD\nFN:x\n")
    assert (told.cards, told.unread) == ([], 2)
    assert decode(b"a letter, no card").unread == 0


def test_pictures_are_counted() -> None:
    one = b"BEGIN:VCARD\nFN:x\nPHOTO:data:image/png;base64,AA\nEND:VCARD\n"
    assert decode(one * 2).pictures == 2


def test_all_of_it_has_bounds() -> None:
    found = card(
        f"FN:{'x' * 20_000}",
        f"NOTE:{'y' * 20_000}",
        *(f"EMAIL:{number}@example.test" for number in range(200)),
        f"CATEGORIES:{','.join(map(str, range(200)))}",
    )
    assert len(found["name"]["full"]) == WORD_LENGTH
    assert len(found["notes"]["1"]["note"]) == TEXT_LENGTH
    assert len(found["emails"]) == len(found["keywords"]) == MOST_OF_A_KIND
    told = decode(b"BEGIN:VCARD\nFN:x\nEND:VCARD\n" * (MOST_CARDS + 3))
    assert (len(told.cards), told.too_many) == (MOST_CARDS, 3)


def test_text_holds_no_control_characters() -> None:
    found = card("FN:No\x00or\x1b[31m", "ORG;CHARSET=utf-7:+ADw-b", r"NOTE:one\ntwo\, three")
    assert found["name"]["full"] == "Noor[31m"
    assert found["organizations"]["1"]["name"] == "+ADw-b"  # only sets that people's files name
    assert found["notes"]["1"]["note"] == "one\ntwo, three"


@given(st.binary(max_size=400))
def test_no_octets_fail(octets: bytes) -> None:
    told = decode(b"BEGIN:VCARD\nFN:x\n" + octets + b"\nEND:VCARD\n")
    json.dumps(told.cards).encode()


_PIECES = st.sampled_from(
    [
        *(b"BEGIN:VCARD\n", b"END:VCARD\n", b"VERSION:2.1\n", b"N:", b"FN:", b"EMAIL", b"TEL"),
        *(b";TYPE=", b";ENCODING=QUOTED-PRINTABLE", b"=\n", b"\n ", b"\n", b":", b";", b",", b"\\"),
        *(b'"', b"ADR:", b"ORG:", b"BDAY:--", b"04", b"a@b", b"\xc3", b"^n", b"NOTE:", b"MEMBER:"),
    ]
)


@given(st.lists(_PIECES, max_size=60))
def test_what_was_read_is_written_and_read_again_alike(pieces: list[bytes]) -> None:
    for found in decode(b"".join([b"BEGIN:VCARD\n", *pieces, b"\nEND:VCARD\n"])).cards:
        once = encode(found)
        (again,) = decode(once).cards
        assert encode(again) == once
