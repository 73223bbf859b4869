"""What a person is told of the processing itself, as data that a program can read.

It is the copy that goes with the data: the register of processing as the running configuration has
it (purposes, bases, data, recipients, transfers, periods, measures), and what the law wants said
beside it. Source: GDPR Art. 13, 14, 15(1).
"""

from datetime import datetime
from typing import Any

from mailserver.privacy.legal_profile import LegalProfile
from mailserver.privacy.processing import Document

_RIGHTS = (
    ("access and portability", "Art. 15, 20"),
    ("rectification", "Art. 16"),
    ("erasure", "Art. 17"),
    ("restriction", "Art. 18"),
    ("objection", "Art. 21"),
    ("withdrawing a consent", "Art. 7(3)"),
    ("complaint to an authority", "Art. 77"),
)


def information(register: Document, profile: LegalProfile, at: datetime) -> dict[str, Any]:
    """Tell how data of a person are processed by whom `register` speaks of, at `at`."""
    return {
        "made": at.isoformat(),
        **register,
        "source": "you, and whoever writes to you",
        "automatedDecisions": "none with legal or similar effect (Art. 22); filters sort mail only",
        "rights": [{"right": right, "source": source} for right, source in _RIGHTS],
        "complaint": {"authority": profile.authority.name, "url": profile.authority.url},
    }
