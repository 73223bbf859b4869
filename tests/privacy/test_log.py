"""T-LOG-1 to T-LOG-3 of PRIVACY §18: what a reader of the log learns of people: nothing."""

import ast
import asyncio
import io
import json
import logging
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from mailserver.runtime.clock import ManualClock
from mailserver.runtime.log import Redactor

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("mailserver", "webui")

# In a process of its own, for it sets the log of the whole process up.
CANARIES = """
import asyncio, json, logging, sys
from aiosmtpd.smtp import SMTP
from mailserver.model.sealed import Plaintext
from mailserver.runtime import log

canary = sys.argv[1]
log.configure(level="info", log_key=b"k" * 32)
for name in ("mail.log", "mail.debug"):
    logging.getLogger(name).setLevel(logging.DEBUG)  # as a careless setting would
write = log.get_logger("test")
write.info("accepted", sender=f"{canary}@example.org", subject=canary, file_name=canary,
           token=canary, octets=canary.encode(), text=Plaintext(canary.encode()), items=[canary])
write.debug("quiet", reason=canary)
logging.getLogger("anything").error("could not parse %s", canary, extra={"body": canary})
try:
    int(canary)
except ValueError:
    write.exception("failed", found=canary)
    logging.getLogger("library").exception(canary)

class Handler:
    async def handle_DATA(self, server, session, envelope):
        raise ValueError(canary)
    async def handle_exception(self, error):
        write.error("bug", exc_info=error)
        return "451 4.3.0 try later"

async def main():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(Handler(), loop=loop), "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(f"HELO {canary}\\r\\nMAIL FROM:<{canary}@x.nl>\\r\\nRCPT TO:<{canary}@y.nl>\\r\\n"
                 f"{canary}\\r\\nDATA\\r\\nSubject: {canary}\\r\\n\\r\\n{canary}\\r\\n"
                 ".\\r\\nQUIT\\r\\n".encode())
    async with asyncio.timeout(20):
        replies = await reader.read()
    assert replies.count(b"451") == 1, replies
    writer.close()
    server.close()
    write.info("served", domain="x.nl")
asyncio.run(main())
"""


def run_with(canary: str) -> str:
    run = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "ignore", "-c", CANARIES, canary],
        capture_output=True,
        check=True,
        cwd=ROOT,
        text=True,
    )
    assert run.stdout == ""
    return run.stderr


def test_t_log_1_canaries_are_nowhere_in_the_log() -> None:
    said = run_with("kanarie7canary")
    assert '"event":"accepted"' in said
    assert '"event":"bug"' in said
    assert '"event":"served"' in said
    assert "kanarie7" not in said.lower()


def test_t_log_1_events_are_written_in_the_source_not_made_from_data() -> None:
    found = list(log_calls())
    assert found, "no call of a logger was found: the check looks in the wrong place"
    varying = [
        f"{path.relative_to(ROOT)}:{call.lineno}"
        for path, call in found
        if not (call.args and isinstance(call.args[0], ast.Constant))
    ]
    assert varying == []


def log_calls() -> list[tuple[Path, ast.Call]]:
    levels = {"debug", "info", "warning", "error", "critical", "exception"}
    calls = []
    sources = (path for name in PACKAGES for path in (ROOT / name).rglob("*.py"))
    for path in sorted(path for path in sources if "spa" not in path.parts):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in levels
                and isinstance(node.func.value, ast.Name)
                and node.func.value.id in {"log", "_log", "logger", "write"}
            ):
                calls.append((path, node))
    return calls


def test_t_log_2_a_peer_cannot_write_lines_of_its_own() -> None:
    attack = 'x\r\n{"event":"login","result":"ok"}\u2028\u2029\x85\x1b[2J\x00'
    stream = io.StringIO()
    for line in lines_of(attack, stream):
        assert line.isascii()
        assert line.isprintable()
        assert json.loads(line)["event"] == "refused"
    assert len(stream.getvalue().splitlines()) == 1


def lines_of(attack: str, stream: io.StringIO) -> list[str]:
    script = (
        "import sys; from mailserver.runtime import log\n"
        "log.get_logger('t').info('refused', reason=sys.argv[1].replace('NUL', chr(0)))"
    )
    run = subprocess.run(
        [sys.executable, "-c", script, attack.replace("\0", "NUL")],
        capture_output=True,
        check=True,
        cwd=ROOT,
    )
    stream.write(run.stderr.decode("ascii"))
    return stream.getvalue().split("\n")[:-1]


def test_t_log_3_weeks_cannot_be_joined() -> None:
    clock = ManualClock(datetime(2026, 6, 1, tzinfo=UTC))
    people = ["jan", "maria", "info", "noor"]
    redactor = Redactor(b"k" * 32, clock)
    first = {redactor.pseudonym(name) for name in people}
    assert first == {redactor.pseudonym(name) for name in people}
    clock.advance(timedelta(weeks=1))
    second = {redactor.pseudonym(name) for name in people}
    assert len(first) == len(second) == 4
    assert first.isdisjoint(second)


async def test_pinned_loggers_stay_silent_whatever_the_root_logger_does() -> None:
    heard: list[logging.LogRecord] = []

    class Listening(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            heard.append(record)

    ear = Listening()
    root = logging.getLogger()
    root.addHandler(ear)
    try:
        logging.getLogger("mail.log").error("canary")
        logging.getLogger("other").error("heard")
        await asyncio.sleep(0)
    finally:
        root.removeHandler(ear)
    assert [record.name for record in heard] == ["other"]
