"""One normal form for stored text and for what is looked for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailserver.index.words import needle, normalise


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("Straße", "strasse"),
        ("ÉCOLE", "école"),
        ("ﬁnance", "finance"),
        ("a\r\n\tb  c", "a b c"),
        ("İstanbul", "i̇stanbul"),
        ("\x01F\x02", " f "),
        ("Привет", "привет"),
    ],
)
def test_texts_fold_to_one_form(written: str, normal: str) -> None:
    assert normalise(written) == normal


@given(st.text())
def test_normalising_twice_changes_nothing(text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once


@given(st.text(), st.text(), st.text())
def test_no_markers_survive(before: str, text: str, after: str) -> None:
    assert not set(normalise(before + "\x01" + text + "\x02" + after)) & {"\x01", "\x02"}


@given(st.text(alphabet=st.characters(codec="utf-8")))
def test_needle_is_the_normal_form_in_utf8(text: str) -> None:
    assert needle(text).decode() == normalise(text)
