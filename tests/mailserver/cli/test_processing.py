"""`zegel privacy register`, and who may learn of our people's data."""

import json
from pathlib import Path

import pytest

from tests.support.command import prepared

PROVIDER = {
    "name": "Names B.V.",
    "role": "identity-provider",
    "host": "id.example.net",
    "country": "NL",
    "basis": "agreement under GDPR Art. 28",
}


@pytest.mark.long
def test_t_reg_1_the_register_is_written_in_versions(tmp_path: Path) -> None:
    zegel = prepared(tmp_path / "run")
    show = ("privacy", "register", "show")
    assert json.loads(zegel.done(*show))["version"] == 1
    named = json.dumps([PROVIDER])
    text = zegel.done(*show, "--view", "processor", ZEGEL_PROCESSORS=named)
    assert json.loads(text)["version"] == 2
    said = zegel.done("privacy", "register", "diff", "1", "2", ZEGEL_PROCESSORS=named)
    assert "+ processors.Names B.V..country: NL" in said
    page = tmp_path / "register.html"
    zegel.done(*show, "--version", "2", "--format", "html", "--to", str(page))
    assert "identity provider" in page.read_text()
    assert "exists" in zegel.refused(*show, "--format", "csv", "--to", str(page)).lower()
    assert len(zegel.done("privacy", "register", "versions").splitlines()) == 4
    assert zegel(*show, "--version", "9").status == 1


@pytest.mark.long
def test_t_reg_2_an_identity_provider_that_nobody_named_is_refused(tmp_path: Path) -> None:
    zegel = prepared(tmp_path / "run")
    zegel.done("domain", "add", "example.org")
    command = ("domain", "oidc", "set", "example.org", "https://id.example.net/staff")
    words = (*command, "--client-id", "zegel", "--public", "--unchecked")
    assert "identity-provider" in zegel.refused(*words)
    zegel.done(*words, ZEGEL_PROCESSORS=json.dumps([PROVIDER]))
