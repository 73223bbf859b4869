"""What an owner sets for mail that comes while they are away: scripts, and the vacation answer."""

from dataclasses import dataclass

from mailserver.mail.scripts import Scripts
from mailserver.mail.vacation import Vacations


@dataclass(frozen=True, slots=True)
class Rules:
    """The filters and settings of one account."""

    scripts: Scripts
    vacations: Vacations
