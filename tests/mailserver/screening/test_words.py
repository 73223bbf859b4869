"""Why a message is in Junk, in every language of our readers."""

import ast
from pathlib import Path

import pytest

import mailserver
from mailserver.model.notice import LANGUAGES
from mailserver.screening.opinion import NOTICES, Advice, Opinion, Reason
from mailserver.screening.words import LANGUAGES as WORDS
from mailserver.screening.words import no_reason

SOURCE = Path(mailserver.__file__).parent
RULES = [*SOURCE.glob("screening/**/*.py"), *SOURCE.glob("mail/*.py")]
MAY_BE_SAID = 0.0


def reasons() -> dict[str, bool]:
    """Find every reason that our own code gives: its name, and whether it is about something."""
    found: dict[str, bool] = {}
    for path in RULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or getattr(node.func, "id", "") != "Reason":
                continue
            if not node.args or not isinstance(node.args[0], ast.Constant):
                continue  # rspamd's, which brings its own words
            name, points = str(node.args[0].value), ast.unparse(node.args[1])
            if name in NOTICES or not points.startswith("-"):
                found[name] = len(node.args) > 3
    return found


def test_there_are_reasons() -> None:
    assert len(reasons()) > 40


@pytest.mark.parametrize("language", [one for one in LANGUAGES if one != "en"])
def test_each_reason_has_its_words(language: str) -> None:
    words, found = dict(WORDS[language]), reasons()
    assert words.pop("looks-like-spam")
    assert set(words) == set(found)
    assert {name for name in words if "{about}" in words[name]} == {
        name for name, about in found.items() if about
    }
    assert not any(text != text.strip() or text.endswith(".") for text in words.values())


def test_an_opinion_is_said_in_a_readers_language() -> None:
    opinion = Opinion(
        Advice.JUNK,
        reasons=(
            Reason("listed-domain", 4.0, "it names a domain that is listed by Lijst", "Lijst"),
            Reason("spf-fail", 3.0, "not from there"),
            Reason("SYMBOL_OF_RSPAMD", 2.0, "says rspamd"),
            Reason("unscanned", 0.0, "nobody looked"),
        ),
    )
    said = opinion.words("nl").split("; ")
    assert said[0] == "het noemt een domein dat op de lijst van Lijst staat"
    assert said[2] == "says rspamd"
    assert opinion.words("de") != opinion.words("fr") != opinion.words() == opinion.words("xx")
    assert opinion.notices("fr") == "personne n'y a cherché de logiciel malveillant"
    assert no_reason("") == no_reason("en") == "it looks like spam"
    assert no_reason("nl") == "het lijkt op spam"
