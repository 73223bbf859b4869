"""Bounds on connections: headers, trailers, time, how many (uvicorn has none of these)."""

import asyncio
import ssl
from pathlib import Path

from tests.support.waiting import until
from tests.support.web import WebServer, web_server

WHOLE = b"GET /robots.txt HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Peer:
    """A connection whose octets a test writes itself."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def to(cls, server: WebServer) -> "Peer":
        port = server.serving.ports["https"]
        return cls(*await asyncio.open_connection("localhost", port, ssl=server.tls()))

    async def ask(self, octets: bytes = WHOLE) -> bytes:
        """Send a request and read the head of its answer, and its body."""
        self.writer.write(octets)
        async with asyncio.timeout(30):
            head = await self.reader.readuntil(b"\r\n\r\n")
            length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
            await self.reader.readexactly(int(length))
        return head

    async def closed_within(self, seconds: float) -> bool:
        """Say whether the server closes in time."""
        try:
            async with asyncio.timeout(seconds):
                await self.reader.read()
        except TimeoutError:
            return False
        except (ConnectionError, ssl.SSLError):
            pass
        return True

    async def pour(self, octets: bytes, times: int) -> bool:
        """Send the same octets again and again; say whether the server put an end to it."""
        try:
            for _ in range(times):
                self.writer.write(octets)
                async with asyncio.timeout(30):
                    await self.writer.drain()
                if self.reader.at_eof():
                    return True
                await asyncio.sleep(0)
        except (ConnectionError, ssl.SSLError):
            return True
        return await self.closed_within(30)

    def close(self) -> None:
        self.writer.close()


async def test_a_header_that_comes_slowly_is_not_waited_for(tmp_path: Path) -> None:
    async with web_server(tmp_path, web__header_seconds=1) as server:
        silent, slow = await Peer.to(server), await Peer.to(server)
        slow.writer.write(b"GET / HTTP/1.1\r\n")
        later = await Peer.to(server)
        assert b" 200 " in await later.ask()
        later.writer.write(b"GET / HT")  # a second request on the same connection
        assert await silent.closed_within(30)
        assert await slow.closed_within(30)
        assert await later.closed_within(30)
        kept = await Peer.to(server)
        assert b" 200 " in await kept.ask()
        await asyncio.sleep(1.5)  # idle, with nothing begun: that has its own, longer limit
        assert b" 200 " in await kept.ask()
        for peer in (silent, slow, later, kept):
            peer.close()


async def test_an_idle_connection_is_closed(tmp_path: Path) -> None:
    async with web_server(tmp_path, web__idle_seconds=1) as server:
        peer = await Peer.to(server)
        assert b" 200 " in await peer.ask()
        assert await peer.closed_within(30)
        peer.close()


async def test_headers_trailers_and_pipelines_without_end_are_cut_off(tmp_path: Path) -> None:
    async with web_server(tmp_path) as server:
        field = b"X-Y: " + b"a" * 1_000 + b"\r\n"
        chunk = b"5\r\nhello\r\n"
        for begin, endless in (
            (b"GET / HTTP/1.1\r\nHost: localhost\r\n", field),
            (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ", b"a" * 1_000),
            (WHOLE + b"GET / HTTP/1.1\r\n", field),
            (
                b"POST /autodiscover/autodiscover.xml HTTP/1.1\r\nHost: localhost\r\n"
                b"Transfer-Encoding: chunked\r\n\r\n" + chunk + b"0\r\n",
                field,
            ),
        ):
            peer = await Peer.to(server)
            peer.writer.write(begin)
            assert await peer.pour(endless, 3_000), begin
            peer.close()


async def test_the_answer_to_a_body_that_is_refused_can_be_read(tmp_path: Path) -> None:
    async with web_server(tmp_path) as server:
        peer = await Peer.to(server)
        announced = (
            b"POST /autodiscover/autodiscover.xml HTTP/1.1\r\nHost: localhost\r\n"
            b"Content-Length: 900000\r\n\r\n"
        )
        peer.writer.write(announced + b"a" * 400_000)
        head = await peer.ask(b"a" * 100_000)
        assert b" 413 " in head
        assert await peer.closed_within(30)
        peer.close()


async def served(server: WebServer) -> bool:
    """Say whether another connection is."""
    try:
        peer = await Peer.to(server)
        answer = await peer.ask()
    except (OSError, asyncio.IncompleteReadError):
        return False
    peer.close()
    return b" 200 " in answer


async def test_one_network_opens_so_many_connections_and_no_more(tmp_path: Path) -> None:
    async with web_server(tmp_path, limits__connections_per_address=3) as server:
        peers = [await Peer.to(server) for _ in range(3)]
        for peer in peers:
            assert b" 200 " in await peer.ask()
        refused = False
        try:
            more = await Peer.to(server)
            refused = await more.closed_within(30)
        except (ConnectionError, ssl.SSLError):
            refused = True
        assert refused
        peers.pop().close()
        await until(lambda: served(server))
        for peer in peers:
            peer.close()


async def test_requests_that_come_together_are_answered_in_order(tmp_path: Path) -> None:
    async with web_server(tmp_path) as server:
        peer = await Peer.to(server)
        other = WHOLE.replace(b"/robots.txt", b"/nothing")
        codes = [await peer.ask(WHOLE + other + WHOLE), await peer.ask(b""), await peer.ask(b"")]
        assert [head.split()[1] for head in codes] == [b"200", b"404", b"200"]
        peer.close()
