"""What senders did before: how they fared here, whom they know, what their words remind of."""

from collections.abc import Iterator

from mailserver.screening.facts import Facts, Personal, Standing
from mailserver.screening.opinion import Reason

ENOUGH = 3.0  # messages of late; fewer say nothing
WELL_KNOWN = 5.0

_BAD_DOMAIN = Reason("bad-standing", 2.5, "most of what its sender's domain sent lately was junk")
_BAD_NETWORK = Reason("bad-network", 2.5, "most of what came from its network lately was junk")
_MIXED = Reason("mixed-standing", 1.0, "much of what came from its sender lately was junk")
_GOOD = Reason("good-standing", -1.0, "its sender's mail has been fine")
STANDING = frozenset({"bad-standing", "bad-network", "mixed-standing", "good-standing"})
"""Reasons that rest on earlier judgements; to count them again would be to believe an echo."""
_WROTE_TO = Reason("correspondent", -4.0, "you wrote to its author")
_HEARD_FROM = Reason("known-author", -1.5, "you had mail from its author before")
_FIRST = Reason("first-contact", 0.5, "its author never wrote to you before")

_LIKENESS = (
    (0.99, Reason("reads-like-junk", 4.5, "it reads like what you put into Junk")),
    (0.90, Reason("reads-like-junk", 2.5, "it reads like what you put into Junk")),
)
_UNLIKE = (
    (0.01, Reason("reads-like-mail", -3.0, "it reads like mail that you want")),
    (0.10, Reason("reads-like-mail", -1.5, "it reads like mail that you want")),
)


def reasons(facts: Facts) -> Iterator[Reason]:
    """Yield what is remembered of the sender's domain or network."""
    standing = facts.standing
    total = standing.good + standing.bad
    if total < ENOUGH:
        return
    share = standing.bad / total
    if share > 0.8:
        yield _BAD_DOMAIN if standing.authenticated else _BAD_NETWORK
    elif share > 0.4:
        yield _MIXED
    elif share < 0.05 and _is_well_known(standing):
        yield _GOOD


def _is_well_known(standing: Standing) -> bool:
    # A network's good name is anybody's who finds a machine in it.
    return standing.authenticated and standing.good >= WELL_KNOWN


def personal(facts: Personal) -> Iterator[Reason]:
    """Yield what one reader's account knows of the author, and of words like these."""
    if facts.authenticated and facts.wrote_to:
        yield _WROTE_TO
    elif facts.authenticated and facts.heard_from:
        yield _HEARD_FROM
    elif not (facts.wrote_to or facts.heard_from):
        yield _FIRST
    if facts.likeness is None:
        return
    for least, reason in _LIKENESS:
        if facts.likeness >= least:
            yield reason
            return
    for most, reason in _UNLIKE:
        if facts.likeness <= most:
            yield reason
            return
