"""BODY[…] of real messages: header and text, every part by its number, and partial fetches.

The octets are held to the message itself, the parts to Python's email package.
"""

from collections.abc import Iterator

from imapclient import IMAPClient
from imapclient.response_types import BodyData

from tests.support import mime_oracle
from tests.support.mail_clients import Shelf
from tests.support.mime_oracle import Node

PIECE_OCTETS = 1_021


def batches(shelf: Shelf) -> Iterator[list[int]]:
    uids = list(shelf.by_uid)
    for start in range(0, len(uids), 50):
        yield uids[start : start + 50]


def header_and_text(octets: bytes) -> tuple[bytes, bytes]:
    """Split where the first empty line ends; without one all is header."""
    position = 0
    while position < len(octets):
        end = octets.find(b"\n", position) + 1 or len(octets)
        line = octets[position:end]
        position = end
        if line in (b"\r\n", b"\n"):
            break
    return octets[:position], octets[position:]


def test_header_and_text(shelf: Shelf, reader: IMAPClient) -> None:
    wrong = []
    for uids in batches(shelf):
        found = reader.fetch(uids, ["BODY.PEEK[HEADER]", "BODY.PEEK[TEXT]"])
        for uid in uids:
            said = found[uid][b"BODY[HEADER]"], found[uid][b"BODY[TEXT]"]
            if said != header_and_text(shelf.by_uid[uid].octets):
                wrong.append(shelf.by_uid[uid].name)
    assert wrong == []


def test_the_old_names_of_the_same(shelf: Shelf, reader: IMAPClient) -> None:
    uids = list(shelf.by_uid)[::9]
    found = reader.fetch(uids, ["RFC822.HEADER"])
    for uid in uids:
        assert found[uid][b"RFC822.HEADER"] == header_and_text(shelf.by_uid[uid].octets)[0]


def leaves(part: BodyData, path: str = "") -> Iterator[tuple[str, BodyData]]:
    """Yield part number and description of every part that holds octets."""
    if part.is_multipart:
        for number, child in enumerate(part[0], 1):
            yield from leaves(child, f"{path}.{number}".lstrip("."))
        return
    yield path or "1", part


def test_parts_are_what_their_structure_says(shelf: Shelf, reader: IMAPClient) -> None:
    """Each part's MIME header and octets are one run of the message, as long as was said."""
    wrong = []
    for uid, letter in shelf.by_uid.items():
        structure = reader.fetch([uid], ["BODYSTRUCTURE"])[uid][b"BODYSTRUCTURE"]
        paths = dict(leaves(structure))
        items = [f"BODY.PEEK[{path}]" for path in paths]
        items += [f"BODY.PEEK[{path}.MIME]" for path in paths]
        found = reader.fetch([uid], items)[uid]
        for path, part in paths.items():
            octets = found[f"BODY[{path}]".encode()]
            mime = found[f"BODY[{path}.MIME]".encode()]
            run = mime + octets
            if len(octets) != part[6] or run not in letter.octets:
                wrong.append(f"{letter.name} {path}")
    assert wrong == []


NEVER_CLOSED = "without a closing delimiter the last line end is the part's; Python drops it"
NESTED = "multiparts inside of each other have one boundary: the outermost ends the inner ones"
NO_FIELD = "the header goes on past a line that is no field, up to the empty line"
NO_PARTS = "a multipart without parts is read as text, whole"
DIFFERENT_PARTS = {
    "flanker/messages-enclosed-broken.eml": NEVER_CLOSED,
    "flanker/messages-mailformed-headers.eml": NO_PARTS,
    "flanker/messages-missing-final-boundary.eml": NEVER_CLOSED,
    "mail-parser/malformed-001.eml": NEVER_CLOSED,
    "mail-parser/malformed-003.eml": NESTED,
    "mail-parser/malformed-005.eml": NESTED,
    "mail-parser/malformed-006.eml": NEVER_CLOSED,
    "mail-parser/malformed-007.eml": "a delimiter in its header ends the header and begins a part",
    "mail-parser/malformed-008.eml": NEVER_CLOSED,
    "mail-parser/malformed-009.eml": NEVER_CLOSED,
    "mail-parser/malformed-012.eml": NEVER_CLOSED,
    "mail-parser/malformed-013.eml": NESTED,
    "mail-parser/malformed-016.eml": NEVER_CLOSED,
    "mail-parser/malformed-019.eml": NO_FIELD,
    "mail-parser/malformed-022.eml": NO_FIELD,
    "mail-parser/rfc-008.eml": "message/rfc822 in base64, forbidden by RFC 2046 §5.2.1: no parts",
    "mail-parser/thirdparty-005.eml": NEVER_CLOSED,
    "mail-parser/thirdparty-012.eml": "a boundary is unfolded; Python keeps the line end",
    "mail-parser/thirdparty-015.eml": NO_FIELD,
    "ruby-mail/emails-.gitattributes.eml": NO_FIELD,
    "ruby-mail/mime_emails-raw_email4.eml": NEVER_CLOSED,
    "ruby-mail/plain_emails-raw_email_incorrect_header.eml": NO_FIELD,
    "ruby-mail/rfc2822-example13.eml": NO_FIELD,
}
"""Messages that Python's email package divides otherwise, and why we do as we do."""


def test_parts_have_the_octets_that_python_finds(shelf: Shelf, reader: IMAPClient) -> None:
    wrong = []
    for uid, letter in shelf.by_uid.items():
        paths = list(oracle_leaves(mime_oracle.tree(mime_oracle.parse(letter.octets))))
        items = ["UID", *(f"BODY.PEEK[{path}]" for path, _ in paths)]
        found = reader.fetch([uid], items)[uid]
        same = all(found[f"BODY[{path}]".encode()] == octets for path, octets in paths)
        if same is (letter.name in DIFFERENT_PARTS):
            wrong.append(letter.name)
    assert wrong == []


def oracle_leaves(node: Node, path: str = "") -> Iterator[tuple[str, bytes]]:
    """Number the parts that hold octets. Source: RFC 9051 §6.4.5.1."""
    if node.octets is not None:
        yield path or "1", node.octets
    elif node.kind.startswith("message/"):
        if node.kind not in mime_oracle.EMBEDDED:
            return  # no message to IMAP; Python makes one of it and keeps no octets
        (inner,) = node.children
        if inner.children and not inner.kind.startswith("message/"):
            yield from oracle_leaves(inner, path or "1")
        else:
            yield from oracle_leaves(inner, f"{path or '1'}.1")
    else:
        for number, child in enumerate(node.children, 1):
            yield from oracle_leaves(child, f"{path}.{number}".lstrip("."))


def test_partial_fetches_make_the_whole(shelf: Shelf, reader: IMAPClient) -> None:
    wrong = []
    for uid, letter in list(shelf.by_uid.items())[::5]:
        pieces, start = [], 0
        while start <= len(letter.octets):
            answer = reader.fetch([uid], [f"BODY.PEEK[]<{start}.{PIECE_OCTETS}>"])[uid]
            pieces.append(answer[f"BODY[]<{start}>".encode()])
            start += PIECE_OCTETS
        if b"".join(pieces) != letter.octets:
            wrong.append(letter.name)
    assert wrong == []


def test_partial_fetches_of_a_part(shelf: Shelf, reader: IMAPClient) -> None:
    for uid in list(shelf.by_uid)[::11]:
        items = ["BODY.PEEK[1]", "BODY.PEEK[1]<3.10>", "BODY.PEEK[TEXT]<0.7>", "BODY.PEEK[TEXT]"]
        found = reader.fetch([uid], items)[uid]
        assert found[b"BODY[1]<3>"] == (found[b"BODY[1]"] or b"")[3:13]
        assert found[b"BODY[TEXT]<0>"] == found[b"BODY[TEXT]"][:7]
