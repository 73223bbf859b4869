"""The 48 octets that everything is bound to."""

import pytest

from mailserver.crypto.context import (
    CONTEXT_OCTETS,
    NO_SUITE,
    OBJECT,
    FieldId,
    Kind,
    Origin,
    context,
    context_head,
    context_rest,
)
from mailserver.crypto.suite import Suite
from mailserver.model.ids import AccountId, ObjectId

ACCOUNT = AccountId(bytes(range(16)))
OBJECT_ID = ObjectId(bytes(range(0xF0, 0x100)))


def test_every_octet_is_where_the_specification_puts_it() -> None:
    written = context(
        Kind.EMAIL,
        Origin.OWNER,
        ACCOUNT,
        OBJECT_ID,
        FieldId.BODY,
        0x01020304,
        0xA1A2A3A4,
        Suite.CLASSICAL,
    )
    assert len(written) == CONTEXT_OCTETS
    assert written.hex() == (
        "7a6731"  # "zg1"
        "01"
        "02"
        "000102030405060708090a0b0c0d0e0f"
        "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"
        "0002"
        "01020304"
        "a1a2a3a4"
        "02"
    )
    assert written[OBJECT] == OBJECT_ID


def test_the_pieces_make_the_whole() -> None:
    whole = context(
        Kind.SEGMENT, Origin.OWNER, ACCOUNT, OBJECT_ID, FieldId.SEGMENT, 1, 7, Suite.HYBRID
    )
    head = context_head(Kind.SEGMENT, Origin.OWNER, ACCOUNT)
    assert head + OBJECT_ID + context_rest(FieldId.SEGMENT, 1, 7, Suite.HYBRID) == whole


@pytest.mark.parametrize("length", [0, 15, 17])
def test_identifiers_of_another_length_are_refused(length: int) -> None:
    wrong = bytes(length)
    with pytest.raises(ValueError, match="16 octets"):
        context(Kind.EMAIL, Origin.OWNER, AccountId(wrong), OBJECT_ID, FieldId.BODY, 1, 1, NO_SUITE)
    with pytest.raises(ValueError, match="16 octets"):
        context(Kind.EMAIL, Origin.OWNER, ACCOUNT, ObjectId(wrong), FieldId.BODY, 1, 1, NO_SUITE)
    with pytest.raises(ValueError, match="16 octets"):
        context_head(Kind.EMAIL, Origin.OWNER, AccountId(wrong))


def test_stored_numbers_do_not_move() -> None:
    """They are in the associated data of everything ever sealed."""
    assert [(kind.name, kind.value) for kind in (Kind.EMAIL, Kind.CONTENT_KEY, Kind.SEGMENT)] == [
        ("EMAIL", 1),
        ("CONTENT_KEY", 2),
        ("SEGMENT", 3),
    ]
    assert [origin.value for origin in Origin] == [1, 2, 3, 4, 5]
    assert [field.value for field in FieldId] == [1, 2, 3, 4, 5, 6, 7, 8]
