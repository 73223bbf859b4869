"""`zegel escrow` from two keys to a zip, as an operator and two custodians type it."""

import asyncio
import json
from pathlib import Path
from zipfile import ZipFile

import pytest

from mailserver.app.house import open_house
from mailserver.model.sealed import Plaintext
from mailserver.runtime.settings import load
from tests.support.command import Zegel, prepared
from tests.support.mail import letter

ANN = "ann@example.org"
PASSWORD = "seven tides under the bridge"
PHRASES = {"ruth": "a lighthouse keeper's third lamp", "jan": "twelve oars and no boat at all"}


@pytest.fixture
def zegel(tmp_path: Path) -> Zegel:
    made = prepared(tmp_path / "run")
    made.done("domain", "add", "example.org")
    made.done("user", "add", ANN, given=PASSWORD + "\n")
    (tmp_path / "mail").mkdir()
    (tmp_path / "mail" / "INBOX.mbox").write_bytes(
        b"From - Sat Jan  3 01:05:34 2026\n" + letter(subject="the canary letter") + b"\n"
    )
    made.done("import", "mbox", ANN, str(tmp_path / "mail"), given=PASSWORD + "\n")
    return made


def key(zegel: Zegel, path: Path, name: str) -> str:
    said = zegel.done("escrow", "custodian", "key", str(path / name), given=PHRASES[name] + "\n")
    return said.strip().splitlines()[-1]


async def notice_seen(zegel: Zegel) -> None:
    """Read the notice as its owner, in an open session."""
    async with open_house(load(zegel.config, {}, {})) as house:
        lease = await house.logins.password(ANN, Plaintext(PASSWORD.encode()), peer="127.0.0.1")
        standing = await house.desk.escrow.standing()
        assert standing is not None
        await house.desk.escrow_wraps.accept(lease, standing.digest)
        await lease.close()


@pytest.mark.long
def test_two_custodians_and_an_operator_open_a_mailbox(zegel: Zegel, tmp_path: Path) -> None:
    terms = tmp_path / "terms.txt"
    terms.write_text("Two custodians may open your mailbox.\n", "utf-8")
    enable = ("escrow", "enable", "--reason", "absence", "--policy", str(terms), "--dpia", "A-4")
    for name in PHRASES:
        fingerprint = key(zegel, tmp_path, name)
        add = ("escrow", "custodian", "add", name, str(tmp_path / f"{name}.pub"))
        said = zegel(*add, given="0000 0000\n")
        assert said.status == 1
        assert "not this file's fingerprint" in said.err
        assert "two custodians first" in zegel.refused(*enable)
        zegel.done(*add, given=" ".join(fingerprint.split()[-2:]).upper() + "\n")
        assert fingerprint in zegel.done("escrow", "custodian", "list")
    assert "no custodian's public key" in zegel.refused(
        *("escrow", "custodian", "add", "x", str(tmp_path / "ruth"))
    )
    assert "Escrow is off" in zegel.done("escrow", "show")
    assert "jan and ruth" in zegel.done(*enable)
    assert "escrow" in zegel.done("privacy", "register", "show", "--format", "json")
    request, sealed, unpacked = (tmp_path / name for name in ("request", "sealed", "all.zip"))
    ask = ("escrow", "open", ANN, "--reason", "she is ill", "--request", str(request))
    assert "has not seen the notice" in zegel.refused(*ask)
    asyncio.run(notice_seen(zegel))
    assert "Opening 1" in zegel.done(*ask)
    assert b"canary" not in request.read_bytes()
    for name, phrase in PHRASES.items():
        answer = ("escrow", "answer", str(request), "--key", str(tmp_path / name))
        alone = Zegel(Path("/nonexistent"), {})  # on his own machine: no settings, no server
        assert "not right" in alone(*answer, given=f"{ANN}\nnot the phrase\n").err
        assert "nothing was answered" in alone(*answer, given="no\n").err
        shown = alone.done(*answer, given=f"{ANN}\n{phrase}\n")
        assert "she is ill" in shown
        assert "both custodians" in zegel.refused("escrow", "export", "1", str(sealed))
        zegel.done("escrow", "take", str(tmp_path / f"request.{name}.answer"))
    zegel.done("escrow", "export", "1", str(sealed))
    assert b"canary" not in sealed.read_bytes()
    zegel.done("escrow", "unseal", "1", str(sealed), str(unpacked))
    with ZipFile(unpacked) as archive:
        assert b"the canary letter" in archive.read("mail/INBOX.mbox")
        notice = archive.read("mail/INBOX.mbox")
        told = json.loads(archive.read("settings.json"))["escrow"]
    assert b"opened your mailbox" in notice  # its owner was told before anything was read
    assert told["state"] == "on"
    assert [one["name"] for one in told["custodians"]] == ["jan", "ruth"]
    assert "made" in zegel.refused("escrow", "export", "1", str(tmp_path / "second"))
    assert "she is ill" in zegel.done("escrow", "openings")
    assert "0 accounts" in zegel.done("escrow", "disable")
    assert '"escrow"' not in zegel.done("privacy", "register", "show", "--format", "json")
