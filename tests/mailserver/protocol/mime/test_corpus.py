"""Our reading of real and broken mail beside that of the standard library's parser (compat32).

The corpus is `../shared/corpus` beside the project where that exists, and `tests/corpus` besides.
Two differences are everywhere, and the comparison evens them out (`theirs`):

- `message/*` other than rfc822 is a leaf to IMAP (RFC 3501 §7.4.2); the standard library parses
  delivery-status, feedback-report, external-body and others as messages.
- a multipart without parts is `text/plain` to us (RFC 2045 §5.2), so that its text can be read;
  the standard library leaves it a multipart without parts.

Every other difference is in `STRUCTURE` or `FIELDS`, with its reason.
"""

import email
from email.message import Message
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from mailserver.protocol.mime.scan import Part, scan
from mailserver.protocol.mime.summary import Summary, build

ROOT = Path(__file__).resolve().parents[4]
SHARED = ROOT.parent / "shared" / "corpus"
OWN = ROOT / "tests" / "corpus"
FILES = sorted([*SHARED.rglob("*.eml"), *OWN.rglob("*.eml")])

SAME_BOUNDARY = (
    "nested multiparts share a boundary: ours is the innermost's, theirs the outermost's"
)
STRUCTURE = {
    "malformed-000.eml": "two delimiter lines in a row: an empty part to us, one line to them",
    "malformed-003.eml": SAME_BOUNDARY,
    "malformed-005.eml": "boundaries that end in hyphens: for them `--a----` closes",
    "malformed-007.eml": "a delimiter in its multipart's own header: they end the header there",
    "malformed-013.eml": SAME_BOUNDARY,
    "malformed-019.eml": "an empty line comes first: the header ends there for us",
    "rfc-008.eml": "message/rfc822 in base64, which RFC 2046 §5.2.1 forbids: octets to us",
    "thirdparty-012.eml": "the boundary is folded; they do not unfold it",
}
NO_FIELD_LINE = "a line that is no field: they end the header there, we read on to the empty line"
FIELDS = {
    "malformed-019.eml": NO_FIELD_LINE,
    "plain_emails-raw_email_incorrect_header.eml": NO_FIELD_LINE,
    "rfc2822-example13.eml": NO_FIELD_LINE,
}

Tree = tuple[str, list["Tree"]]
Parsed: TypeAlias = "Message[Any, Any]"


def ours(part: Part) -> Tree:
    inside = part.children or ([part.message] if part.message else [])
    name = (part.type + b"/" + part.subtype).decode("latin-1")
    return name, [ours(child) for child in inside]


def theirs(message: Parsed) -> Tree:
    name = message.get_content_type()
    payload = message.get_payload()
    inside = payload if isinstance(payload, list) else []
    if name.startswith("message/") and name not in ("message/rfc822", "message/global"):
        inside = []
    if name.startswith("multipart/") and not inside:
        return "text/plain", []
    return name, [theirs(child) for child in inside if isinstance(child, Message)]


def words(text: str) -> str:
    return "".join(text.split())


def test_there_is_a_corpus() -> None:
    assert len(list(OWN.rglob("*.eml"))) > 30
    assert not SHARED.exists() or len(FILES) > 250


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_parts_are_the_same(path: Path) -> None:
    octets = path.read_bytes()
    same = ours(scan(octets)) == theirs(email.message_from_bytes(octets))
    assert same is (path.name not in STRUCTURE), STRUCTURE.get(path.name)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_fields_are_the_same(path: Path) -> None:
    octets = path.read_bytes()
    found = [
        (name.decode("latin-1"), words(value.decode("ascii", "surrogateescape")))
        for name, value, _ in scan(octets).fields
    ]
    expected = [
        (name.lower(), words(str(value)))
        for name, value in email.message_from_bytes(octets).raw_items()
    ]
    assert (found == expected) is (path.name not in FIELDS), FIELDS.get(path.name)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_line_ends_do_not_matter(path: Path) -> None:
    octets = path.read_bytes().replace(b"\r\n", b"\n")
    bare, full = scan(octets), scan(octets.replace(b"\n", b"\r\n"))
    assert ours(bare) == ours(full)
    assert [name for name, _, _ in bare.fields] == [name for name, _, _ in full.fields]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_it_can_be_summed_up(path: Path) -> None:
    octets = path.read_bytes()
    built = build(octets)
    found = Summary(built.summary)
    assert found.line.startswith(b"ENVELOPE (")
    subject = " ".join(found.subject.split())
    if len(built.text.subject) < 1_000:  # a longer one may be cut
        assert subject == " ".join(built.text.subject.partition("\n")[0].split())
    if built.text.body and found.preview:
        assert found.preview in built.text.body
