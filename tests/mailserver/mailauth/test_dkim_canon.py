"""Canonical octets: what the RFC's examples say, and what a plain reading of its rules gives."""

import base64
import hashlib
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailserver.mailauth.dkim_canon import (
    PIECE_OCTETS,
    Canon,
    HeaderField,
    Letter,
    canonical_body,
    canonical_field,
    header_digest,
    without_signature,
)

EXAMPLE = b"A: X\r\nB : Y\t\r\n\tZ  \r\n\r\n C \r\nD \t E\r\n\r\n\r\n"
"""Source: RFC 6376 §3.4.5."""
MIB = 1 << 20


def canonical(message: bytes, header: Canon, body: Canon) -> bytes:
    """Put a whole message in canonical form."""
    letter = Letter(message)
    fields = [canonical_field(field, header) + b"\r\n" for field in letter.fields]
    return b"".join(fields) + b"|" + canonical_body(letter.body, body)


@pytest.mark.parametrize(
    ("header", "body", "expected"),
    [
        (Canon.RELAXED, Canon.RELAXED, b"a:X\r\nb:Y Z\r\n| C\r\nD E\r\n"),
        (Canon.SIMPLE, Canon.SIMPLE, b"A: X\r\nB : Y\t\r\n\tZ  \r\n| C \r\nD \t E\r\n"),
        (Canon.RELAXED, Canon.SIMPLE, b"a:X\r\nb:Y Z\r\n| C \r\nD \t E\r\n"),
    ],
)
def test_the_examples_of_rfc_6376(header: Canon, body: Canon, expected: bytes) -> None:
    assert canonical(EXAMPLE, header, body) == expected


@pytest.mark.parametrize(
    ("canon", "digest"),
    [
        (Canon.SIMPLE, "frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/XKdLCPjaYaY="),
        (Canon.RELAXED, "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="),
    ],
)
def test_an_empty_body_has_the_hash_of_rfc_6376(canon: Canon, digest: str) -> None:
    """§3.4.3 and §3.4.4."""
    for body in (b"", b"\r\n", b"\r\n\r\n\r\n"):
        made = hashlib.sha256(canonical_body(body, canon)).digest()
        assert base64.b64encode(made).decode() == digest


def plainly(body: bytes, canon: Canon) -> bytes:
    """Read the rules line by line, as slowly as it takes."""
    lines = body.split(b"\r\n")
    if canon is Canon.RELAXED:
        lines = [re.sub(rb"[ \t]+", b" ", line).rstrip(b" ") for line in lines]
    while lines and not lines[-1]:
        lines.pop()
    if not lines:
        return b"" if canon is Canon.RELAXED else b"\r\n"
    return b"\r\n".join(lines) + b"\r\n"


PIECES = [b"\r\n", b"\r", b"\n", b" ", b"\t", b"  ", b"x", b"\r\n\r\n", b"\xff", b"\0", b";", b"="]
BODIES = st.lists(st.sampled_from(PIECES), max_size=30).map(b"".join) | st.binary(max_size=50)


@given(BODIES, st.sampled_from(Canon))
def test_a_body_is_what_a_plain_reading_gives(body: bytes, canon: Canon) -> None:
    made = canonical_body(body, canon)
    assert made == plainly(body, canon)
    assert canonical_body(made, canon) == made


@pytest.mark.parametrize("line", [b"a \t b \r\n", b" \r\n", b"x" * 999 + b"\t\r\n", b" " * 999])
def test_a_large_body_is_cut_where_nobody_sees_it(line: bytes) -> None:
    body = line * (3 * PIECE_OCTETS // len(line)) + b"end \r\n\r\n"
    assert canonical_body(body, Canon.RELAXED) == plainly(body, Canon.RELAXED)


@given(BODIES)
def test_a_field_has_one_relaxed_form(value: bytes) -> None:
    relaxed = canonical_field(HeaderField(b"x", b"X:" + value), Canon.RELAXED)
    assert relaxed == b"x:" + re.sub(rb"[ \t]+", b" ", value.replace(b"\r\n", b"")).strip(b" ")


@given(st.lists(st.sampled_from([*PIECES, b"A: b", b":", b"a:"]), max_size=30).map(b"".join))
def test_any_octets_are_cut_without_loss(message: bytes) -> None:
    letter = Letter(message)
    assert message.endswith(letter.body)
    assert all(field.octets in message for field in letter.fields)
    assert all(letter.count(field.name) for field in letter.fields)


def test_fields_are_chosen_from_the_bottom_and_none_where_there_are_no_more() -> None:
    letter = Letter(b"A: 1\r\nB: 2\r\nA: 3\r\nno field\r\nC: 4\r\n\r\n")
    chosen = letter.selected([b"a", b"c", b"a", b"a", b"d"])
    assert [field.octets for field in chosen] == [b"A: 3", b"C: 4", b"A: 1"]


def test_a_name_is_covered_when_each_of_its_fields_is() -> None:
    letter = Letter(b"A: 1\r\nB: 2\r\nA: 3\r\n\r\n")
    assert letter.covered([b"a", b"b", b"c"]) == {"b"}
    assert letter.covered([b"a", b"b", b"a", b"a"]) == {"a", "b"}


@pytest.mark.parametrize(
    ("field", "left"),
    [
        (b"S: a=1; b=xyz; c=2", b"S: a=1; b=; c=2"),
        (b"S: a=1;\r\n b = x\r\n y\r\n z ;c=2", b"S: a=1;\r\n b =;c=2"),
        (b"S: bh=1; b=", b"S: bh=1; b="),
        (b"S: b=1;bh=b=2", b"S: b=;bh=b=2"),
        (b"S: bb=1; a=b=2; b=3", b"S: bb=1; a=b=2; b="),
        (b"S:b=3 ; b=4", b"S:b=; b=4"),
        (b"S: none", b"S: none"),
    ],
)
def test_the_signature_is_taken_out_with_its_white_space(field: bytes, left: bytes) -> None:
    assert without_signature(HeaderField(b"s", field)).octets == left


def test_a_line_end_that_others_may_read_otherwise_is_told() -> None:
    assert Letter(b"A: 1\r\nB: 2\r\n\r\nx\ny").sound
    assert not Letter(b"A: 1\nFrom: x\r\n\r\n").sound
    assert not Letter(b"A: 1\rFrom: x\r\n\r\n").sound


def test_the_length_of_a_body_bounds_what_is_hashed() -> None:
    letter = Letter(b"A: 1\r\n\r\nhello \r\nmore\r\n")
    whole = letter.body_hash(Canon.RELAXED)
    assert whole == (hashlib.sha256(b"hello\r\nmore\r\n").digest(), 0)
    assert letter.body_hash(Canon.RELAXED, 5) == (hashlib.sha256(b"hello").digest(), 8)
    assert letter.body_hash(Canon.RELAXED, 20).beyond_octets == -7
    assert letter.body_hash(Canon.SIMPLE, 0) == (hashlib.sha256(b"").digest(), 14)


HOSTILE = {
    "one line": b"x" * 10 * MIB,
    "spaces": b" " * 10 * MIB,
    "pairs": b"  x" * (3 * MIB),
    "tabs before ends": b"\t \r\n" * (2 * MIB),
    "empty lines": b"\r\n" * (5 * MIB),
    "empty lines that are none": b"\r\n" * (2 * MIB) + b"\r" + b"\r\n" * (2 * MIB),
    "lone ends": b"\r\r\n" * (3 * MIB),
    "line feeds": b"\n" * 10 * MIB,
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
def test_hostile_bodies_cost_what_others_do(body: bytes) -> None:
    """10 MiB take a tenth of a second; quadratic work would take hours."""
    for canon in Canon:
        start = time.process_time()
        canonical_body(body, canon)
        assert time.process_time() - start < 5


def test_a_hostile_header_costs_what_others_do() -> None:
    size = 256 * 1024
    start = time.process_time()
    for header in (
        b";  " * (size // 3),
        b"S:" + b"; b " * (size // 4),
        b"S:" + b" " * size + b"x",
        b"a:\r\n" * (size // 4),
        b"\r\n " * (size // 3),
        b":" * size,
    ):
        letter = Letter(header + b"\r\n\r\n")
        names = [field.name for field in letter.fields]
        signature = HeaderField(b"s", b"S:" + header)
        header_digest(letter.selected(names), signature, Canon.RELAXED)
    assert time.process_time() - start < 5
