"""What is no address, however much it looks like one to somebody."""

import pytest

from mailserver.model.address import Address, canonical_domain
from mailserver.model.errors import PeerFault


@pytest.mark.parametrize("end", ["\r", "\n", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029"])
@pytest.mark.parametrize("form", ["a{}b@x.test", '"a{}b"@x.test', "a@x{}.test"])
def test_no_address_holds_the_end_of_a_line(form: str, end: str) -> None:
    with pytest.raises(PeerFault):
        Address.parse(form.format(end))


@pytest.mark.parametrize(
    "text", ["a\xa0b@x.test", "a\u3000b@x.test", "a\x9bb@x.test", "a\0@x.test"]
)
def test_no_plain_local_part_holds_a_space_or_a_control(text: str) -> None:
    with pytest.raises(PeerFault):
        Address.parse(text)


@pytest.mark.parametrize("text", ["jörg@x.test", "用户@x.test", '"a b"@x.test', "a.b+c@x.test"])
def test_what_people_have_is_taken_and_written_as_it_was(text: str) -> None:
    assert str(Address.parse(text)) == text


@pytest.mark.parametrize(
    ("name", "canonical"),
    [
        ("faß.de", "xn--fa-hia.de"),
        ("FAẞ.de", "xn--fa-hia.de"),
        ("fass.de", "fass.de"),
        ("straße.example", "xn--strae-oqa.example"),
        ("βόλος.gr", "xn--nxasmm1c.gr"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("Bücher。Example", "xn--bcher-kva.example"),
    ],
)
def test_two_names_stay_two_names(name: str, canonical: str) -> None:
    """`faß.de` and `fass.de` are different people's (RFC 5894 §7.2)."""
    assert canonical_domain(name) == canonical


@pytest.mark.parametrize("name", ["a\u200db.test", "a\u200cb.test", "ß" * 64 + ".test", "ß\n.test"])
def test_a_name_holds_nothing_that_nobody_sees(name: str) -> None:
    with pytest.raises(PeerFault):
        canonical_domain(name)
