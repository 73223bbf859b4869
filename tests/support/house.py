"""A whole server in a temporary directory, on free loopback ports."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mailserver.app.house import House, open_house
from mailserver.app.serving import serve
from mailserver.model.address import Address
from mailserver.model.sealed import Plaintext
from mailserver.operations.first_run import make_directories, make_secrets
from mailserver.runtime.clock import Clock
from mailserver.runtime.door import Door
from mailserver.runtime.settings import Settings, load
from mailserver.store.migrate import Which, migrate
from mailserver.vault.records import Scope

PASSWORD = Plaintext(b"seven tides under the bridge")
DOMAIN = "example.test"


@dataclass(frozen=True, slots=True)
class Serving:
    """A running server: its settings and where its listeners are."""

    settings: Settings
    ports: dict[str, int]


def settings_in(directory: Path, **overrides: Any) -> Settings:
    """Return settings whose every file lies below `directory`; `__` in a name stands for a dot."""
    values: dict[str, Any] = {
        "hostname": "localhost",
        "data_dir": directory / "data",
        "keystore.url": f"sqlite:///{directory / 'keystore' / 'keystore.sqlite3'}",
        "keys.master_file": directory / "secrets" / "master.key",
        "keys.audit_file": directory / "secrets" / "audit.key",
        "tls.certificate": directory / "tls" / "certificate.pem",
        "tls.private_key": directory / "tls" / "key.pem",
        "tls.self_signed": True,
    }
    for name in ("mx", "submission", "submissions", "imap", "imaps", "lmtp"):
        values[f"listeners.{name}.address"] = "127.0.0.1:0"
    values["listeners.https.address"] = "off"
    values.update({name.replace("__", "."): value for name, value in overrides.items()})
    return load(None, {}, values)


async def made(settings: Settings) -> None:
    """Make the directories, keys and databases that `settings` name."""
    make_directories(settings)
    make_secrets(settings)
    await migrate(settings.database_url, Which.MAIN)
    await migrate(settings.keystore_url, Which.KEYSTORE)


async def add_person(house: House, name: str) -> str:
    """Make an account at example.test and return an app password of it."""
    if await house.store.domains.get(DOMAIN) is None:
        await house.provisioning.add_domain(DOMAIN)
    address = Address(name, DOMAIN)
    await house.provisioning.add_user(address, PASSWORD, quota_octets=1 << 30)
    lease = await house.logins.password(str(address), PASSWORD, peer="127.0.0.1")
    try:
        new = await house.app_passwords.add(lease, [Scope.IMAP, Scope.SMTP, Scope.JMAP])
    finally:
        await lease.close()
    return new.secret.reveal().decode()


@asynccontextmanager
async def house_in(
    directory: Path, clock: Clock | None = None, /, **overrides: Any
) -> AsyncIterator[House]:
    """Open a fresh house below `directory`, without listeners."""
    settings = settings_in(directory, **overrides)
    await made(settings)
    async with open_house(settings, clock) as house:
        yield house


@asynccontextmanager
async def serving(settings: Settings, *, seconds: float = 60.0) -> AsyncIterator[Serving]:
    """Serve in this process for the length of a block, which takes so many seconds at most."""
    ready: asyncio.Future[Sequence[Door]] = asyncio.get_running_loop().create_future()
    stop = asyncio.Event()
    async with asyncio.timeout(seconds), asyncio.TaskGroup() as tasks:
        server = tasks.create_task(serve(settings, ready.set_result, stop))
        server.add_done_callback(lambda _: ready.done() or ready.cancel())
        doors = await ready
        try:
            yield Serving(settings, {door.name: door.address.port for door in doors})
        finally:
            stop.set()
            await asyncio.wait([server])
