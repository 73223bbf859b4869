"""A certificate of an erasure: what it says, and that not a letter of it can be changed."""

import json
from datetime import UTC, datetime

import pytest

from mailserver.crypto.sign import SigningKey
from mailserver.model.errors import Corrupt, PeerFault
from mailserver.model.ids import new_account_id
from mailserver.privacy.certificate import Erased, check, issue

AT = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
def key() -> SigningKey:
    return SigningKey.random()


@pytest.fixture
def text(key: SigningKey) -> str:
    return issue(key, Erased(new_account_id(), AT, {"messages": 3}, 7, b"\1" * 32))


def test_it_says_what_went_when_and_what_is_kept(key: SigningKey, text: str) -> None:
    said = check(key.public, text)
    assert said["horizon"] == "2026-11-30"
    assert said["counts"] == {"messages": 3}
    assert said["audit"] == {"entry": 7, "hash": "01" * 32}
    assert all(each["ground"] for each in said["exceptions"])


def test_it_names_proofs_of_consent_only_where_there_are_some(key: SigningKey, text: str) -> None:
    erased = Erased(new_account_id(), AT, {}, 7, b"\1" * 32, consents=2)
    grounds = [each["ground"] for each in check(key.public, issue(key, erased))["exceptions"]]
    assert len(grounds) == len(check(key.public, text)["exceptions"]) + 1
    assert "17(3)(e)" in grounds[-1]


@pytest.mark.parametrize("name", ["account", "erased", "horizon", "counts", "audit", "exceptions"])
def test_nothing_of_it_can_be_changed(key: SigningKey, text: str, name: str) -> None:
    altered = json.loads(text) | {name: "other"}
    with pytest.raises(Corrupt):
        check(key.public, json.dumps(altered))


def test_another_key_did_not_sign_it(text: str) -> None:
    with pytest.raises(Corrupt):
        check(SigningKey.random().public, text)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"signature": "00", "key": "", "schema": 1}'])
def test_what_is_none_is_told_so(key: SigningKey, text: str) -> None:
    with pytest.raises(PeerFault):
        check(key.public, text)
