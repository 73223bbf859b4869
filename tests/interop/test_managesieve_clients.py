"""Other people's ManageSieve clients keep scripts on a real server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import managesieve
import pytest

from mailserver.app.house import open_house
from mailserver.model.address import Address
from mailserver.vault.records import Scope
from tests.support.house import DOMAIN, PASSWORD, made, serving, settings_in
from tests.support.programs import run

ALICE = f"alice@{DOMAIN}"
SCRIPT = 'require ["fileinto", "mailbox"];\r\nfileinto :create "Täglich";\r\n'


@asynccontextmanager
async def reachable(directory: Path) -> AsyncIterator[tuple[int, str, Path]]:
    """Serve an account; yields the port, an app password for scripts, and the certificate."""
    settings = settings_in(directory, listeners__managesieve__address="127.0.0.1:0")
    await made(settings)
    async with open_house(settings) as house:
        await house.provisioning.add_domain(DOMAIN)
        await house.provisioning.add_user(Address.parse(ALICE), PASSWORD, quota_octets=1 << 30)
        lease = await house.logins.password(ALICE, PASSWORD, peer="127.0.0.1")
        secret = (await house.app_passwords.add(lease, [Scope.SIEVE])).secret.reveal().decode()
        await lease.close()
    async with serving(settings) as server:
        yield server.ports["managesieve"], secret, settings.tls.certificate


def keep_with_python(port: int, secret: str) -> None:
    client = managesieve.MANAGESIEVE("127.0.0.1", port, use_tls=True, tls_verify=False)
    wrapped = client.sock.sslobj  # which the client itself does not close
    assert client.login("", ALICE, secret) == managesieve.OK
    assert client.havespace("mine", len(SCRIPT)) == managesieve.OK
    assert client.putscript("mine", SCRIPT) == managesieve.OK
    assert client.setactive("mine") == managesieve.OK
    assert client.listscripts() == (managesieve.OK, [("mine", True)])
    assert client.getscript("mine") == (managesieve.OK, SCRIPT)
    assert client.putscript("broken", 'fileinto "x";') == managesieve.NO
    assert "line 1, column 1" in str(client.response_text)
    assert client.deletescript("mine") == managesieve.NO
    assert client.setactive("") == managesieve.OK
    assert client.deletescript("mine") == managesieve.OK
    assert client.logout() == managesieve.OK
    wrapped.close()


async def test_pythons_managesieve(tmp_path: Path) -> None:
    async with reachable(tmp_path) as (port, secret, _):
        await asyncio.to_thread(keep_with_python, port, secret)


@pytest.mark.long
async def test_sieve_connect(tmp_path: Path, home: Path) -> None:
    script, fetched, secret_file = home / "mine.sieve", home / "fetched", home / "secret"
    script.write_bytes(SCRIPT.encode())
    async with reachable(tmp_path) as (port, secret, certificate):
        secret_file.write_text(secret + "\n")

        async def connect(*action: str) -> bytes:
            return await asyncio.to_thread(
                run,
                *("sieve-connect", "--server", "localhost", "-4", "--port", str(port)),
                *("--user", ALICE, "--passwordfd", "0", "--tlscafile", str(certificate)),
                *action,
                home=home,
                stdin=secret.encode() + b"\n",
            )

        await connect("--localsieve", str(script), "--remotesieve", "mine", "--upload")
        await connect("--remotesieve", "mine", "--activate")
        assert b'"mine" ACTIVE' in await connect("--list")
        await connect("--remotesieve", "mine", "--localsieve", str(fetched), "--download")
        assert fetched.read_bytes() == SCRIPT.encode()
        await connect("--deactivate")
        await connect("--remotesieve", "mine", "--delete")
        assert b"mine" not in await connect("--list")
