"""`zegel privacy dpa` and `processors`: from a text to a customer's first account."""

import json
from pathlib import Path

import pytest

from tests.support.command import Zegel, prepared
from tests.support.house import PASSWORD

ONE = "Artikel 1. Wij melden een inbreuk binnen 24 uur.\n"
WHO = ("--signatory", "Noël de Wit", "--role", "directeur", "--address", "198.51.100.7")


def text(tmp_path: Path, words: str) -> str:
    path = tmp_path / f"text-{len(words)}.txt"
    path.write_bytes(words.encode())
    return str(path)


def account(zegel: Zegel, address: str) -> tuple[int, str]:
    said = zegel("user", "add", address, given=PASSWORD.reveal().decode() + "\n")
    return said.status, said.err


@pytest.mark.long
def test_t_dpa_1_from_a_text_to_the_first_account(tmp_path: Path) -> None:
    zegel, receipt = prepared(tmp_path / "run"), str(tmp_path / "receipt.json")
    assert "dpa accept" in zegel.done("domain", "add", "bakery.example", "--customer", "Bakkerij")
    zegel.done("domain", "add", "ours.example")
    assert "Bakkerij" in zegel.done("domain", "list")
    assert account(zegel, "ann@ours.example")[0] == 0
    status, why = account(zegel, "noel@bakery.example")
    assert (status, "has not accepted" in why) == (1, True)
    one = text(tmp_path, ONE)
    assert "Version 1" in zegel.done("privacy", "dpa", "publish", one, "--language", "nl")
    assert zegel.done("privacy", "dpa", "show").strip() == ONE.strip()
    accept = ("privacy", "dpa", "accept", "Bakkerij", *WHO)
    assert "may sign" in zegel.refused(*accept)
    assert "/agreement/" in zegel.done("privacy", "dpa", "offer", "Bakkerij")
    zegel.done(*accept, "--authority", "--to", receipt)
    assert account(zegel, "noel@bakery.example")[0] == 0
    said = zegel.done("privacy", "dpa", "verify", receipt, "--text", one)
    assert "Genuine: Noël de Wit (directeur) accepted version 1 (nl) for Bakkerij" in said
    key = json.loads(Path(receipt).read_text("utf-8"))["key"]
    elsewhere = Zegel(tmp_path / "no-settings-here.toml")  # the customer's own machine
    assert "Genuine" in elsewhere.done("privacy", "dpa", "verify", receipt, "--key", key)
    assert zegel.done("privacy", "dpa", "receipt", "Bakkerij") == Path(receipt).read_text("utf-8")
    two = text(tmp_path, ONE.replace("24", "twaalf"))
    assert "-Artikel 1. Wij melden" in zegel.done("privacy", "dpa", "publish", two, "--language=nl")
    assert "+Artikel 1." in zegel.done("privacy", "dpa", "diff", "1", "2")
    assert "due" in zegel.done("privacy", "dpa", "customers")
    assert "another text" in zegel.refused("privacy", "dpa", "verify", receipt, "--text", two)
    Path(receipt).write_text(Path(receipt).read_text("utf-8").replace("directeur", "bakker"))
    assert "signature" in zegel.refused("privacy", "dpa", "verify", receipt)
    zegel.done("privacy", "dpa", "end", "Bakkerij")
    assert account(zegel, "eva@bakery.example")[0] == 1
    zegel.done("domain", "customer", "bakery.example")
    assert account(zegel, "eva@bakery.example")[0] == 0


@pytest.mark.long
def test_an_agreement_is_written_as_a_file(tmp_path: Path) -> None:
    zegel, place = prepared(tmp_path / "run"), tmp_path / "text.pdf"
    bad = tmp_path / "bad.txt"
    bad.write_bytes(b"caf\xe9")
    publish = ("privacy", "dpa", "publish")
    assert "UTF-8" in zegel.refused(*publish, str(bad), "--language", "fr")
    zegel.done(*publish, text(tmp_path, ONE), "--language", "nl")
    zegel.done("privacy", "dpa", "show", "--format", "pdf", "--to", str(place))
    assert place.read_bytes().startswith(b"%PDF-")
    assert "<h1>Verwerkersovereenkomst</h1>" in zegel.done(
        "privacy", "dpa", "show", "--format=html"
    )
    again = tmp_path / "again.txt"
    zegel.done("privacy", "dpa", "show", "--to", str(again))
    assert again.read_bytes() == ONE.encode()
    assert "nl" in zegel.done("privacy", "dpa", "versions")


@pytest.mark.long
def test_a_processor_is_announced_and_objected_to(tmp_path: Path) -> None:
    zegel = prepared(tmp_path / "run")
    who = ("Scanners Ltd", "--role", "scanner", "--country", "IE", "--basis", "agreement")
    announce = ("privacy", "processors", "announce", *who)
    assert "30 days ahead" in zegel.refused(*announce, "--from", "2026-01-01")
    zegel.done("domain", "add", "bakery.example", "--customer", "Bakkerij")
    letter = zegel.done(*announce, "--language", "nl")
    assert "Send this to: Bakkerij" in letter
    assert "verwerkt Scanners Ltd (IE) gegevens voor ons" in letter
    assert "is in one of" in zegel.refused(*announce, "--language", "es")
    zegel.done("privacy", "processors", "object", "1", "Bakkerij", "outside of our reach")
    assert "against: Bakkerij" in zegel.done("privacy", "processors")
    assert "no such" in zegel.refused("privacy", "processors", "object", "9", "Bakkerij", "no")
