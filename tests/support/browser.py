"""A browser at the webmail's site, as far as the account's API sees one."""

from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.support.web import WebServer, from_page


@dataclass
class Browser:
    """It keeps cookies, and sends what a page of the site would."""

    client: httpx.AsyncClient
    fields: dict[str, str]
    csrf: str = ""
    set_cookies: list[str] = field(default_factory=list)

    @classmethod
    def at(cls, server: WebServer, agent: str = "Firefox on Linux") -> "Browser":
        """Open one; close it with `close`."""
        client = server.client("https", headers={"user-agent": agent})
        return cls(client, from_page(server))

    async def ask(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """Send a request; remember the session's token where the answer names it."""
        fields = {**self.fields, **({"x-csrf-token": self.csrf} if self.csrf else {})}
        answer = await self.client.request(method, f"/api/account{path}", json=body, headers=fields)
        self.set_cookies += answer.headers.get_list("set-cookie")
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

    async def sign_in(self, address: str, password: str, **more: Any) -> httpx.Response:
        """Give address and password."""
        return await self.post("/sign-in", address=address, password=password, **more)

    async def close(self) -> None:
        """Close it."""
        await self.client.aclose()
