"""What we compose, our own scanner and the standard library's parser read back as it was meant."""

import email
import email.policy
import email.utils
from email.message import EmailMessage

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailserver.model.errors import PeerFault
from mailserver.protocol.mime import addresses as reading
from mailserver.protocol.mime import fields
from mailserver.protocol.mime.compose import Outline, compose
from mailserver.protocol.mime.headers import header_fields, text_of, unfold
from mailserver.protocol.mime.scan import Part, scan
from mailserver.protocol.mime.text import file_name
from mailserver.protocol.mime.transfer import decoded

_TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=120)
_NAME = _TEXT.map(lambda text: " ".join(text.split()))
_LINES = st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=200), max_size=8)


def _parsed(message: bytes) -> EmailMessage:
    parsed = email.message_from_bytes(message, policy=email.policy.default)
    assert isinstance(parsed, EmailMessage)
    return parsed


def _leaves(part: Part) -> list[Part]:
    return [leaf for each in part.children for leaf in _leaves(each)] if part.children else [part]


@given(_NAME.filter(bool))
def test_unstructured_text_is_read_as_it_was_written(text: str) -> None:
    field = fields.text("Subject", text)
    (_, value, whole) = header_fields(field)[0]
    assert whole == field
    assert text_of(unfold(value)) == text
    assert all(len(line) <= 78 for line in field.split(b"\r\n")) or text.isascii()
    assert field.isascii()


@given(_NAME)
def test_names_of_people_are_read_as_they_were_written(name: str) -> None:
    field = fields.addresses("To", [fields.Named(name, "ann@zegel.test")])
    (_, value, _) = header_fields(field)[0]
    (found,) = reading.addresses(unfold(value))
    assert found.local is not None
    assert (found.local, found.domain) == (b"ann", b"zegel.test")
    assert text_of(found.name or b"") == name


@given(st.lists(st.sampled_from(["a@b.test", "c.d@e.test"]), max_size=40), _NAME)
def test_long_lists_of_addresses_fold_and_stay_whole(emails: list[str], name: str) -> None:
    people = [fields.Named(name, each) for each in emails]
    field = fields.addresses("Cc", people)
    assert all(len(line) <= 998 for line in field.split(b"\r\n"))
    found = reading.addresses(unfold(header_fields(field)[0][1])) if people else []
    assert [
        f"{(one.local or b'').decode()}@{(one.domain or b'').decode()}" for one in found
    ] == emails


def test_groups_are_written_with_their_members() -> None:
    field = fields.addresses(
        "To",
        [fields.Group("The team", [fields.Named("", "a@b.test"), fields.Named("", "c@d.test")])],
    )
    assert field == b"To: The team: a@b.test, c@d.test;\r\n"


@pytest.mark.parametrize("value", ["a\r\nBcc: x@y.test", "a\nb", "a\0b", "a\rb"])
def test_no_raw_value_begins_another_field(value: str) -> None:
    with pytest.raises(PeerFault):
        fields.raw("X-Note", value)


@pytest.mark.parametrize("name", ["", "X Note", "X:", "Ünote", "a\r\nb"])
def test_a_field_has_a_name_of_printable_ascii(name: str) -> None:
    with pytest.raises(PeerFault):
        fields.text(name, "value")


@pytest.mark.parametrize("address", ["", "nobody", "a b@c.test", "a@b,c@d", "<a@b>", "a@b\r\nX: y"])
def test_what_others_would_read_differently_is_no_address(address: str) -> None:
    with pytest.raises(PeerFault):
        fields.addresses("To", [fields.Named("", address)])


@given(_NAME.filter(bool))
@example("'")
@example("it's 100%*")
def test_file_names_survive_both_parsers(name: str) -> None:
    leaf = Outline("application/pdf", b"x", name=name, disposition="attachment")
    message = compose([], leaf)
    assert file_name(scan(message)) == name
    # The other parser takes quotes and angle brackets around a whole name for no part of it.
    assert _parsed(message).get_filename() == email.utils.unquote(name)


@given(_LINES)
def test_text_survives_transfer(lines: list[str]) -> None:
    text = "\n".join(lines)
    message = compose([], Outline("text/plain", text.encode(), charset="utf-8"))
    assert message.isascii()
    assert all(len(line) <= 998 for line in message.split(b"\r\n"))
    read = decoded(scan(message), message).decode()
    wanted = text if "\0" in text else text.replace("\r\n", "\n").replace("\r", "\n")
    assert (read if "\0" in text else read.replace("\r\n", "\n")) == wanted


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=5))
def test_octets_survive_in_any_tree(contents: list[bytes]) -> None:
    leaves = [Outline("application/octet-stream", content) for content in contents]
    tree = Outline("multipart/mixed", parts=[*leaves, Outline("multipart/related", parts=leaves)])
    message = compose([fields.text("Subject", "Tree")], tree)
    found = [decoded(leaf, message) for leaf in _leaves(scan(message))]
    assert found == contents * 2
    parsed = [part.get_payload(decode=True) for part in _parsed(message).walk()]
    assert [octets for octets in parsed if octets is not None] == contents * 2


def test_an_attached_message_keeps_its_octets() -> None:
    inner = b"From: a@b.test\r\nSubject: In\r\n\r\nW\xc3\xb6rd\r\n"
    leaf = Outline("message/rfc822", inner)
    message = compose([], Outline("multipart/mixed", parts=[leaf]))
    assert inner in message
    assert b"Content-Transfer-Encoding: 8bit" in message


def test_a_boundary_stands_nowhere_in_what_it_separates() -> None:
    first = compose([], Outline("multipart/mixed", parts=[Outline("text/plain", b"a")]))
    boundary = first.split(b'boundary="')[1].split(b'"')[0]
    inner = Outline("message/rfc822", b"X: y\r\n\r\n--" + boundary + b"\r\n")
    again = compose([], Outline("multipart/mixed", parts=[inner]))
    assert len(scan(again).children) == 1


def test_parts_are_bounded() -> None:
    deep = Outline("text/plain", b"x")
    for _ in range(60):
        deep = Outline("multipart/mixed", parts=[deep])
    with pytest.raises(PeerFault):
        compose([], deep)
    with pytest.raises(PeerFault):
        compose([], Outline("multipart/mixed", parts=[Outline("text/plain")] * 1_000))
