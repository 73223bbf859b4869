"""IMAP says where the same account is to be had by JMAP (RFC 9698)."""

import asyncio
from pathlib import Path

from tests.support.web import web_server


async def _said(port: int, *lines: str) -> str:
    """Return all that an IMAP server says to `lines`."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    async with asyncio.timeout(10):
        writer.write("".join(f"{line}\r\n" for line in lines).encode())
        said = (await reader.read()).decode()
    writer.close()
    return said


async def test_imap_tells_the_session_url_to_who_may_use_it(tmp_path: Path) -> None:
    imap = {"listeners__imap__address": "127.0.0.1:0", "listeners__imap__tls": "none"}
    url = "https://jmap.example.test"
    async with web_server(tmp_path, **imap, web__api_url=url) as server:
        said = await _said(
            server.serving.ports["imap"],
            f"a login noor@example.test {server.secret}",
            "b getjmapaccess",
            "c logout",
        )
    assert " JMAPACCESS]" in said
    assert f'* JMAPACCESS "{url}/jmap/session"\r\nb OK' in said


async def test_imap_is_silent_where_jmap_is_off(tmp_path: Path) -> None:
    imap = {"listeners__imap__address": "127.0.0.1:0", "listeners__imap__tls": "none"}
    async with web_server(tmp_path, **imap, listeners__api__address="off") as server:
        said = await _said(
            server.serving.ports["imap"],
            f"a login noor@example.test {server.secret}",
            "b getjmapaccess",
            "c logout",
        )
    assert " JMAPACCESS" not in said
    assert "b NO" in said
