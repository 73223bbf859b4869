"""Debian's postgrey, whom a Postfix asks whether a stranger is to come again."""

import asyncio
import pwd
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from tempfile import TemporaryDirectory

from tests.support.ports import free_port
from tests.support.programs import program

START_SECONDS = 20.0


@asynccontextmanager
async def postgrey(delay_seconds: int) -> AsyncIterator[str]:
    """Run it for the length of a block, knowing nobody; needs root, whose rights it drops.

    Yields:
        Postfix's restriction that asks it.
    """
    port, owner = free_port(), pwd.getpwnam("postgrey")
    with TemporaryDirectory(prefix="zegel-postgrey-") as directory:
        shutil.chown(directory, owner.pw_uid, owner.pw_gid)
        process = await asyncio.create_subprocess_exec(
            program("postgrey"),
            f"--inet=127.0.0.1:{port}",
            f"--delay={delay_seconds}",
            f"--dbdir={directory}",
            f"--pidfile={directory}/pid",
            "--whitelist-clients=/dev/null",
            "--whitelist-recipients=/dev/null",
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            await _answering(port)
            yield f"check_policy_service inet:127.0.0.1:{port}"
        finally:
            process.terminate()
            await process.wait()


async def _answering(port: int) -> None:
    async with asyncio.timeout(START_SECONDS):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
                continue
            writer.close()
            await writer.wait_closed()
            return
