"""What is no address, however much it looks like one to somebody."""

import pytest

from mailserver.model.address import Address
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
