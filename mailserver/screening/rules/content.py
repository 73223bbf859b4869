"""What a message's own header and text give away."""

import re
from collections.abc import Iterator

from mailserver.screening.facts import Content, Facts
from mailserver.screening.lookalike import imitates, mixes_scripts, shown
from mailserver.screening.opinion import Reason

FUTURE_SECONDS = 3 * 86_400
PAST_SECONDS = 60 * 86_400
MANY_NAMED = 50
MANY_ENVELOPED = 25
FEW_LETTERS = 80

_NO_DATE = Reason("no-date", 1.0, "it has no date")
_FUTURE = Reason("future-date", 1.5, "it claims to be from the future")
_OLD = Reason("old-date", 0.5, "it claims to be long old")
_NO_ID = Reason("no-message-id", 0.7, "it lacks the identification that mail programs write")
_NOBODY = Reason("no-recipient", 0.7, "it does not say whom it is for")
_MANY = Reason("many-recipients", 1.0, "it went to very many people at once")
_NO_SUBJECT = Reason("no-subject", 0.3, "it has no subject")
_SHOUTS = Reason("shouting-subject", 0.7, "its subject is all in capitals")
_FAKE_ANSWER = Reason("fake-answer", 1.0, "it pretends to answer a message")
_HTML_ONLY = Reason("html-only", 0.5, "it is a web page without a plain text")
_PICTURE = Reason("only-a-picture", 2.0, "it is a picture with hardly any text")
_REPLY = Reason("reply-elsewhere", 0.7, "answers would go to another domain than its author's")
_MISLEADING = Reason("misleading-link", 2.5, "it has a link that leads elsewhere than it says")
_BARE_LINK = Reason("bare-link", 1.5, "it has a link to a machine without a name")
_OTHER_NAME = Reason("address-in-name", 3.0, "its author's name shows another address than it has")
_IMITATES = Reason("look-alike", 3.5, "its author's domain imitates one of ours")
_MIXED = Reason("mixed-scripts", 2.5, "its author's domain mixes letters of several scripts")

_ANSWER = re.compile(r"(?:re|aw|antw|sv|vs|ref)\s*(?:\[[0-9]{1,3}\])?:\s", re.IGNORECASE)
_ADDRESS = re.compile(r"[^\s<>@\"'(),;:]{1,64}@([a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){1,8})", re.I)


def reasons(facts: Facts) -> Iterator[Reason]:
    """Yield what the message has to say."""
    seen = facts.content
    yield from _formal(seen)
    yield from _subject(seen)
    yield from _author(seen)
    yield from _body(seen)
    for name, points in seen.listed:
        yield Reason("listed-domain", points, f"it names a domain that is listed by {name}", name)


def _formal(seen: Content) -> Iterator[Reason]:
    if seen.date is None:
        yield _NO_DATE
    elif seen.date > seen.now + FUTURE_SECONDS:
        yield _FUTURE
    elif seen.date < seen.now - PAST_SECONDS:
        yield _OLD
    if not seen.has_message_id:
        yield _NO_ID
    if not seen.has_recipients:
        yield _NOBODY
    if seen.named_recipients > MANY_NAMED or seen.envelope_recipients > MANY_ENVELOPED:
        yield _MANY


def _subject(seen: Content) -> Iterator[Reason]:
    subject = seen.subject.strip()
    if not subject:
        yield _NO_SUBJECT
    elif len(subject) > 12 and " " in subject and subject.isupper():
        yield _SHOUTS
    if not seen.answers and _ANSWER.match(subject):
        yield _FAKE_ANSWER


def _author(seen: Content) -> Iterator[Reason]:
    domain = seen.author_domain
    named = _ADDRESS.search(seen.author_name[:1_000])
    if named and domain and not _related(named[1].lower(), domain):
        yield _OTHER_NAME
    if seen.reply_domain and domain and not _related(seen.reply_domain, domain):
        yield _REPLY
    if not domain:
        return
    readable = shown(domain)
    if mixes_scripts(readable):
        yield _MIXED
    if any(imitates(readable, ours) for ours in seen.known_domains):
        yield _IMITATES


def _body(seen: Content) -> Iterator[Reason]:
    if seen.html and not seen.plain:
        yield _HTML_ONLY
    if seen.images and seen.letters < FEW_LETTERS:
        yield _PICTURE
    if seen.misleading_links:
        yield _MISLEADING
    if seen.bare_links:
        yield _BARE_LINK


def _related(one: str, other: str) -> bool:
    """Say whether two domains are the same or one lies in the other."""
    return one == other or one.endswith("." + other) or other.endswith("." + one)
