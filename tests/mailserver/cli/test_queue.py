"""The queue at the command line: listed and steered, and no correspondent in what it says."""

import asyncio
from pathlib import Path

import pytest

from mailserver.app.house import open_house
from mailserver.mail.outgoing import Parcel
from mailserver.model.address import Address
from mailserver.model.envelope import Envelope, Onward, RemoteReply
from mailserver.model.sealed import Plaintext
from mailserver.runtime.settings import load
from tests.support.command import Zegel, prepared

PASSWORD = "seven tides under the bridge\n"
NOOR = Address("noor", "example.test")
SAID = RemoteReply("<canary-local@there.test>: greylisted", 451, "4.7.1", "mx.there.test")


async def fill(zegel: Zegel) -> None:
    """Queue two letters of noor's, one of them tried once."""
    async with open_house(load(zegel.config, {})) as house:
        account = (await house.directory.find(NOOR)).account_id
        origin = await house.outgoing.origin(account)
        for domain in ("there.test", "else.test"):
            to = [Onward(Address("canary-local", domain))]
            text = Plaintext(b"Subject: canary-subject\r\n\r\n")
            await house.outgoing.enqueue(Parcel(origin, Envelope(NOOR), text, to))
        dues = await house.outgoing.due(10)
        for due in dues:
            if due.domain == "there.test":
                await house.outgoing.deferred(due, SAID)
            else:
                await house.outgoing.give_back([due])


@pytest.fixture
def zegel(tmp_path: Path) -> Zegel:
    ready = prepared(tmp_path / "run")
    ready.done("domain", "add", "example.test")
    ready.done("user", "add", str(NOOR), given=PASSWORD)
    asyncio.run(fill(ready))
    return ready


def listed(zegel: Zegel, *words: str) -> dict[str, list[str]]:
    """Return the lines of `queue list` by domain: id, state and the rest."""
    lines = [line.split() for line in zegel.done("queue", "list", *words).splitlines()[1:]]
    return {line[1]: [line[0], *line[2:]] for line in lines}


def test_the_queue_is_listed_explained_and_steered(zegel: Zegel) -> None:
    found = listed(zegel)
    assert set(found) == {"there.test", "else.test"}
    there, other = found["there.test"], found["else.test"]
    assert there[1] == "waiting"
    assert there[-2:] == ["451", "4.7.1"]
    assert other[-1] == "-"
    assert set(listed(zegel, "--domain", "else.test")) == {"else.test"}
    assert len(listed(zegel, "--limit", "1")) == 1

    told = zegel.done("queue", "explain", there[0])
    assert "To there.test" in told
    assert "Tried 1 times" in told
    assert "mx.there.test: 451 4.7.1 <…@there.test>: greylisted" in told

    assert "1 of 1 held" in zegel.done("queue", "hold", there[0])
    assert listed(zegel)["there.test"][1] == "held"
    assert "1 of 1 released" in zegel.done("queue", "release", there[0])
    assert "1 of 1 tried again now" in zegel.done("queue", "retry", there[0])
    assert "are not in a state" in zegel("queue", "release", there[0]).err
    zegel.done("queue", "cancel", "--yes", other[0])
    assert set(listed(zegel)) == {"there.test"}
    assert "no such entry" in zegel.refused("queue", "explain", other[0])
    assert "not an id" in zegel.refused("queue", "explain", "12")


def test_a_destination_is_paused_and_resumed(zegel: Zegel) -> None:
    zegel.done("queue", "pause", "There.TEST")
    assert "paused" in zegel.done("queue", "destinations")
    there = listed(zegel)["there.test"][0]
    assert "there.test is paused" in zegel.done("queue", "explain", there)
    zegel.done("queue", "resume", "there.test")
    assert "paused" not in zegel.done("queue", "destinations")
    assert "not a domain name" in zegel.refused("queue", "pause", "a b")


def test_no_command_says_who_writes_to_whom(zegel: Zegel) -> None:
    ids = [line[0] for line in listed(zegel).values()]
    said = zegel.done("queue", "list") + zegel.done("queue", "destinations")
    said += "".join(zegel.done("queue", "explain", each) for each in ids)
    assert "canary" not in said
    assert "noor" not in said


def test_what_was_done_is_in_the_audit_log(zegel: Zegel) -> None:
    there = listed(zegel)["there.test"][0]
    zegel.done("queue", "hold", there)
    zegel.done("queue", "pause", "there.test")
    assert zegel.done("audit", "verify")
