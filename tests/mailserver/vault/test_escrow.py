"""T-KEY-1 for escrow: two halves open the account's key; what is in another place opens nothing."""

from dataclasses import replace
from datetime import timedelta

import pytest

from mailserver.crypto.hpke import KeyPair
from mailserver.crypto.suite import Suite
from mailserver.model.errors import Corrupt, PeerFault, Refused
from mailserver.model.ids import new_account_id
from mailserver.model.sealed import Guarded
from mailserver.vault.credentials import NewWrap
from mailserver.vault.custodians import key_of
from mailserver.vault.escrow import (
    check_half,
    make_escrow_wrap,
    open_escrow_wrap,
    open_half,
)
from mailserver.vault.escrow_export import new_seed, public_half
from mailserver.vault.escrow_request import Answer, Request, answered, half_of
from mailserver.vault.escrow_rows import RequestRecord, open_request, seal_request
from mailserver.vault.records import WrapKind, decode_wrap, encode_wrap
from tests.support.escrow import a_pair
from tests.support.vault import NOW, Person, a_master


@pytest.fixture
def person() -> Person:
    return Person(a_master())


@pytest.fixture
def pairs() -> list[KeyPair]:
    return [a_pair(), a_pair()]


def wrapped(person: Person, pairs: list[KeyPair]) -> NewWrap:
    return make_escrow_wrap(person.key(), person.account, [key_of(pair) for pair in pairs], NOW)


def halves(person: Person, pairs: list[KeyPair], made: NewWrap) -> list[bytearray]:
    return [
        open_half(pair, person.account, made.row_id, 1, number, half.sealed)
        for number, (pair, half) in enumerate(zip(pairs, made.record.halves, strict=True))
    ]


def test_t_key_1_two_halves_open_the_key(person: Person, pairs: list[KeyPair]) -> None:
    made = wrapped(person, pairs)
    record = decode_wrap(encode_wrap(made.record))
    assert record == made.record
    both = halves(person, pairs, made)
    for half, pair in zip(both, pairs, strict=True):
        check_half(record, key_of(pair).id, half)
    key = open_escrow_wrap(person.account, made.row_id, record, both)
    assert bytes(key.amk.octets) == person.amk
    assert [bytes(half) for half in both] == [bytes(32), bytes(32)]  # overwritten


def test_t_lc_4_one_half_twice_or_both_in_the_other_order_open_nothing(
    person: Person, pairs: list[KeyPair]
) -> None:
    made = wrapped(person, pairs)
    for order in ((0, 0), (1, 1), (1, 0)):
        chosen = [halves(person, pairs, made)[at] for at in order]
        with pytest.raises(Refused):
            open_escrow_wrap(person.account, made.row_id, made.record, chosen)
    first, second = halves(person, pairs, made)
    with pytest.raises(Refused):
        check_half(made.record, key_of(pairs[0]).id, second)
    with pytest.raises(Refused):
        check_half(made.record, key_of(a_pair()).id, first)


def test_t_lc_4_a_half_opens_in_its_place_alone(person: Person, pairs: list[KeyPair]) -> None:
    made = wrapped(person, pairs)
    sealed = made.record.halves[0].sealed
    here = (person.account, made.row_id, 1, 0)
    assert len(open_half(pairs[0], *here, sealed)) == 32
    for place in (
        (new_account_id(), *here[1:]),
        (here[0], bytes(16), *here[2:]),
        (*here[:2], 2, 0),
        (*here[:3], 1),
    ):
        with pytest.raises(Corrupt):
            open_half(pairs[0], *place, sealed)
    with pytest.raises(Corrupt):
        open_half(pairs[1], *here, sealed)


def test_a_wrap_of_another_kind_or_place_is_none(person: Person, pairs: list[KeyPair]) -> None:
    made = wrapped(person, pairs)
    posing = replace(made.record, kind=WrapKind.PASSWORD)
    with pytest.raises(Refused):
        open_escrow_wrap(person.account, made.row_id, posing, halves(person, pairs, made))
    with pytest.raises(Corrupt):
        open_escrow_wrap(person.account, bytes(16), made.record, halves(person, pairs, made))
    for wrong in (pairs[:1], [pairs[0], pairs[0]], [*pairs, a_pair()]):
        with pytest.raises(ValueError, match="two custodians"):
            wrapped(person, wrong)


def a_request(person: Person, pairs: list[KeyPair]) -> tuple[Request, RequestRecord, NewWrap]:
    made, seed = wrapped(person, pairs), new_seed()
    request = Request(
        id=bytes(16),
        address="ada@example.org",
        account=person.account,
        reason="she is ill",
        made_at=NOW,
        expires_at=NOW + timedelta(minutes=60),
        row_id=made.row_id,
        generation=1,
        halves=tuple((half.custodian, half.sealed) for half in made.record.halves),
        suite=Suite.HYBRID,
        public=public_half(seed, Suite.HYBRID),
    )
    return request, RequestRecord(1, request, seed.octets), made


def test_files_travel_and_answers_open_for_their_request(
    person: Person, pairs: list[KeyPair]
) -> None:
    request, record, made = a_request(person, pairs)
    assert Request.parse(request.encode()) == request
    answer = answered(Request.parse(request.encode()), pairs[1], NOW)
    assert Answer.parse(answer.encode()) == answer
    half = half_of(request, record.seed, answer.custodian, answer.sealed)
    assert half == halves(person, pairs, made)[1]
    with pytest.raises(Refused):
        answered(request, pairs[1], request.expires_at)
    for strange in (b"", b"{}", b"[]", request.encode()[:-9], answer.encode().replace(b"1", b"x")):
        with pytest.raises(PeerFault):
            Request.parse(strange)
        with pytest.raises(PeerFault):
            Answer.parse(strange)
    with pytest.raises(PeerFault):
        Request.parse(answer.encode())
    with pytest.raises(PeerFault):
        Answer.parse(request.encode())


def test_a_requests_row_is_authentic_or_nothing(person: Person, pairs: list[KeyPair]) -> None:
    request, record, _ = a_request(person, pairs)
    opened = replace(record, answers={b"a" * 32: b"sealed"}, opened_at=NOW)
    sealed = Guarded(seal_request(person.master, opened).sealed)
    assert open_request(person.master, person.account, request.id, sealed) == opened
    assert not opened.is_spent
    with pytest.raises(Corrupt):
        open_request(person.master, person.account, bytes(15) + b"x", sealed)
    with pytest.raises(Corrupt):
        open_request(a_master(), person.account, request.id, sealed)
