"""A whole server with its web listeners, in this process, and clients that ask it."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from mailserver.app.house import open_house
from tests.support.house import Serving, add_person, made, serving, settings_in

WEB = {
    "listeners__https__address": "127.0.0.1:0",
    "listeners__api__address": "127.0.0.1:0",
}
MAIL = ("mx", "submission", "submissions", "imap", "imaps", "lmtp")
ONLY_WEB = {**WEB, **{f"listeners__{name}__address": "off" for name in MAIL}}


class WebServer:
    """A running server and one person at it."""

    def __init__(self, serving: Serving, secret: str) -> None:
        """Point at `serving`; `secret` is an app password of noor@example.test."""
        self.serving = serving
        self.secret = secret

    def origin(self, door: str = "https", host: str = "localhost") -> str:
        """Return the origin of a listener."""
        scheme = "http" if door == "http" else "https"
        return f"{scheme}://{host}:{self.serving.ports[door]}"

    def tls(self) -> ssl.SSLContext:
        """Return a context that believes the server's certificate."""
        return ssl.create_default_context(cafile=self.serving.settings.tls.certificate)

    def client(self, door: str = "https", **options: Any) -> httpx.AsyncClient:
        """Return a client of a listener, as a program without a browser's headers."""
        return httpx.AsyncClient(
            base_url=self.origin(door), verify=self.tls(), trust_env=False, **options
        )


@asynccontextmanager
async def web_server(directory: Path, **overrides: Any) -> AsyncIterator[WebServer]:
    """Serve https and api for the length of a block, and nothing else but what `overrides` say."""
    settings = settings_in(directory, **{**ONLY_WEB, **overrides})
    await made(settings)
    async with open_house(settings) as house:
        secret = await add_person(house, "noor")
    async with serving(settings) as server:
        yield WebServer(server, secret)


def from_page(server: WebServer, door: str = "https") -> dict[str, str]:
    """Return the fields that a browser sends for a page of the site."""
    return {"origin": server.origin(door), "sec-fetch-site": "same-origin"}
