"""What is written of a breach: to the authority, to people, to a controller, in four languages.

A draft says every field that its reader is owed; one that is not known yet says so, and one that
nobody has filled in is marked, so that nothing is left out unseen.

Sources: GDPR Art. 33(2), 33(3), 34(2).
"""

import tomllib
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Any
from zoneinfo import ZoneInfo

from mailserver.privacy.breach import ASKED, UNKNOWN, Breach, Field
from mailserver.privacy.legal_profile import LegalProfile

LANGUAGES = ("en", "nl", "de", "fr")


class Reader(StrEnum):
    """Who is written to."""

    AUTHORITY = "authority"
    PEOPLE = "people"
    CONTROLLER = "controller"


_OWED: Mapping[Reader, tuple[Field, ...]] = {
    Reader.AUTHORITY: tuple(Field),
    Reader.CONTROLLER: (*ASKED, Field.CAUSE, Field.ENCRYPTION),
    # In clear and plain language, and no more than helps: Art. 34(2).
    Reader.PEOPLE: (
        *(Field.NATURE, Field.CONSEQUENCES, Field.MEASURES),
        *(Field.ENCRYPTION, Field.CONTACT),
    ),
}


def draft(
    breach: Breach, reader: Reader, language: str, organisation: str, profile: LegalProfile
) -> str:
    """Write a draft as plain text, for a person to read and send.

    Args:
        breach: what it is about.
        reader: who is written to.
        language: one of `LANGUAGES`.
        organisation: whose server this is.
        profile: whose authority and whose clock.

    Raises:
        KeyError: it is another language.
    """
    if language not in LANGUAGES:
        raise KeyError(language)
    words = _words(language)
    text = words[reader.value]
    names = {
        "organisation": organisation,
        "authority": profile.authority.name,
        "url": profile.authority.url,
    }
    paragraphs = [text["title"], text["opening"].format(**names)]
    if reader is not Reader.PEOPLE:
        paragraphs.append("\n".join(_dates(breach, words, profile)))
    paragraphs += [
        f"{words['fields'][field.value]}:\n{_said(breach, field, words)}" for field in _OWED[reader]
    ]
    return "\n\n".join([*paragraphs, text["closing"].format(**names)]) + "\n"


def _dates(breach: Breach, words: Mapping[str, Any], profile: LegalProfile) -> list[str]:
    zone = ZoneInfo(profile.zone)
    lines = [f"{words['number']}: {breach.number}"]
    for name, at in (
        ("aware", breach.aware_at),
        ("deadline", breach.deadline),
        ("told", breach.told_at),
    ):
        if at is not None:
            lines.append(f"{words[name]}: {_when(at, zone)}")
    if breach.risk is not None:
        lines.append(f"{words['risk']}: {words[f'risk_{breach.risk.value}']}")
    if breach.reason:
        lines.append(f"{words['reason']}: {breach.reason}")
    return lines


def _when(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M %Z}"


def _said(breach: Breach, field: Field, words: Mapping[str, Any]) -> str:
    said = breach.fields.get(field, "")
    if said == UNKNOWN:
        return str(words["unknown"])
    return said or str(words["missing"])


@cache
def _words(language: str) -> dict[str, Any]:
    file = resources.files("mailserver.privacy") / "data" / f"breach-{language}.toml"
    return tomllib.loads(file.read_text("utf-8"))
