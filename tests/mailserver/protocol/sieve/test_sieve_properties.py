"""No script and no message makes a run raise, and what we accept others accept too."""

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sievelib.parser import Parser

from mailserver.protocol import sieve
from mailserver.protocol.sieve.glob import Glob
from mailserver.protocol.sieve.regex import Regex
from mailserver.protocol.sieve.script import LANGUAGE
from tests.support.sieve import MESSAGE, facts

CORPUS = sorted((Path(__file__).parents[3] / "corpus" / "sieve").glob("*.sieve"))
EVERYTHING = ", ".join(f'"{name}"' for name in sorted(LANGUAGE.extensions))

_WORDS = sorted(
    {*LANGUAGE.commands, *LANGUAGE.tests, "if", "elsif", "else", "require"}
    | {f":{tag}" for form, _ in (*LANGUAGE.commands.values(), *LANGUAGE.tests.values())
       for tag in form.options}
)  # fmt: skip
_STRINGS = st.sampled_from(
    [
        *(
            '"a"',
            '"*"',
            '"${1}${a}"',
            '"subject"',
            '"from"',
            '"a@b.test"',
            '"gt"',
            '"+0100"',
            '"("',
        ),
        *('"i;octet"', '"i;ascii-numeric"', '"mailto:a@b.test"', '["a", "b"]', '"date"'),
        '"${hex:41}"',
    ]
)
_PIECES = st.one_of(
    st.sampled_from(_WORDS), _STRINGS, st.sampled_from([";", "{", "}", "(", ")", ",", "1", "2K"])
)
_ANYTHING = st.one_of(
    st.lists(_PIECES, max_size=30).map(" ".join),
    st.lists(st.sampled_from(_WORDS), max_size=3).map(" ".join),
    st.text(max_size=60),
)


@st.composite
def _whole_commands(draw: st.DrawFn) -> str:
    """Write commands that mostly compile: the right number of things behind a name."""
    names = sorted(set(LANGUAGE.commands) - {"require"})
    lines = []
    for name in draw(st.lists(st.sampled_from(names), max_size=6)):
        form, _ = LANGUAGE.commands[name]
        tags = draw(st.lists(st.sampled_from(sorted(form.options) or ["x"]), max_size=2))
        parts = []
        for tag in tags:
            option = form.options.get(tag)
            parts.append(f":{tag}")
            if option is not None and option.takes is not None:
                parts.append(draw(_STRINGS) if option.takes.name != "NUMBER" else "3")
        parts += [draw(_STRINGS) for _ in form.arguments[form.optional :]]
        lines.append(" ".join([name, *parts]) + ";")
    return f"require [{EVERYTHING}];\n" + "\n".join(lines)


def _compiled(script: str | bytes) -> sieve.Script | None:
    """Compile a script, or nothing where it is refused with a reason."""
    try:
        return sieve.compile(script)
    except sieve.SieveError as error:
        if not error.text:
            raise
        return None


def _survives(script: str, octets: bytes) -> None:
    compiled = _compiled(script)
    if compiled is None:
        return
    outcome = compiled.run(facts(octets), sieve.Environment())
    assert outcome.actions or outcome.question is not None
    assert outcome.error is None or len(outcome.actions) == 1


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_ANYTHING)
def test_any_text_is_a_script_or_refused(text: str) -> None:
    _survives(text, MESSAGE)
    _survives(f"require [{EVERYTHING}]; {text}", MESSAGE)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_whole_commands(), st.binary(max_size=100))
def test_any_script_runs_on_any_message(script: str, octets: bytes) -> None:
    _survives(script, octets)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_any_octets_are_a_script_or_refused(octets: bytes) -> None:
    compiled = _compiled(octets)
    assert compiled is None or compiled.run(facts(), sieve.Environment()) is not None


_SIMPLE = st.recursive(
    st.sampled_from(["a", "b", ".", "[ab]", "[^a]"]),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda pair: f"({pair[0]}|{pair[1]})"),
        st.tuples(inner, st.sampled_from("*+?")).map(lambda pair: f"({pair[0]}){pair[1]}"),
    ),
    max_leaves=8,
)


@settings(max_examples=400, deadline=None)
@given(_SIMPLE, st.text("abc", max_size=8))
def test_expressions_match_what_pythons_do(pattern: str, subject: str) -> None:
    expected = re.search(pattern, subject)
    assert Regex(pattern, ignore_case=False).search(subject, lambda _: None) is (
        expected is not None
    )


@settings(max_examples=400, deadline=None)
@given(st.text("ab*?", max_size=8), st.text("abc", max_size=8))
def test_globs_match_what_expressions_do(pattern: str, subject: str) -> None:
    written = "".join({"*": "(.*?)", "?": "(.)"}.get(c, re.escape(c)) for c in pattern)
    expected = re.fullmatch(written, subject)
    spans = Glob(pattern).match(subject)
    if expected is None:
        assert spans is None
    else:
        assert spans == [
            expected.span(n) for n in range(pattern.count("*") + pattern.count("?") + 1)
        ]


UNKNOWN_TO_SIEVELIB = {
    # Of RFC 5260 it has `date` and `currentdate`, and not the index of §6.
    "dates": ("bad argument :index for command header", [(":index 1 :last ", "")]),
    # RFC 7352 is not in it.
    "duplicate": ("unknown command 'duplicate'", [("duplicate :seconds 3600", "true")]),
    # Of RFC 4790's comparators it takes octet and casemap, not the numeric one of §9.1.
    "flags": ('bad value "i;ascii-numeric"', [(' :comparator "i;ascii-numeric"', "")]),
    # Every extension at once; of them RFC 5233's :detail is the first that it does not know.
    "everything": ("bad argument :detail for command address", []),
}
"""What sievelib 1.6 says of a script that the RFCs allow, and what it takes to make it parse."""


@pytest.mark.parametrize("path", CORPUS, ids=[path.stem for path in CORPUS])
def test_the_corpus_compiles_and_runs(path: Path) -> None:
    script = sieve.compile(path.read_bytes())
    outcome = script.run(facts(), sieve.Environment())
    assert outcome.actions or outcome.question is not None


@pytest.mark.parametrize("path", CORPUS, ids=[path.stem for path in CORPUS])
def test_sievelib_parses_what_we_accept(path: Path) -> None:
    """But for what it does not know: then it says so, and takes the script without that."""
    text, parser = path.read_text("utf-8"), Parser()
    if path.stem not in UNKNOWN_TO_SIEVELIB:
        assert parser.parse(text), parser.error
        return
    said, changes = UNKNOWN_TO_SIEVELIB[path.stem]
    assert not parser.parse(text), "it learned: take the script off the list"
    assert said in parser.error
    for unknown, known in changes:
        assert unknown in text
        text = text.replace(unknown, known)
    assert not changes or Parser().parse(text)


def test_there_is_a_corpus() -> None:
    assert len(CORPUS) >= 10
