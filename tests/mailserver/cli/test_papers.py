"""`zegel privacy show`, `dpia`, `risk`, `training`, `measure` and `lawful`."""

import json
from pathlib import Path

import pytest

from mailserver.privacy.register_papers import Book
from tests.support.command import prepared

SCANNER = {
    "name": "Scanners Ltd",
    "role": "scanner",
    "host": "scan.example.net",
    "country": "IE",
    "basis": "agreement under GDPR Art. 28",
}


@pytest.mark.long
def test_every_register_is_written_by_one_command(tmp_path: Path) -> None:
    zegel = prepared(tmp_path / "run")
    zegel.done("privacy", "breach", "open", "=HYPERLINK(1)")
    for book in Book:
        assert json.loads(zegel.done("privacy", "show", book.value))["organisation"]
    page = tmp_path / "breaches.pdf"
    show = ("privacy", "show", "breaches")
    assert "--to" in zegel.refused(*show, "--format", "pdf")
    zegel.done(*show, "--format", "pdf", "--to", str(page))
    assert page.read_bytes().startswith(b"%PDF-")
    assert "exists" in zegel.refused(*show, "--format", "html", "--to", str(page)).lower()
    assert "=HYPERLINK(1)" in zegel.done(*show, "--format", "html", "--number", "1")
    assert "no such entry" in zegel.refused(*show, "--number", "9")
    assert "number,state" in zegel.done(*show, "--format", "csv").replace('"', "")


@pytest.mark.long
def test_what_somebody_looks_after_is_listed_reviewed_and_closed(tmp_path: Path) -> None:
    zegel = prepared(tmp_path / "run")
    risk = ("privacy", "risk", "add", "A disk is stolen", "--owner", "Ann", "--likelihood", "low")
    zegel.done(*risk, "--impact", "high", "--treatment", "Disks are encrypted.")
    teach = ("privacy", "training", "add", "Phishing", "--owner", "Ann", "--people", "all of us")
    zegel.done(*teach, "--held", "2026-03-01")
    measure = ("privacy", "measure", "add", "Drills", "--owner", "Ann", "--evidence", "report")
    assert "today or later" in zegel.refused(*measure, "--due", "2020-01-01")
    zegel.done(*measure)
    for subject, title in (("risk", "A disk"), ("training", "Phishing"), ("measure", "Drills")):
        assert title in zegel.done("privacy", subject)
        assert "looked at by" in zegel.done("privacy", subject, "review", "1", "It is as it was.")
        zegel.done("privacy", subject, "close", "1", "It is over.")
        assert title not in zegel.done("privacy", subject)
        assert title in zegel.done("privacy", subject, "--all")
        assert "closed" in zegel.refused("privacy", subject, "close", "1", "again")
    assert "looked at again" in zegel.done("privacy", "register", "reviewed", "It is right.")


@pytest.mark.long
def test_an_assessment_is_demanded_begun_and_approved(tmp_path: Path) -> None:
    zegel = prepared(tmp_path / "run")
    remote = {
        "ZEGEL_SCANNERS_RSPAMD": "http://scan.example.net:11333",
        "ZEGEL_PROCESSORS": json.dumps([SCANNER]),
    }
    assert "DEMANDED" not in zegel.done("privacy", "dpia")
    assert "DEMANDED: remote-scanning" in zegel.done("privacy", "dpia", **remote)
    found = json.loads(zegel("doctor", "--json", **remote).out)
    assert [one["subject"] for one in found if one["check"] == "dpia"] == ["remote-scanning"]
    said = zegel.done("privacy", "dpia", "draft", "remote-scanning", **remote)
    assert "Missing: advice" in said
    assert "Scanners Ltd" in zegel.done("privacy", "dpia", "show", "1")
    assert "fill in: advice" in zegel.refused("privacy", "dpia", "approve", "1", "--by", "Ann")
    advice = tmp_path / "advice.txt"
    advice.write_text("The officer agrees.")
    zegel.done("privacy", "dpia", "fill", "1", "advice", f"@{advice}")
    zegel.done("privacy", "dpia", "approve", "1", "--by", "Ann")
    assert "DEMANDED" not in zegel.done("privacy", "dpia", **remote)


@pytest.mark.long
def test_two_administrators_validate_what_an_authority_asks(tmp_path: Path) -> None:
    zegel = prepared(tmp_path / "run")
    for name in ("ann", "bob"):
        zegel.done("admin", "create", name, given=f"{name}: nine lanterns over a canal\n")
    asked = ("privacy", "lawful", "receive", "Police", "--reference", "17", "--basis", "Art. 1")
    zegel.done(*asked, "--scope", "who has it", "--deadline", "2099-01-01")
    validate = ("privacy", "lawful", "validate", "1", "it holds", "--admin")
    assert zegel(*validate, "ann", given="a wrong password, quite long\n").status == 1
    one = zegel.done(*validate, "ann", given="ann: nine lanterns over a canal\n")
    assert "validated by 1" in one
    assert "different" in zegel.refused(*validate, "ann", given="ann: nine lanterns over a canal\n")
    zegel.done(*validate, "bob", given="bob: nine lanterns over a canal\n")
    assert "tell the user" in zegel.refused("privacy", "lawful", "answer", "1", "an address")
    zegel.done("privacy", "lawful", "bar", "1", "Art. 2")
    assert "barred" in zegel.done("privacy", "lawful")
    zegel.done("privacy", "lawful", "answer", "1", "an address")
    assert "Police" in zegel.done("privacy", "lawful", "--all")
    assert "1         1" in zegel.done("privacy", "lawful", "counts")
    data = zegel.done("privacy", "lawful", "data")
    assert "created_at" in data
    assert "sealed:" not in data.splitlines()[0]
