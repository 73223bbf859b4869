"""`zegel privacy consent`, as an officer types it."""

from pathlib import Path

import pytest

from tests.support.command import prepared


@pytest.mark.long
def test_consents_from_their_text_to_their_proof(tmp_path: Path) -> None:
    settings = {
        "ZEGEL_CONSENT_PURPOSES": "news, offers",
        "ZEGEL_CONSENT_OFFERED_SINCE": "2020-01-01",
    }
    zegel = prepared(tmp_path / "run", **settings)
    consent = ("privacy", "consent")
    file = tmp_path / "news.txt"
    file.write_text("Een keer per maand.\n")
    add = (*consent, "text", "add", "news", "2026-02", str(file), "--language", "nl")
    assert zegel.done(*add).startswith("Text 1 stands, SHA-256 ")
    assert "texts stay" in zegel.refused(*add)
    assert "2026-02" in zegel.done(*consent, "text", "list")
    assert "purposes" in zegel.refused(*consent, "text", "add", "cookies", "1", str(file))
    bram = "bram@elsewhere.test"
    said = zegel.done(*consent, "ask", "news", bram, "--dry-run")
    assert "not asked: " in said  # this server has no domain to write as
    assert "no text for offers" in zegel.refused(*consent, "ask", "offers", bram)
    assert "1 to 10,000" in zegel.refused(*consent, "ask", "news")
    zegel.done(*consent, "record", "news", bram, "folder 3, sheet 12", "--language", "nl")
    assert "folder 3, sheet 12" in zegel.done(*consent, "show", bram)
    audience = tmp_path / "audience.csv"
    zegel.done(*consent, "audience", "news", "consented", "--to", str(audience))
    head, line = audience.read_text().splitlines()
    assert head == "address,why,withdraw"
    assert line.startswith(f"{bram},consent,https://")
    assert audience.stat().st_mode & 0o077 == 0
    assert "cannot be written" in zegel.refused(
        *consent, "audience", "news", "both", "--to", str(audience)
    )
    several = tmp_path / "several.txt"
    several.write_text(f"{bram}\n\nnoor@elsewhere.test\n")
    withdraw = (*consent, "withdraw", "all", "--file", str(several))
    assert zegel.done(*withdraw, "--dry-run").startswith("2 would be written to")
    assert bram in zegel.done(*consent, "audience", "news", "consented")
    zegel.done(*withdraw)
    assert bram not in zegel.done(*consent, "audience", "news", "consented")
    assert "everything" in zegel.done(*consent, "show", bram)
    assert "nobody was ever asked" in zegel.refused(*consent, "withdraw", "cookies", bram)
    assert "Nothing is known" in zegel.done(*consent, "show", "else@elsewhere.test")
