"""Whose request it is, behind a reverse proxy."""

import pytest
from starlette.types import Message, Receive, Scope, Send

from mailserver.runtime.settings_web import Web
from webui.proxies import Proxies, is_within

PROXIES = Web.model_validate({"proxies": "10.0.0.0/8, 2001:db8::/32"}).proxies


async def seen(peer: str, *fields: tuple[str, str], kind: str = "http") -> tuple[str, str]:
    """Return the client and the scheme that an application behind the layer sees."""
    found: list[tuple[str, str]] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        found.append((scope["client"][0], scope["scheme"]))

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        raise AssertionError("nothing is sent")

    scope = {
        "type": kind,
        "client": (peer, 1234),
        "scheme": "ws" if kind == "websocket" else "http",
        "headers": [(name.encode(), value.encode()) for name, value in fields],
    }
    await Proxies(app, PROXIES)(scope, receive, send)
    return found[0]


@pytest.mark.parametrize(
    ("peer", "told", "client"),
    [
        ("10.0.0.1", "192.0.2.7", "192.0.2.7"),
        ("10.0.0.1", "192.0.2.7:4711", "192.0.2.7"),
        ("10.0.0.1", '"[2001:db9::7]:4711"', "2001:db9::7"),
        ("::ffff:10.0.0.1", "192.0.2.7", "192.0.2.7"),
        ("2001:db8::1", "192.0.2.7", "192.0.2.7"),
        # what stands left of the first stranger is the stranger's own tale
        ("10.0.0.1", "198.51.100.1, 192.0.2.7", "192.0.2.7"),
        ("10.0.0.1", "198.51.100.1, 192.0.2.7, 10.0.0.2", "192.0.2.7"),
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("10.0.0.1", "unknown, 10.0.0.2", "10.0.0.2"),
        ("10.0.0.1", "nonsense", "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("192.0.2.1", "127.0.0.1", "192.0.2.1"),
    ],
)
async def test_a_trusted_proxy_is_believed_and_nobody_else(
    peer: str, told: str, client: str
) -> None:
    assert (await seen(peer, ("x-forwarded-for", told)))[0] == client


async def test_fields_that_came_twice_are_read_as_one() -> None:
    told = (("x-forwarded-for", "198.51.100.1"), ("x-forwarded-for", "192.0.2.7"))
    assert (await seen("10.0.0.1", *told))[0] == "192.0.2.7"


async def test_the_scheme_is_the_clients() -> None:
    https = ("x-forwarded-proto", "https")
    assert (await seen("10.0.0.1", https))[1] == "https"
    assert (await seen("10.0.0.1", https, kind="websocket"))[1] == "wss"
    assert (await seen("10.0.0.1", ("x-forwarded-proto", "gopher")))[1] == "http"
    assert (await seen("192.0.2.1", https))[1] == "http"


def test_what_is_no_address_lies_in_no_network() -> None:
    assert not is_within("local", PROXIES)
    assert not is_within("10.0.0.1", ())
    assert is_within("10.255.0.1", PROXIES)
