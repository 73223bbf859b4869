"""Every transcript, played every way, against a real server on a real store."""

from base64 import b64encode
from pathlib import Path

import pytest

from mailserver.managesieve.bounds import Shared
from mailserver.runtime.listener import Listener
from tests.support.managesieve_server import READER, ManageSieveServer, serving
from tests.support.transcripts import Mode, Transcript, Wire, parse, play, wire

FILES = sorted((Path(__file__).parents[2] / "transcripts" / "managesieve").glob("*.txt"))


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
async def test_transcript(path: Path, tmp_path: Path) -> None:
    transcript = parse(path)
    async with serving(tmp_path) as (server, listener):
        for mode in sorted(transcript.modes, key=lambda mode: mode.value):
            await _play(transcript, mode, server, listener)


async def _play(
    transcript: Transcript, mode: Mode, server: ManageSieveServer, listener: Listener[Shared]
) -> None:
    await server.add_reader(f"{mode.value}@example.org")
    async with wire(listener.port) as client:
        if transcript.start != "connected":
            await _sign_in(client)
        await play(transcript, mode, [client], _nothing_arrives)


async def _sign_in(client: Wire) -> None:
    await client.skip_to("OK")
    secret = b64encode(f"\0{READER}\0secret".encode()).decode()
    await client.send(f'AUTHENTICATE "PLAIN" "{secret}"\r\n'.encode(), Mode.WHOLE)
    await client.skip_to("OK")


async def _nothing_arrives(_given: object) -> None:
    raise AssertionError("no mail arrives in a transcript of ManageSieve")


def test_there_are_transcripts() -> None:
    assert len(FILES) >= 10
