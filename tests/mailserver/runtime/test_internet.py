"""Which addresses are the internet's (RFC 6890)."""

import pytest

from mailserver.runtime.internet import is_public

PUBLIC = ["192.0.43.8", "1.1.1.1", "100.128.0.1", "172.32.0.1", "2606:4700::1111", "2a00::1"]
WITHIN = [
    *("0.0.0.0", "0.1.2.3", "10.1.2.3", "127.0.0.1", "127.255.255.254", "169.254.169.254"),
    *("172.16.0.1", "172.31.255.255", "192.168.0.1", "100.64.0.1", "100.127.255.255"),
    *("192.0.0.1", "192.0.0.170", "192.0.2.1", "192.88.99.1", "198.18.0.1", "198.51.100.7"),
    *("203.0.113.7", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255"),
    *("::", "::1", "fe80::1", "fe80::1%eth0", "2606:4700::1111%2", "fec0::1", "fc00::1", "fd00::1"),
    *("ff02::1", "ff0e::1", "100::1", "2001::1", "2001:db8::1", "2001:10::1", "2001:20::1"),
    *("3fff::1", "5f00::1", "4000::1", "64:ff9b:1::1", "::127.0.0.1", "::192.0.43.8"),
]
CARRYING = [
    *("::ffff:127.0.0.1", "::ffff:192.0.43.8", "::ffff:0:127.0.0.1", "64:ff9b::127.0.0.1"),
    *("64:ff9b::10.0.0.1", "64:ff9b::169.254.169.254", "2002:7f00:1::1", "2002:c000:2b08::1"),
    *("2001:0:4136:e378:8000:63bf:3fff:fdd2",),
]


@pytest.mark.parametrize("address", PUBLIC)
def test_the_internets_addresses_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", WITHIN)
def test_special_addresses_are_not(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", CARRYING)
def test_nothing_hides_in_an_address_that_carries_another(address: str) -> None:
    assert not is_public(address)


def test_one_of_nat64_is_as_public_as_what_it_stands_for() -> None:
    assert is_public("64:ff9b::192.0.43.8")


def test_what_is_no_address_is_nothing() -> None:
    with pytest.raises(ValueError, match="127"):
        is_public("127.1")
