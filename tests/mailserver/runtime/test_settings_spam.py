"""Nobody learns of our mail whom the settings do not name."""

import re
from pathlib import Path

import pytest

from mailserver.model.errors import Misconfigured
from mailserver.runtime.settings import Settings, load

LIST = """
[[processors]]
name = "Example List"
role = "address-list"
zone = "LIST.example.org."
country = "NL"
basis = "agreement of Art. 28, EU"
since = 2026-03-01
"""
SCANNER = """
[[processors]]
name = "Example Scanning"
role = "scanner"
host = "scan.example.org"
country = "DE"
basis = "agreement of Art. 28, EU"
"""


def loaded(tmp_path: Path, text: str, **environ: str) -> Settings:
    file = tmp_path / "zegel.toml"
    file.write_text(text)
    return load(file, environ)


def refusal(tmp_path: Path, text: str) -> str:
    with pytest.raises(Misconfigured) as refused:
        loaded(tmp_path, text)
    return refused.value.text


def test_by_default_nobody_is_asked() -> None:
    settings = load(None, {})
    assert settings.processors == ()
    assert (settings.scanners.clamd, settings.scanners.rspamd) == ("", "")


def test_a_list_is_named_with_country_and_basis(tmp_path: Path) -> None:
    (one,) = loaded(tmp_path, LIST).processors
    assert (one.zone, one.country, str(one.since)) == ("list.example.org", "NL", "2026-03-01")


@pytest.mark.parametrize("missing", ["country", "basis", "zone", "name", "role"])
def test_nothing_of_it_may_be_missing(tmp_path: Path, missing: str) -> None:
    lines = [line for line in LIST.splitlines() if not line.startswith(missing)]
    assert refusal(tmp_path, "\n".join(lines)).startswith("processors")


def test_processors_in_a_variable_are_json(tmp_path: Path) -> None:
    table = (
        '[{"name": "x", "role": "domain-list", "zone": "d.test", "country": "BE", "basis": "EU"}]'
    )
    (one,) = loaded(tmp_path, "", ZEGEL_PROCESSORS=table).processors
    assert one.role == "domain-list"
    with pytest.raises(Misconfigured):
        loaded(tmp_path, "", ZEGEL_PROCESSORS="list.example.org")


@pytest.mark.parametrize(
    "where", ['clamd = "scan.example.org:3310"', 'rspamd = "https://scan.example.org"']
)
def test_a_scanner_elsewhere_needs_an_entry(tmp_path: Path, where: str) -> None:
    section = f"[scanners]\n{where}\n"
    assert "scan.example.org" in refusal(tmp_path, section)
    assert "scan.example.org" in refusal(tmp_path, section + LIST)
    assert loaded(tmp_path, section + SCANNER).processors


@pytest.mark.parametrize(
    "where",
    [
        'clamd = "unix:/run/clamav/clamd.ctl"',
        'clamd = "127.0.0.1:3310"',
        'clamd = "[::1]:3310"',
        'rspamd = "http://localhost:11333/"',
    ],
)
def test_a_scanner_of_this_machine_needs_none(tmp_path: Path, where: str) -> None:
    assert loaded(tmp_path, f"[scanners]\n{where}\n").scanners.elsewhere == []


@pytest.mark.parametrize(
    "where", ['clamd = "clamd"', 'clamd = "unix:clamd"', 'rspamd = "localhost:1"']
)
def test_a_scanner_has_a_place(tmp_path: Path, where: str) -> None:
    assert refusal(tmp_path, f"[scanners]\n{where}\n").startswith("scanners.")


def test_trusted_sealers_are_domains(tmp_path: Path) -> None:
    written = loaded(tmp_path, '[spam]\ntrusted_sealers = ["Lists.Example.org."]\n')
    assert written.spam.trusted_sealers == ("lists.example.org",)
    several = loaded(tmp_path, "", ZEGEL_SPAM_TRUSTED_SEALERS="a.test, b.test")
    assert several.spam.trusted_sealers == ("a.test", "b.test")
    assert "domains" in refusal(tmp_path, '[spam]\ntrusted_sealers = ["a b"]\n')


def test_thresholds_stand_in_order(tmp_path: Path) -> None:
    assert "junk_points" in refusal(tmp_path, "[spam]\njunk_points = 20.0\n")
    assert "doubtful" in refusal(tmp_path, "[spam]\njunk_points = 2.0\n")


def test_what_the_document_shows_is_taken(tmp_path: Path) -> None:
    document = (Path(__file__).resolve().parents[3] / "docs" / "spam.md").read_text()
    blocks = re.findall(r"```toml\n(.*?)```", document, re.DOTALL)
    assert len(blocks) == 4
    for block in blocks:
        assert loaded(tmp_path, block)
