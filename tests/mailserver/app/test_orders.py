"""What parent and workers say to each other."""

from pathlib import Path

import pytest

from mailserver.app.orders import Orders, Part, decode_answer, encode_doors, encode_refusal
from mailserver.model.errors import Condition, Misconfigured, Transient
from mailserver.runtime.door import Door
from mailserver.runtime.settings import Endpoint, Tls
from tests.support.house import settings_in


def test_orders_hold_every_setting(tmp_path: Path) -> None:
    settings = settings_in(
        tmp_path,
        workers=2,
        database__url="postgresql://zegel:secret@db/mail",
        listeners__mx__address="[::1]:25",
        listeners__lmtp__address="off",
        limits__message_octets="70 KiB",
    )
    line = Orders(Part(1, 2), settings).encode()
    assert line.endswith(b"\n")
    assert b"\n" not in line[:-1]
    read = Orders.decode(line)
    assert read.settings == settings
    assert read.part == Part(1, 2)
    assert read.settings.database_url == settings.database_url


def test_one_of_several_sweeps_and_all_share_ports() -> None:
    assert [Part(n, 3).sweeps for n in range(3)] == [True, False, False]
    assert all(Part(n, 3).shares_ports for n in range(3))
    assert Part().sweeps
    assert not Part().shares_ports


def test_doors_are_told() -> None:
    doors = [
        Door("mx", Endpoint(host="::1", port=25), Tls.STARTTLS),
        Door("imaps", Endpoint(host="", port=993), Tls.IMPLICIT),
    ]
    assert decode_answer(encode_doors(doors)) == doors


def test_a_refusal_keeps_its_words_and_whether_to_try_again() -> None:
    with pytest.raises(Misconfigured, match="no such key"):
        decode_answer(encode_refusal(Misconfigured("no such key")))
    away = Transient(Condition.UNAVAILABLE, "the store is not available")
    with pytest.raises(Transient, match="not available"):
        decode_answer(encode_refusal(away))
