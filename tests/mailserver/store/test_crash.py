"""What was acknowledged is there after a kill, and the rest left nothing half done."""

import asyncio
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.support.store import build, opened

ROOT = Path(__file__).parents[3]
ENOUGH = 60


async def test_a_killed_process_loses_nothing_it_acknowledged(
    mail_url: str, tmp_path: Path
) -> None:
    blobs = tmp_path / "blobs"
    async with opened(mail_url, blobs) as store:
        house = await build(store)
    arguments = (mail_url, blobs, house.account.hex(), house.inbox, house.epoch)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.support.appender", *map(str, arguments)),
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    acknowledged: list[int] = []
    async with asyncio.timeout(60):
        while len(acknowledged) < ENOUGH:
            acknowledged.append(int(await process.stdout.readline()))
        process.kill()
        rest = await process.stdout.read()
        await process.wait()
    acknowledged += [int(line) for line in rest.splitlines(keepends=True) if line.endswith(b"\n")]
    async with opened(mail_url, blobs) as store:
        selected = await store.mailboxes.select(house.account, house.inbox, writable=False)
        assert set(acknowledged) <= set(selected.uids)
        assert len(set(acknowledged)) == len(acknowledged)
        rows = await store.entries.rows(house.account, house.inbox, None, body=True)
        assert all(len(row.body or b"") in {2_000, 100_000} for row in rows)
        assert await store.check() == []
        # A blob is put before its row: what was between the two is an orphan, and may be swept.
        await store.sweeps.delete_orphans(datetime.now(UTC) + timedelta(minutes=1))
