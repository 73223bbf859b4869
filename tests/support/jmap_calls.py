"""JMAP method calls on a real account, without HTTP: what a request answers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from mailserver.accounts.sessions import Lease
from mailserver.app.doors import Hall
from mailserver.app.house import House
from mailserver.app.personal import export_desk
from mailserver.mail.account import Account
from mailserver.mail.office import Office
from mailserver.runtime.clock import Clock
from mailserver.runtime.limits import Budget, Connections
from mailserver.vault.records import Scope
from tests.support.house import DOMAIN, PASSWORD, add_person, house_in
from webui.jmap.context import Context
from webui.jmap.dispatch import answered
from webui.jmap.methods import REGISTRY
from webui.jmap.request import request_of
from webui.services import Services

USING = sorted(REGISTRY.capabilities)

Answer = tuple[str, dict[str, Any]]


@dataclass(slots=True)
class Client:
    """Somebody who calls methods on their account."""

    account: Account
    services: Services
    by_password: bool = False
    session_id: bytes = b"s" * 16
    created_ids: dict[str, str] = field(default_factory=dict)

    @property
    def context(self) -> Context:
        """What a method of the next request works with."""
        return Context(self.account, self.services, None if self.by_password else self.session_id)

    @property
    def account_id(self) -> str:
        """The account as the client names it."""
        return self.context.account_id

    async def request(self, *calls: tuple[str, dict[str, Any]]) -> list[Answer]:
        """Make one request of some calls; return each response's name and arguments."""
        account_id = self.account_id
        return await self.raw(
            *((name, {"accountId": account_id, **arguments}) for name, arguments in calls)
        )

    async def raw(self, *calls: tuple[str, dict[str, Any]]) -> list[Answer]:
        """Make one request of calls whose arguments are whole as they are given."""
        named = [[name, arguments, f"c{n}"] for n, (name, arguments) in enumerate(calls)]
        body = {"using": USING, "methodCalls": named}
        request = request_of(msgspec.json.decode(msgspec.json.encode(body)))
        response = await answered(REGISTRY, request, self.context, "state")
        plain = msgspec.json.decode(msgspec.json.encode(response))
        return [(name, arguments) for name, arguments, _ in plain["methodResponses"]]

    async def call(self, name: str, **arguments: Any) -> dict[str, Any]:
        """Call one method; return its response's arguments, of an `error` too."""
        told, answer = (await self.request((name, arguments)))[0]
        if told == "error":
            return {"error": answer["type"], **answer}
        return answer

    async def mailbox(self, role: str) -> str:
        """Return the id of the mailbox with a role."""
        listed = (await self.call("Mailbox/get", ids=None))["list"]
        return next(str(each["id"]) for each in listed if each["role"] == role)


@asynccontextmanager
async def hall_in(
    directory: Path, clock: Clock | None = None, /, **overrides: Any
) -> AsyncIterator[Hall]:
    """Open a house with what listeners share, without listeners."""
    async with (
        house_in(directory, clock, **overrides) as house,
        asyncio.TaskGroup() as background,
    ):
        office = Office(house.store, house.offload, background)
        exports = export_desk(house, background.create_task)
        yield Hall(house, office, exports, None, Budget(1 << 30), Connections(100, 100))


@asynccontextmanager
async def person(
    hall: Hall, name: str = "ann", *, scopes: tuple[Scope, ...] | None = None
) -> AsyncIterator[Client]:
    """Sign somebody in, as the webmail does; with `scopes`, by an app password."""
    house: House = hall.house
    await add_person(house, name)
    login = f"{name}@{DOMAIN}"
    lease: Lease = await house.logins.password(login, PASSWORD, peer="127.0.0.1")
    try:
        if scopes is not None:
            new = await house.app_passwords.add(lease, scopes)
            await lease.close()
            lease = await house.logins.app_password(
                login, new.secret, scope=Scope.JMAP, peer="127.0.0.1"
            )
        account = hall.office.open(lease)
        yield Client(account, Services.of(hall), by_password=scopes is not None)
        await account.close()
    finally:
        await lease.close()
