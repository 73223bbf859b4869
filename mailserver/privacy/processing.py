"""The register of processing, read from the running configuration (GDPR Art. 30).

Activities are declared in code beside what they describe (`activities`); those that the settings
enable make the register, with the organisation's own words and whoever else is asked
(`[[processors]]`). Each change of the settings makes a new version, which is never changed; two
versions are told apart line by line. It is kept in both of its forms: a controller's for what the
organisation does for itself, a processor's for what it does for the domains of others.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from mailserver.audit.entry import SERVER
from mailserver.privacy.ledger import Ledger
from mailserver.privacy.retention import Category, End
from mailserver.runtime.settings import Settings
from mailserver.runtime.settings_spam import Processor
from mailserver.store.registers import Register


class View(StrEnum):
    """Whose register."""

    CONTROLLER = "controller"
    """Source: GDPR Art. 30(1)."""
    PROCESSOR = "processor"
    """Source: GDPR Art. 30(2)."""


BOTH = frozenset(View)
Document = dict[str, Any]
"""A version of the register; JSON."""


@dataclass(frozen=True, slots=True)
class Activity:
    """Something that is done with personal data."""

    name: str
    title: str
    purpose: str
    basis: str
    """On which ground, as far as the server can know it. Source: GDPR Art. 6."""
    subjects: tuple[str, ...]
    data: tuple[str, ...]
    retention: tuple[str, ...]
    """Which rows of the retention table end it."""
    measures: tuple[str, ...]
    enabled_when: Callable[[Settings], bool]
    recipients: Callable[[Settings], tuple[str, ...]] = lambda _: ()
    """Who else gets to know of it."""
    views: frozenset[View] = BOTH


@dataclass(frozen=True, slots=True)
class Version:
    """A version as it was recorded."""

    number: int
    at: datetime
    document: Document


class Processing:
    """The register and its versions."""

    def __init__(
        self,
        settings: Settings,
        activities: Sequence[Activity],
        categories: Sequence[Category],
        ledger: Ledger,
    ) -> None:
        """Read the register from `settings`; versions are kept in `ledger`."""
        self.settings = settings
        self._activities = tuple(activities)
        self._periods = {one.name: _period(one) for one in categories}
        self._ledger = ledger

    def current(self) -> Document:
        """Return the register as the settings have it.

        Raises:
            KeyError: an activity names a row that the retention table has not.
        """
        organisation = self.settings.organisation
        return {
            "organisation": {
                "name": organisation.name or self.settings.hostname,
                "country": organisation.country,
                "contact": organisation.contact,
            },
            "processors": [_processor(one) for one in self.settings.processors],
            "activities": [
                self._activity(one) for one in self._activities if one.enabled_when(self.settings)
            ],
        }

    @property
    def contact(self) -> str:
        """Who answers for it: the contact of the organisation, or the organisation."""
        organisation = self.settings.organisation
        return organisation.contact or organisation.name or self.settings.hostname

    def kept(self, name: str) -> tuple[str, ...]:
        """Return the rows of the retention table that end what an activity keeps."""
        return next(one.retention for one in self._activities if one.name == name)

    async def record(self, *, actor: str = SERVER) -> int | None:
        """Keep the register as a new version, if it says something new; return its number.

        Raises:
            Conflict: another process kept one just now.
        """
        document: Document = json.loads(json.dumps(self.current()))
        last = await self._ledger.last(Register.PROCESSING)
        if last and (await self._ledger.get(Register.PROCESSING, last)).fields == document:
            return None
        return await self._ledger.add(Register.PROCESSING, document, actor=actor, number=last + 1)

    async def versions(self) -> list[Version]:
        """Return every version, the oldest first."""
        return [
            Version(entry.number, entry.at, entry.fields)
            for entry in await self._ledger.entries(Register.PROCESSING)
        ]

    async def version(self, number: int) -> Version:
        """Return one version. Raises Absent."""
        entry = await self._ledger.get(Register.PROCESSING, number)
        return Version(entry.number, entry.at, entry.fields)

    def _activity(self, activity: Activity) -> Document:
        return {
            "name": activity.name,
            "title": activity.title,
            "purpose": activity.purpose,
            "basis": activity.basis,
            "subjects": list(activity.subjects),
            "data": list(activity.data),
            "recipients": list(activity.recipients(self.settings)),
            "transfers": _transfers(activity, self.settings),
            "retention": [self._periods[name] for name in activity.retention],
            "measures": list(activity.measures),
            "views": sorted(activity.views),
        }


def seen_by(document: Document, view: View) -> list[Document]:
    """Return the activities of one view; a processor's has no purposes and periods of its own."""
    activities = [one for one in document["activities"] if view.value in one["views"]]
    if view is View.CONTROLLER:
        return activities
    shown = ("name", "title", "data", "recipients", "transfers", "measures")
    return [{key: one[key] for key in shown} for one in activities]


def differences(old: Document, new: Document) -> list[str]:
    """Say in lines what another version says: `+` came, `-` went, `~` changed."""
    before, after = _flat(old), _flat(new)
    lines = [f"- {key}: {text}" for key, text in before.items() if key not in after]
    lines += [f"+ {key}: {text}" for key, text in after.items() if key not in before]
    lines += [
        f"~ {key}: {text} → {after[key]}"
        for key, text in before.items()
        if key in after and after[key] != text
    ]
    return sorted(lines, key=lambda line: (line[2:], line[0]))


def _flat(document: Document) -> dict[str, str]:
    flat = {f"organisation.{key}": str(text) for key, text in document["organisation"].items()}
    for group, key in (("processors", "name"), ("activities", "name")):
        for one in document[group]:
            for name, value in one.items():
                said = ", ".join(value) if isinstance(value, list) else str(value)
                flat[f"{group}.{one[key]}.{name}"] = said
    return flat


def _processor(one: Processor) -> Document:
    return {
        "name": one.name,
        "role": one.role,
        "where": one.zone or one.host,
        "country": one.country,
        "basis": one.basis,
        "agreement": one.agreement,
        "since": "" if one.since is None else one.since.isoformat(),
    }


# The states of the European Economic Area, into which nothing is a transfer. Source: GDPR Art. 44.
_EEA = frozenset(
    {
        *("AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE"),
        *("IS", "IT", "LI", "LT", "LU", "LV", "MT", "NL", "NO", "PL", "PT", "RO", "SE", "SI", "SK"),
    }
)


def _transfers(activity: Activity, settings: Settings) -> list[str]:
    """Name those recipients that are outside of the Economic Area, and on what ground."""
    recipients = activity.recipients(settings)
    return [
        f"{one.name}, {one.country}: {one.basis}"
        for one in settings.processors
        if one.country not in _EEA and any(said.startswith(one.name) for said in recipients)
    ]


def _period(category: Category) -> str:
    if category.period:
        days = category.period.days
        span = f"{days} days" if days else f"{category.period.seconds // 3600} hours"
        return f"{category.what}: {span}"
    ends = "at its own time" if category.by is End.OWN else "with what it belongs to"
    return f"{category.what}: {ends}"
