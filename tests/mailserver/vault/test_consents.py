"""The keyed hashes of the consent ledger outlive a master key, as its proofs do."""

from pathlib import Path

import pytest

from mailserver.model.errors import Absent
from mailserver.vault.consents import ConsentKeys
from mailserver.vault.master import MasterKeys

WHO = "bram@elsewhere.test"


def test_names_and_links_are_known_after_their_key_was_retired(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    first = MasterKeys.create(path)
    kid, before = first.current, ConsentKeys(first)
    (name,) = before.names(WHO)
    link = before.link(name.subject, "news")
    rotated = first.rotate(path)
    after = ConsentKeys(rotated.retire(path, kid))
    names = after.names(WHO)
    assert names[0].subject != name.subject  # what is new is made under the new key
    assert name in names
    assert after.linked(link, "news") == name.subject


def test_links_are_for_one_purpose_and_one_person(tmp_path: Path) -> None:
    keys = ConsentKeys(MasterKeys.create(tmp_path / "master.key"))
    (name,) = keys.names(WHO)
    link = keys.link(name.subject, "news")
    for token, purpose in ((link, "offers"), (link[:-2], "news"), ("é", "news"), ("", "news")):
        with pytest.raises(Absent):
            keys.linked(token, purpose)
    assert keys.names("account:00") != keys.names("00")
