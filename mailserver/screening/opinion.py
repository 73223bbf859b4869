"""What screening thinks of a message: what to do with it, and why, in a reader's words."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from mailserver.screening.words import said


class Advice(IntEnum):
    """What to do with a message; the gravest advice counts."""

    ACCEPT = 0
    JUNK = 1
    """Deliver it, to Junk."""
    DELAY = 2
    """Ask the sender to come again later; who sends from a real queue does."""
    REJECT = 3
    """Refuse it before it is ours. Nothing is ever dropped after the 250 (PRIVACY §8)."""


NOTICES = frozenset({"unscanned", "closed-archive"})
"""Reasons that are told wherever a message goes."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that speaks for or against a message."""

    name: str
    """A short word that tests and statistics go by: `spf-fail`."""
    points: float
    """More is worse; below zero speaks for the message."""
    text: str
    """What it means, in English; `screening.words` has it in other languages."""
    about: str = ""
    """What the text is about, where that is not always the same: a list, an ending."""

    def said(self, language: str) -> str:
        """Say it in a language; in English where we have no words for it."""
        return said(self.name, self.about, self.text, language)


@dataclass(frozen=True, slots=True)
class Opinion:
    """The sum of it."""

    advice: Advice = Advice.ACCEPT
    points: float = 0.0
    reasons: tuple[Reason, ...] = ()
    malware: str = ""
    """What a scanner calls it; empty where none was found."""
    unscanned: bool = False
    """No scanner saw it, although one is configured."""
    doubtful: bool = False
    """Neither good nor bad: whoever sends it may be asked to come again."""
    by_points: bool = False
    """The points alone made the advice."""

    def words(self, language: str = "") -> str:
        """Say why in a language (English where empty), the weightiest reasons first, in a line."""
        against = [reason for reason in self.reasons if reason.points > 0]
        against.sort(key=lambda reason: -reason.points)
        return "; ".join(reason.said(language) for reason in against[:3])

    def notices(self, language: str = "") -> str:
        """Say in one line what its reader should know although it is not held against it."""
        return "; ".join(one.said(language) for one in self.reasons if one.name in NOTICES)


GOOD = Opinion()


def gravest(opinions: Iterable[Opinion]) -> Opinion:
    """Join opinions: points add up, the gravest advice counts, every reason is told."""
    found = [opinion for opinion in opinions if opinion is not GOOD]
    if len(found) < 2:
        return found[0] if found else GOOD
    return Opinion(
        advice=max(opinion.advice for opinion in found),
        points=sum(opinion.points for opinion in found),
        reasons=tuple(reason for opinion in found for reason in opinion.reasons),
        malware=next((opinion.malware for opinion in found if opinion.malware), ""),
        unscanned=any(opinion.unscanned for opinion in found),
        doubtful=any(opinion.doubtful for opinion in found),
        by_points=all(opinion.by_points or opinion.advice is Advice.ACCEPT for opinion in found),
    )
