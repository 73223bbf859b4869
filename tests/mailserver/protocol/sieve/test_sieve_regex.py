"""`:regex` is POSIX's extended language (draft-ietf-sieve-regex §2), as the C library has it."""

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mailserver.protocol.sieve.regex import Regex
from mailserver.protocol.sieve.regex_syntax import RegexFault
from tests.support import posix_regex
from tests.support.sieve import did, run


def found(pattern: str, subject: str, *, ignore_case: bool = False) -> tuple[int, int] | None:
    expression = Regex(pattern, ignore_case=ignore_case)
    spans = expression.spans(subject, lambda _: None)
    assert expression.search(subject, lambda _: None) is (spans is not None)
    return None if spans is None else spans[0]


def words(text: str) -> list[str]:
    return text.split()


SUBJECTS = ["", "a", "A", "b", "ab", "abcd", "xabab-]^\\x", "Zz09 _\n\ta"]
PATTERNS = words(r"""
a|ab  (a|ab)(c|bcd)(d*)  x*  (a*)(ab)*  (a|b)*  a+|b+  (ab|a)b?  b*|a  a||b
.  ^  $  ^$  ^a  d$  a^b  a$b  (^a)  (d$)  x|^a  ()  (|a)
a{2}  a{1,}  (ab){1,2}  a{0}  (a|b){2,3}  x?  a?b?c?d?  a**  a+?
[abc]  [^abc]  []a]  [^]a]  [a-]  [-a]  [^-]  [a-c]  [^a-c]  [A-Z]  [*.(]  [^a]  [^A]
[\]  [\]]  [a^]  [[:alpha:]]+  [[:digit:][:space:]]+  [^[:alnum:]]  [[:upper:]]  [[:xdigit:]]+
[^[:upper:]]+  [[:lower:]_]+  [[:punct:]]  [[=a=]b]+  [[.a.]-c]+  [[.-.]]  [[.].]]  [[:cntrl:]]
\.  \^  \]  \w+  \W  \s  \S+
""")
REFUSED = words(r"""
(  [  []  [^]  [a  a{2,1}  a{  a{x}  [b-a]  [[:nonsense:]]  \  ^*  ^+  ^{2}  $*
[a-[:digit:]]  [[=ab=]]  [[.ab.]]  [[.a  [0-[:alpha:]]
""")
MEANINGLESS = words(r"(a)\1  \b  \<a  *  a|*  (+)  \n  a{,2}  )  a)")


@pytest.mark.parametrize("pattern", PATTERNS)
def test_matches_are_where_the_c_library_finds_them(pattern: str) -> None:
    for subject in SUBJECTS:
        for ignore_case in (False, True):
            expected = posix_regex.search(pattern, subject, ignore_case=ignore_case)
            assert found(pattern, subject, ignore_case=ignore_case) == expected, subject


@pytest.mark.parametrize("pattern", REFUSED)
def test_what_the_c_library_refuses_we_refuse(pattern: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - ours, of one kind
        posix_regex.search(pattern, "")
    with pytest.raises(RegexFault):
        Regex(pattern, ignore_case=False)


@pytest.mark.parametrize("pattern", MEANINGLESS)
def test_what_has_no_meaning_in_the_standard_is_refused(pattern: str) -> None:
    with pytest.raises(RegexFault):
        Regex(pattern, ignore_case=False)


_SETS = ["[ab]", "[^ab]", "[a-c]", "[[:alpha:]]", "[]b]"]
_ATOMS = st.sampled_from(["a", "b", "c", ".", "B", *_SETS])
_EXPRESSIONS = st.recursive(
    _ATOMS,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map("|".join).map("({})".format),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{1,2}", "{0,}"])).map(
            lambda pair: f"({pair[0]}){pair[1]}"
        ),
    ),
    max_leaves=8,
)


@settings(max_examples=500)
@given(_EXPRESSIONS, st.text("abcB]", max_size=10), st.booleans())
def test_any_expression_matches_where_the_c_library_says(
    pattern: str, subject: str, ignore_case: bool
) -> None:
    try:
        ours = found(pattern, subject, ignore_case=ignore_case)
    except RegexFault:
        assume(False)
    assert ours == posix_regex.search(pattern, subject, ignore_case=ignore_case)


def test_beyond_ascii_a_character_is_one() -> None:
    assert found("[[=e=]]+", "xéèx") == (1, 3)
    assert found("[A-Z]", "ß", ignore_case=True) is None
    assert found("[^é]", "É", ignore_case=True) is None
    assert found("STRASSE", "straße", ignore_case=True) is None
    assert found("^caf.$", "café") == (0, 4)


def test_the_longest_of_the_leftmost_is_what_variables_get() -> None:
    script = 'if header :regex "subject" "(au|au lait)" { fileinto "${0}"; }'
    assert did(run(f'require ["variables", "fileinto", "regex"]; {script}')) == "fileinto au lait"
