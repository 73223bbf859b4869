"""An administrator's browser at the console's site, as far as `/api/admin` sees one."""

from dataclasses import dataclass
from typing import Any

import httpx
import pyotp

from mailserver.accounts.permissions import AdminRole
from mailserver.app.house import House
from mailserver.model.sealed import Plaintext
from tests.support.web import WebServer, from_page

ADMIN_PASSWORD = "seventeen herons at the lock"
CONSOLE = {"listeners__admin__address": "127.0.0.1:0"}


@dataclass
class Console:
    """It keeps cookies, and sends what a page of the site would."""

    client: httpx.AsyncClient
    fields: dict[str, str]
    csrf: str = ""
    seed: str = ""

    @classmethod
    def at(cls, server: WebServer) -> "Console":
        """Open one; close it with `close`."""
        client = server.client("admin", headers={"user-agent": "Firefox on Linux"})
        return cls(client, from_page(server, "admin"))

    async def ask(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """Send a request; remember the session's token where the answer names it."""
        fields = {**self.fields, **({"x-csrf-token": self.csrf} if self.csrf else {})}
        answer = await self.client.request(method, f"/api/admin{path}", json=body, headers=fields)
        if answer.content and answer.headers["content-type"].startswith("application/json"):
            told = answer.json()
            if isinstance(told, dict) and "csrf" in told:
                self.csrf = told["csrf"]
        return answer

    async def post(self, path: str, **body: Any) -> httpx.Response:
        """Send JSON."""
        return await self.ask("POST", path, body)

    async def get(self, path: str) -> httpx.Response:
        """Read."""
        return await self.ask("GET", path)

    async def enter(self, name: str, password: str = ADMIN_PASSWORD) -> httpx.Response:
        """Sign in for the first time: a second factor is set up on the way."""
        first = await self.post("/sign-in", name=name, password=password)
        if first.status_code != 200:
            return first
        offer = (await self.post("/sign-in/enrol")).json()
        self.seed = offer["secret"].replace(" ", "")
        return await self.post("/sign-in/enrol/confirm", code=pyotp.TOTP(self.seed).now())

    async def close(self) -> None:
        """Close it."""
        await self.client.aclose()


async def add_admin(house: House, name: str, *roles: AdminRole) -> None:
    """Make an administrator."""
    await house.admins.create(name, Plaintext(ADMIN_PASSWORD.encode()), roles)
