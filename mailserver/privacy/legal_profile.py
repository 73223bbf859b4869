"""What the law of a country says where the Regulation leaves it to the country, as of a day.

A profile is data: when a law changes, a new profile with a later `since` replaces the old one, and
what was reckoned with the old one keeps its dates.

Sources: GDPR (Regulation (EU) 2016/679) for what is common; the acts named at each calendar.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

REQUEST_MONTHS = 1
"""Within which a request is answered. Source: GDPR Art. 12(3)."""
EXTENSION_MONTHS = 2
"""By how much that may be prolonged, with a reason told in time. Source: GDPR Art. 12(3)."""
BREACH_HOURS = 72
"""Within which an authority hears of a breach. Source: GDPR Art. 33(1)."""

AGREEMENT_DAYS = 30
"""Within which a customer accepts a new text of the agreement. Source: PRIVACY §15."""
ANNOUNCEMENT_DAYS = 30
"""How long before a sub-processor begins customers hear of it. Source: GDPR Art. 28(2)."""
REVIEW_MONTHS = 6
"""After which the register, risks and measures are looked at again. GDPR Art. 32(1)(d)."""
TRAINING_MONTHS = 12
"""After which people are taught again. Source: GDPR Art. 39(1)(b)."""
ASSESSMENT_MONTHS = 12
"""After which an impact assessment is looked at again. Source: GDPR Art. 35(11)."""


@dataclass(frozen=True, slots=True)
class Authority:
    """Whom people may complain to, and who is told of breaches. Source: GDPR Art. 51, 77."""

    name: str
    url: str


@dataclass(frozen=True, slots=True)
class LegalProfile:
    """The law of one country, or of the Union where none is chosen."""

    country: str
    """ISO 3166-1 code in capitals; `EU` for none."""
    since: date
    """When the texts behind it were looked up."""
    zone: str
    """IANA name of the time zone in which its days begin and end."""
    authority: Authority
    bookkeeping_years: int
    """For how long contracts and invoices are kept, from the end of their year."""
    holidays: Callable[[int], frozenset[date]]
    """The public holidays of a year, in the whole country."""

    def is_working(self, day: date) -> bool:
        """Say whether it is none of Saturday, Sunday or public holiday."""
        return day.weekday() < 5 and day not in self.holidays(day.year)

    def working_on_or_after(self, day: date) -> date:
        """Return that day, or the next working one. Source: Regulation 1182/71 Art. 3(4)."""
        while not self.is_working(day):
            day += timedelta(days=1)
        return day


def easter(year: int) -> date:
    """Return Easter Sunday of the Gregorian calendar (1583 and later).

    Source: J. Meeus, Astronomical Algorithms, chapter 8.
    """
    golden = year % 19
    century, within = divmod(year, 100)
    shift = (
        19 * golden + century - century // 4 - (century - (century + 8) // 25 + 1) // 3 + 15
    ) % 30
    weekday = (32 + 2 * (century % 4) + 2 * (within // 4) - shift - within % 4) % 7
    late = (golden + 11 * shift + 22 * weekday) // 451
    month, day = divmod(shift + weekday - 7 * late + 114, 31)
    return date(year, month, day + 1)


GOOD_FRIDAY, EASTER_MONDAY, ASCENSION, WHIT_MONDAY = -2, 1, 39, 50
"""Days from Easter Sunday."""


def _days(
    year: int, fixed: tuple[tuple[int, int], ...], moving: tuple[int, ...]
) -> frozenset[date]:
    sunday = easter(year)
    days = {date(year, month, day) for month, day in fixed}
    return frozenset(days | {sunday + timedelta(days=offset) for offset in moving})


def _netherlands(year: int) -> frozenset[date]:
    # Algemene termijnenwet Art. 3: Good Friday is put on a level with the holidays.
    king = date(year, 4, 27)
    king -= timedelta(days=king.weekday() == 6)
    fixed = ((1, 1), (king.month, king.day), (5, 5), (12, 25), (12, 26))
    return _days(year, fixed, (GOOD_FRIDAY, EASTER_MONDAY, ASCENSION, WHIT_MONDAY))


def _belgium(year: int) -> frozenset[date]:
    # Koninklijk besluit / Arrêté royal of 18 April 1974, Art. 1.
    fixed = ((1, 1), (5, 1), (7, 21), (8, 15), (11, 1), (11, 11), (12, 25))
    return _days(year, fixed, (EASTER_MONDAY, ASCENSION, WHIT_MONDAY))


def _germany(year: int) -> frozenset[date]:
    # Those that all sixteen Länder have: a day of one Land does not stop the others' clocks.
    fixed = ((1, 1), (5, 1), (10, 3), (12, 25), (12, 26))
    return _days(year, fixed, (GOOD_FRIDAY, EASTER_MONDAY, ASCENSION, WHIT_MONDAY))


def _france(year: int) -> frozenset[date]:
    # Code du travail Art. L3133-1.
    fixed = ((1, 1), (5, 1), (5, 8), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25))
    return _days(year, fixed, (EASTER_MONDAY, ASCENSION, WHIT_MONDAY))


def _union(year: int) -> frozenset[date]:
    # Days off in every member state; fewer days off, earlier deadlines: never too late anywhere.
    return _days(year, ((1, 1), (12, 25)), ())


_LOOKED_UP = date(2026, 11, 23)

PROFILES: Mapping[str, LegalProfile] = {
    profile.country: profile
    for profile in (
        LegalProfile(
            "EU",
            _LOOKED_UP,
            "Europe/Brussels",
            Authority(
                "the authority of your country",
                "https://www.edpb.europa.eu/about-edpb/about-edpb/members_en",
            ),
            10,
            _union,
        ),
        LegalProfile(
            "NL",
            _LOOKED_UP,
            "Europe/Amsterdam",
            Authority("Autoriteit Persoonsgegevens", "https://www.autoriteitpersoonsgegevens.nl"),
            7,
            _netherlands,
        ),
        LegalProfile(
            "BE",
            _LOOKED_UP,
            "Europe/Brussels",
            Authority(
                "Gegevensbeschermingsautoriteit / Autorité de protection des données",
                "https://www.gegevensbeschermingsautoriteit.be",
            ),
            10,
            _belgium,
        ),
        LegalProfile(
            "DE",
            _LOOKED_UP,
            "Europe/Berlin",
            Authority(
                "the data-protection authority of your Land",
                "https://www.bfdi.bund.de/DE/Service/Anschriften/Laender/Laender-node.html",
            ),
            10,
            _germany,
        ),
        LegalProfile(
            "FR",
            _LOOKED_UP,
            "Europe/Paris",
            Authority(
                "Commission nationale de l'informatique et des libertés (CNIL)",
                "https://www.cnil.fr",
            ),
            10,
            _france,
        ),
    )
}
"""By country code."""
