r"""Replays an SMTP conversation from a file: step by step, octet by octet, or all at once.

    # What the file shows.  RFC 5321 §4.1.1
    service mx                          (mx, lmtp or submission; bounds may follow: recipients=2)
    C: NOOP                             (a line; its CRLF is added; \r \n \0 \x80 are octets)
    C> a\nb                             (octets as they stand, without CRLF)
    S: 250 2.0.0 Ok                     (a line of a reply; a * at its end stands for anything)
    D: alice@example.org -> bob@zegel.test, carol@zegel.test
    D| a line of the message delivered  (without CRLF)
    end                                 (the server has closed)

`not pipelined` leaves the last way out, for conversations that must not be (STARTTLS, AUTH).
"""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from mailserver.smtp.listener import Listener
from mailserver.smtp.policy import Service
from tests.support.smtp import Client, Delivered, Mailroom, policy, serving, shared

DIRECTORY = Path(__file__).parents[1] / "transcripts" / "smtp"


@dataclass(slots=True)
class Step:
    """What the client sends, and the lines that answer it."""

    octets: bytes = b""
    replies: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Transcript:
    """A conversation as its file tells it."""

    service: Service = Service.MX
    bounds: dict[str, int] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=lambda: [Step()])
    delivered: list[tuple[str, bytes]] = field(default_factory=list)
    pipelined: bool = True
    ends: bool = False


def octets(text: str) -> bytes:
    return text.encode().decode("unicode_escape").encode("latin-1")


def read(path: Path) -> Transcript:
    """Read a file of `DIRECTORY`."""
    transcript = Transcript()
    for line in path.read_text().splitlines():
        kind, text = line[:3], line[3:]
        match kind.strip():
            case "C:" | "C>":
                if transcript.steps[-1].replies:
                    transcript.steps.append(Step())
                ending = b"\r\n" if kind == "C: " else b""
                transcript.steps[-1].octets += octets(text) + ending
            case "S:":
                transcript.steps[-1].replies.append(text)
            case "D:":
                transcript.delivered.append((text, b""))
            case "D|":
                envelope, content = transcript.delivered[-1]
                transcript.delivered[-1] = (envelope, content + octets(text) + b"\r\n")
            case _ if line and not line.startswith("#"):
                direct(transcript, line)
    return transcript


def direct(transcript: Transcript, line: str) -> None:
    """Obey a line that is not part of the conversation."""
    match line.split():
        case ["service", service, *bounds]:
            transcript.service = Service(service)
            transcript.bounds = {k: int(v) for k, v in (bound.split("=") for bound in bounds)}
        case ["not", "pipelined"]:
            transcript.pipelined = False
        case ["end"]:
            transcript.ends = True
        case _:
            raise ValueError(line)


def files() -> list[Path]:
    """Name every transcript there is."""
    return sorted(DIRECTORY.glob("*.txt"))


def matches(expected: str, line: bytes) -> bool:
    text = line.decode().removesuffix("\r\n")
    return text.startswith(expected[:-1]) if expected.endswith("*") else text == expected


async def replay(path: Path, way: str) -> None:
    """Hold the conversation in `path`, sending in the given `way`: whole, octets or pipelined."""
    transcript = read(path)
    if way == "pipelined" and not transcript.pipelined:
        pytest.skip("not to be pipelined")
    room = Mailroom()
    bounds = policy(transcript.service, **transcript.bounds)
    make = Listener.lmtp if transcript.service is Service.LMTP else Listener.mx
    async with serving(make(room, bounds, shared())) as port, await Client.connect(port) as client:
        if way == "pipelined":
            client.send(b"".join(step.octets for step in transcript.steps))
        for step in transcript.steps:
            if way == "whole":
                client.send(step.octets)
            elif way == "octets":
                for at in range(len(step.octets)):
                    client.send(step.octets[at : at + 1])
                    await asyncio.sleep(0)  # the server is on this loop: let it see each alone
            for expected in step.replies:
                line = await client.line()
                assert matches(expected, line), f"{path.name}: {expected!r} expected, {line!r} came"
        if transcript.ends:
            assert await client.everything() == b""
    assert [envelope_and_content(one) for one in room.taken] == transcript.delivered


def envelope_and_content(one: Delivered) -> tuple[str, bytes]:
    return f"{one.sender or '<>'} -> {', '.join(one.recipients)}", one.octets
