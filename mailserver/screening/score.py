"""Our own score: reasons and their points, added up, and what to do from how many points on.

Pure: facts in, an opinion out. What holds for a message is judged once; what one reader's account
adds to it is judged for him alone, and can bring the message to Junk or keep it out, never have it
refused: others could else be made to lose mail by what they are sent.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from mailserver.screening.facts import Facts, Personal
from mailserver.screening.opinion import Advice, Opinion, Reason
from mailserver.screening.rules import authenticity, connection, content, past


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From how many points on something is done."""

    doubtful: float = 3.5
    junk: float = 6.0
    reject: float = 15.0


def judge(facts: Facts, thresholds: Thresholds) -> Opinion:
    """Judge a message by what it is and whom it comes from."""
    reasons = (
        *authenticity.reasons(facts),
        *connection.reasons(facts),
        *content.reasons(facts),
        *past.reasons(facts),
    )
    return _opinion(reasons, thresholds)


def personal(opinion: Opinion, facts: Personal, thresholds: Thresholds) -> Opinion:
    """Return what one reader's account makes of a message that is judged already.

    Only what the points decided is decided anew: malware, a dangerous attachment or an author's
    policy is no matter of taste, and neither is a scanner's word.
    """
    own = tuple(past.personal(facts))
    points = opinion.points + sum(reason.points for reason in own)
    advice = opinion.advice
    if opinion.by_points:
        advice = Advice.JUNK if points >= thresholds.junk else Advice.ACCEPT
    elif advice is Advice.ACCEPT and opinion.points < thresholds.junk <= points:
        advice = Advice.JUNK
    return replace(opinion, advice=advice, points=points, reasons=opinion.reasons + own)


def _opinion(reasons: Iterable[Reason], thresholds: Thresholds) -> Opinion:
    found = tuple(reasons)
    points = sum(reason.points for reason in found)
    advice = Advice.ACCEPT
    if points >= thresholds.reject:
        advice = Advice.REJECT
    elif points >= thresholds.junk:
        advice = Advice.JUNK
    return Opinion(
        advice,
        points,
        found,
        doubtful=thresholds.doubtful <= points < thresholds.junk,
        by_points=True,
    )
