"""Real scanners for a test: Debian's ClamAV and rspamd, without a word to anybody else.

clamd gets a signature database of ours with one entry: the EICAR test file by its hash, so that it
is found in archives as well. rspamd gets a configuration of its own: no
lists, no fuzzy hashes, a name server that nobody answers for.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from mailserver.model.errors import Transient
from mailserver.screening.clamav import Clamd
from tests.support.ports import free_port
from tests.support.programs import program

EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
"""Harmless, and found by every scanner (eicar.org). In two pieces, or a scanner would find us."""
SIGNATURES = "44d88612fea8a8f36de82e1278abb02f:68:Eicar-Test-Signature\n"
GTUBE = b"XJS*C4JDBQADN1.NSBN3*2IDNEN*" + b"GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"
"""What every spam filter calls spam."""
START_SECONDS = 60.0  # rspamd compiles its expressions first

_CLAMD = """
LocalSocket {home}/clamd.sock
DatabaseDirectory {home}/database
TemporaryDirectory {home}
Foreground yes
ScanMail yes
ScanArchive yes
StreamMaxLength 150M
MaxScanSize 150M
MaxFileSize 150M
MaxRecursion 20
SelfCheck 0
"""
_RSPAMD = """
options {{
  pidfile = "{home}/rspamd.pid";
  filters = "";
  control_socket = "{home}/control.sock mode=0600";
  hs_cache_dir = "{home}/";
  cache_file = "{home}/symbols.cache";
  stats_file = "{home}/stats.ucl";
  history_file = "{home}/history";
  tempdir = "{home}";
  url_tld = "{home}/suffixes";
  dns {{ nameserver = ["127.0.0.1:{nobody}"]; timeout = 0.1s; retransmits = 1; }}
}}
logging {{ type = "console"; level = "error"; }}
actions {{ reject = 15; add_header = 6; greylist = 4; }}
worker "normal" {{ bind_socket = "127.0.0.1:{port}"; count = 1; mime = true; }}
modules {{ path = "{home}/modules/"; }}
lua = "{home}/rules.lua";
"""
_RULES = """
local function marked(word)
  return function(task)
    local subject = task:get_subject()
    return subject ~= nil and subject:find(word, 1, true) ~= nil
  end
end
rspamd_config.OUR_JUNK = {
  callback = marked('our-junk'), score = 7.5, group = 'ours', description = 'it says so itself'
}
rspamd_config.OUR_DOUBT = {
  callback = marked('our-doubt'), score = 4.5, group = 'ours', description = 'it is not sure'
}
rspamd_config.OUR_TRAITS = {
  callback = function(task)
    local from, ip, helo = task:get_from('smtp'), task:get_from_ip(), task:get_helo()
    local known = from and from[1] and ip and ip:is_valid() and helo
    return known and true, known and (from[1].addr .. ' ' .. tostring(ip) .. ' ' .. helo) or ''
  end,
  score = 0.1, group = 'ours', description = 'it knows its client'
}
"""


@asynccontextmanager
async def clamd() -> AsyncIterator[str]:
    """Run ClamAV's daemon for the length of a block; yields where it is, as the settings say it."""
    with TemporaryDirectory(prefix="zegel-clamd-") as directory:
        home = Path(directory)
        (home / "database").mkdir()
        (home / "database" / "ours.hdb").write_text(SIGNATURES)
        configuration = home / "clamd.conf"
        configuration.write_text(_CLAMD.format(home=home))
        place = f"unix:{home}/clamd.sock"
        async with _running(program("clamd"), "-c", configuration) as process:
            await _until(process, lambda: _scans(place))
            yield place


@asynccontextmanager
async def rspamd() -> AsyncIterator[str]:
    """Run an rspamd worker for the length of a block; yields its URL."""
    with TemporaryDirectory(prefix="zegel-rspamd-") as directory, _unheard() as nobody:
        home, port = Path(directory), free_port()
        (home / "modules").mkdir()
        (home / "suffixes").write_text("com\norg\ntest\n")  # its own list takes half a minute
        (home / "rules.lua").write_text(_RULES)
        configuration = home / "rspamd.conf"
        configuration.write_text(_RSPAMD.format(home=home, port=port, nobody=nobody))
        url = f"http://127.0.0.1:{port}"
        async with _running(program("rspamd"), "-c", configuration, "-f", "-i") as process:
            await _until(process, lambda: _answers(url))
            yield url


@contextmanager
def standing(scanner: AbstractAsyncContextManager[str]) -> Iterator[str]:
    """Run one for a fixture that many tests share."""
    with asyncio.Runner() as runner:
        where = runner.run(_entered(scanner))
        try:
            yield where
        finally:
            runner.run(_left(scanner))


async def _entered(scanner: AbstractAsyncContextManager[str]) -> str:
    return await scanner.__aenter__()


async def _left(scanner: AbstractAsyncContextManager[str]) -> None:
    await scanner.__aexit__(None, None, None)


@contextmanager
def _unheard() -> Iterator[int]:
    """Hold a UDP port that never answers."""
    with socket.socket(type=socket.SOCK_DGRAM) as held:
        held.bind(("127.0.0.1", 0))
        port: int = held.getsockname()[1]
        yield port


@asynccontextmanager
async def _running(*command: str | Path) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *map(str, command), stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        try:
            async with asyncio.timeout(START_SECONDS):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


async def _until(process: asyncio.subprocess.Process, ready: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(START_SECONDS):
        while not await ready():
            if process.returncode is not None:
                raise RuntimeError(f"a scanner ended with {process.returncode}")
            await asyncio.sleep(0.1)


async def _scans(place: str) -> bool:
    try:
        return await Clamd(place, 5.0).scan(b"Subject: nothing\r\n\r\nHello\r\n") == ""
    except Transient:
        return False


async def _answers(url: str) -> bool:
    async with httpx.AsyncClient(trust_env=False, timeout=5.0) as http:
        try:
            answer = await http.post(f"{url}/checkv2", content=b"Subject: x\r\n\r\nHello\r\n")
        except httpx.HTTPError:
            return False
        return answer.status_code == 200
