"""T-CLAIM of PRIVACY §0: nothing we say to people promises more than is true."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FORBIDDEN = re.compile(
    # English
    r"zero[\s-]+knowledge|end[\s-]+to[\s-]+end|\be2ee\b|can(no|')t\s+ever\s+read\s+your"
    r"|(can|could)\s+never\s+read\s+your|military[\s-]+grade|unbreakable"
    # Dutch
    r"|eind[\s-]+tot[\s-]+eind|nul[\s-]*kennis|(kunnen|kan)\s+(uw|jouw|je)\s[^.\n]{0,30}nooit\s+lezen"
    r"|(kunnen|kan)\s+nooit\s+(uw|jouw|je)\s[^.\n]{0,30}lezen|onkraakba(ar|re)|onbreekba(ar|re)"
    # German
    r"|ende[\s-]+zu[\s-]+ende|null[\s-]*wissen|(können|kann)\s+(niemals|nie)\s[^.\n]{0,30}lesen"
    r"|(können|kann)\s+Ihre?n?\s[^.\n]{0,30}\s(niemals|nie)\s+lesen|unknackbar|unzerbrechlich"
    # French
    r"|(de\s+)?bout[\s-]+en[\s-]+bout|zéro[\s-]+connaissance|connaissance[\s-]+nulle"
    r"|divulgation[\s-]+nulle|(pouvons|pourrons|peut|pourra)\s+jamais\s+lire|inviolable|incassable",
    re.IGNORECASE,
)
CLAIM = (
    "Stored mail is encrypted with a key that only your credentials open. While none of your"
    " devices or sessions is connected, our disks, database and backups do not reveal message text,"
    " subjects, correspondents, attachments, contacts or the search index."
)


def texts_for_people() -> list[Path]:
    found = [ROOT / "README.md", ROOT / "pyproject.toml", *(ROOT / "docs").rglob("*.md")]
    return found + [
        path
        for folder in ("mailserver", "webui")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in {".py", ".html", ".ts", ".svelte", ".json"}
        and "node_modules" not in path.parts
    ]


def test_t_claim_forbidden_words_are_nowhere() -> None:
    paths = texts_for_people()
    assert len(paths) > 20
    found = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in paths
        for match in FORBIDDEN.finditer(path.read_text(encoding="utf-8"))
    ]
    assert found == []


@pytest.mark.parametrize(
    "words",
    [
        *("end-to-end encryption", "Zero knowledge", "we can never read your mail", "end to\nend"),
        *("eind-tot-eindversleuteling", "nulkennis", "Wij kunnen uw berichten nooit lezen"),
        *("Wij kunnen nooit uw post lezen", "onkraakbare sloten"),
        *("Ende-zu-Ende-Verschlüsselung", "Nullwissen", "Wir können Ihre Post niemals lesen"),
        *("Wir können nie Ihre Post lesen", "unknackbar"),
        *("chiffrement de bout en bout", "à divulgation nulle de connaissance"),
        *("Nous ne pouvons jamais lire vos messages", "zéro connaissance"),
    ],
)
def test_t_claim_check_would_see_them(words: str) -> None:
    assert FORBIDDEN.search(words)


@pytest.mark.parametrize("language", ["en", "nl", "de", "fr"])
def test_t_claim_looks_at_each_language_of_the_interface(language: str) -> None:
    read = {path for path in texts_for_people() if path.stem == language}
    assert read
    interface = (ROOT / "webui" / "spa" / "src" / "i18n").rglob(f"{language}.json")
    assert read == {*interface, ROOT / "webui" / "public" / "trust_texts" / f"{language}.json"}


def test_t_claim_readme_makes_the_allowed_claim_and_names_the_moments_of_plaintext() -> None:
    readme = " ".join((ROOT / "README.md").read_text(encoding="utf-8").replace("\n> ", " ").split())
    assert CLAIM in readme
    for moment in ("being received", "mail programs is connected", "an hour", "Folder names"):
        assert moment in readme
