"""Points and reasons: each oddity has its word, and none of them is enough by itself."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailserver.screening import score
from mailserver.screening.facts import (
    Authenticity,
    Connection,
    Content,
    Facts,
    Personal,
    Standing,
)
from mailserver.screening.opinion import GOOD, Advice, Opinion, gravest
from mailserver.screening.score import Thresholds

LIMITS = Thresholds()
PASSED = Authenticity(spf="pass", dkim="pass", dmarc="pass")
NAMED = Connection(helo="mx.there.test", reverse="mx.there.test", ip="198.51.100.7")
PLAIN = Content(subject="Tuesday", author_domain="there.test")
FINE = Facts(PASSED, NAMED, PLAIN)


def names(facts: Facts) -> set[str]:
    return {reason.name for reason in score.judge(facts, LIMITS).reasons}


def test_a_letter_from_a_proper_server_is_fine() -> None:
    opinion = score.judge(FINE, LIMITS)
    assert opinion.advice is Advice.ACCEPT
    assert not opinion.doubtful
    assert opinion.points < 0


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({"spf": "fail", "dmarc": "none"}, "spf-fail"),
        ({"spf": "softfail", "dmarc": "none"}, "spf-softfail"),
        ({"dmarc": "fail"}, "dmarc-fail"),
        ({"dmarc": "permerror"}, "dmarc-broken"),
        ({"dkim": "fail", "dmarc": "none"}, "dkim-fail"),
        ({"dkim": "policy", "dmarc": "none"}, "dkim-fail"),
        ({"arc": "fail", "dmarc": "none"}, "arc-fail"),
        ({"spf": "none", "dkim": "none", "dmarc": "none"}, "unvouched"),
        ({"authors": 2}, "several-authors"),
        ({"authors": 0}, "several-authors"),
    ],
)
def test_authentication(changed: dict[str, str], name: str) -> None:
    facts = replace(FINE, authenticity=replace(PASSED, **changed))  # type: ignore[arg-type]
    assert name in names(facts)


@pytest.mark.parametrize("dmarc", ["none", "fail", "permerror"])
def test_who_claims_to_be_a_colleague_has_to_prove_it(dmarc: str) -> None:
    content = replace(PLAIN, author_domain="zegel.test", known_domains=frozenset({"zegel.test"}))
    facts = replace(FINE, content=content, authenticity=replace(PASSED, dmarc=dmarc))
    assert "claims-to-be-ours" in names(facts)
    assert "claims-to-be-ours" not in names(replace(facts, authenticity=PASSED))
    vouched = replace(facts.authenticity, voucher="zegel.test")
    assert "claims-to-be-ours" not in names(replace(facts, authenticity=vouched))
    assert "claims-to-be-ours" not in names(replace(facts, connection=replace(NAMED, near=True)))
    assert "claims-to-be-ours" not in names(
        replace(facts, content=replace(content, author_domain="there.test"))
    )


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({"reverse": ""}, "no-reverse-name"),
        ({"confirmed": False}, "reverse-unconfirmed"),
        ({"reverse": "dsl-198-51-100-7.pool.isp.test"}, "dial-up"),
        ({"helo": "zegel.test", "ours": frozenset({"zegel.test"})}, "helo-ours"),
        ({"helo": "198.51.100.7"}, "helo-ip"),
        ({"helo": "2001:db8::1"}, "helo-ip"),
        ({"helo": "[198.51.100.7]"}, "helo-literal"),
        ({"helo": "localhost"}, "helo-localhost"),
        ({"helo": "WIN-1234"}, "helo-no-dot"),
        ({"helo": ""}, "helo-no-dot"),
        ({"listed": (("Some List", 4.0),)}, "listed-address"),
    ],
)
def test_connection(changed: dict[str, object], name: str) -> None:
    seen = replace(NAMED, **changed)  # type: ignore[arg-type]
    assert name in names(replace(FINE, connection=seen))
    assert name not in names(replace(FINE, connection=replace(seen, near=True)))


@pytest.mark.parametrize(
    "seen",
    [
        NAMED,
        replace(NAMED, reverse=None),
        replace(NAMED, reverse="mail-7.pool.isp.test"),  # a number, and not its own
        replace(NAMED, helo="MX.There.Test."),
    ],
)
def test_a_proper_connection_gives_no_reason(seen: Connection) -> None:
    assert names(replace(FINE, connection=seen)) == {"dmarc-pass"}


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({"date": None}, "no-date"),
        ({"date": 10 * 86_400, "now": 0}, "future-date"),
        ({"date": 0, "now": 100 * 86_400}, "old-date"),
        ({"has_message_id": False}, "no-message-id"),
        ({"has_recipients": False}, "no-recipient"),
        ({"named_recipients": 51}, "many-recipients"),
        ({"envelope_recipients": 26}, "many-recipients"),
        ({"subject": " "}, "no-subject"),
        ({"subject": "BUY NOW OR NEVER"}, "shouting-subject"),
        ({"subject": "Re: your invoice"}, "fake-answer"),
        ({"subject": "AW: Rechnung"}, "fake-answer"),
        ({"html": True, "plain": False}, "html-only"),
        ({"images": 1, "letters": 10}, "only-a-picture"),
        ({"misleading_links": 1}, "misleading-link"),
        ({"bare_links": 1}, "bare-link"),
        ({"author_name": "service@bank.test"}, "address-in-name"),
        ({"reply_domain": "collect.test"}, "reply-elsewhere"),
        ({"author_domain": "examp1e.org", "known_domains": frozenset({"example.org"})},
         "look-alike"),
        ({"author_domain": "xn--80ak6aa92e-pb8h.com"}, "mixed-scripts"),
        ({"listed": (("Some List", 4.0),)}, "listed-domain"),
    ],
)  # fmt: skip
def test_content(changed: dict[str, object], name: str) -> None:
    if name == "mixed-scripts":
        changed = {"author_domain": ("pаypal.com").encode("idna").decode()}
    assert name in names(replace(FINE, content=replace(PLAIN, **changed)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changed",
    [
        {"subject": "Re: Tuesday", "answers": True},
        {"subject": "Regarding: nothing"},
        {"author_name": "bob@mail.there.test"},
        {"reply_domain": "lists.there.test"},
        {"author_domain": "other.org", "known_domains": frozenset({"example.org"})},
        {"author_domain": "mail.example.org", "known_domains": frozenset({"example.org"})},
        {"author_domain": "bücher.test".encode("idna").decode()},
        {"images": 3, "letters": 900},
    ],
)
def test_ordinary_content_gives_no_reason(changed: dict[str, object]) -> None:
    seen = replace(PLAIN, **changed)  # type: ignore[arg-type]
    assert names(replace(FINE, content=seen)) == {"dmarc-pass"}


@pytest.mark.parametrize(
    ("standing", "name"),
    [
        (Standing(0, 5, authenticated=True), "bad-standing"),
        (Standing(0, 5), "bad-network"),
        (Standing(5, 5), "mixed-standing"),
        (Standing(50, 1, authenticated=True), "good-standing"),
    ],
)
def test_standing(standing: Standing, name: str) -> None:
    assert name in names(replace(FINE, standing=standing))


@pytest.mark.parametrize("standing", [Standing(0, 1), Standing(50, 0), Standing(2, 0)])
def test_too_little_is_no_standing_and_a_network_has_no_good_name(standing: Standing) -> None:
    assert names(replace(FINE, standing=standing)) == {"dmarc-pass"}


def test_nobody_vouches_and_no_name_is_doubtful_and_more_is_junk() -> None:
    facts = Facts(Authenticity(), replace(NAMED, reverse=""), PLAIN)
    opinion = score.judge(facts, LIMITS)
    assert opinion.doubtful
    assert opinion.advice is Advice.ACCEPT
    worse = replace(facts, content=replace(PLAIN, author_name="service@bank.test"))
    assert score.judge(worse, LIMITS).advice is Advice.JUNK
    hopeless = replace(
        worse,
        authenticity=Authenticity(spf="fail", dmarc="fail"),
        connection=replace(NAMED, reverse="", helo="zegel.test", ours=frozenset({"zegel.test"})),
    )
    assert score.judge(hopeless, LIMITS).advice is Advice.REJECT


def test_no_oddity_is_enough_by_itself() -> None:
    worst = Facts(
        Authenticity(authors=3, spf="pass"), NAMED, replace(PLAIN, author_name="a@bank.test")
    )
    for facts in (replace(worst, content=PLAIN), replace(worst, authenticity=PASSED)):
        assert score.judge(facts, LIMITS).advice is Advice.ACCEPT


def test_a_reader_can_keep_a_message_from_junk_or_send_it_there_and_never_refuses() -> None:
    junk = Opinion(Advice.JUNK, 7.0, by_points=True)
    friend = Personal(wrote_to=True, authenticated=True)
    assert score.personal(junk, friend, LIMITS).advice is Advice.ACCEPT
    forged = Personal(wrote_to=True, authenticated=False)
    assert score.personal(junk, forged, LIMITS).advice is Advice.JUNK
    fine = Opinion(Advice.ACCEPT, 5.0, by_points=True)
    assert score.personal(fine, Personal(likeness=0.999), LIMITS).advice is Advice.JUNK
    much = Opinion(Advice.JUNK, 14.0, by_points=True)
    assert score.personal(much, Personal(likeness=0.999), LIMITS).advice is Advice.JUNK


def test_what_points_did_not_decide_is_no_matter_of_taste() -> None:
    program = gravest([Opinion(Advice.JUNK, 6.0), Opinion(Advice.ACCEPT, 0.1, by_points=True)])
    friend = Personal(wrote_to=True, authenticated=True, likeness=0.0)
    assert score.personal(program, friend, LIMITS).advice is Advice.JUNK


def test_good_opinions_join_to_one() -> None:
    doubtful = Opinion(Advice.ACCEPT, 4.0, doubtful=True, by_points=True)
    assert gravest([GOOD, doubtful]) is doubtful
    assert gravest([doubtful, Opinion(Advice.ACCEPT, 1.0)]).doubtful


text = st.text(max_size=80)
domains = st.text(alphabet="abcж0.-xn", max_size=30)


@given(
    st.builds(Authenticity, spf=text, dkim=text, dmarc=text, arc=text, authors=st.integers()),
    st.builds(
        Connection,
        near=st.booleans(),
        helo=text,
        ours=st.frozensets(text, max_size=3),
        reverse=st.none() | text,
        confirmed=st.booleans(),
        ip=text,
    ),
    st.builds(
        Content,
        date=st.none() | st.integers(),
        now=st.integers(),
        subject=text,
        author_domain=domains,
        author_name=text,
        reply_domain=domains,
        images=st.integers(0, 5),
        letters=st.integers(0, 500),
        known_domains=st.frozensets(domains, max_size=3),
    ),
    st.builds(Standing, good=st.floats(0, 1e6), bad=st.floats(0, 1e6)),
    st.builds(Personal, likeness=st.none() | st.floats(0, 1)),
)
def test_it_never_raises_and_every_point_has_its_reason(
    authenticity: Authenticity,
    connection: Connection,
    content: Content,
    standing: Standing,
    personal: Personal,
) -> None:
    opinion = score.judge(Facts(authenticity, connection, content, standing), LIMITS)
    own = score.personal(opinion, personal, LIMITS)
    for judged in (opinion, own):
        assert judged.points == pytest.approx(sum(reason.points for reason in judged.reasons))
        assert all(reason.text.isascii() and reason.name for reason in judged.reasons)
        assert (judged.advice is not Advice.ACCEPT) == (judged.points >= LIMITS.junk)
