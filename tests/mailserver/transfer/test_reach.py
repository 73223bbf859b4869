"""Whom a user may make us connect to."""

import pytest

from mailserver.model.errors import Refused
from mailserver.runtime.settings import Tls
from mailserver.transfer.reach import ConnectionLost, Reach, Server, addresses

ANYWHERE, PUBLIC = Reach(private=True), Reach()


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "127.1", "localhost", "10.1.2.3", "192.168.0.1", "172.16.9.9", "0.0.0.0"),
        *("169.254.169.254", "100.64.0.1", "224.0.0.1", "255.255.255.255", "2130706433"),
        *("::1", "::", "fe80::1", "fc00::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1"),
        *("2002:7f00:1::1", "2002:a00:1::", "ff02::1", "::ffff:a00:1"),
    ],
)
async def test_nobody_looks_around_in_here(host: str) -> None:
    with pytest.raises((Refused, ConnectionLost)):
        await addresses(Server(host, 993), PUBLIC)


async def test_the_public_internet_is_reached_on_imaps_ports_alone() -> None:
    assert await addresses(Server("1.1.1.1", 993), PUBLIC) == ["1.1.1.1"]
    assert await addresses(Server("2606:4700::1111", 143, Tls.STARTTLS), PUBLIC)
    for port in (22, 25, 80, 6379):
        with pytest.raises(Refused, match="ports 993 and 143"):
            await addresses(Server("1.1.1.1", port), PUBLIC)


async def test_clear_text_goes_no_further_than_this_machine() -> None:
    assert await addresses(Server("127.0.0.1", 143, Tls.NONE), ANYWHERE) == ["127.0.0.1"]
    with pytest.raises(Refused, match="TLS only"):
        await addresses(Server("10.0.0.1", 143, Tls.NONE), ANYWHERE)


async def test_a_name_that_is_none_is_said() -> None:
    with pytest.raises(ConnectionLost, match="there is no server"):
        await addresses(Server("nobody.invalid", 993), PUBLIC)
