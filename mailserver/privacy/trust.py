"""What the trust page says beside the notice: measures, others involved, and what changed.

Every fact is read from the settings the server runs with or from a register, so that the page
changes with them. Source: PRIVACY §15.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from mailserver.privacy.lawful import Count
from mailserver.privacy.processing import Processing, Version
from mailserver.runtime.settings import Settings
from mailserver.runtime.settings_spam import Processor

CHANGES = 20


@dataclass(frozen=True, slots=True)
class Change:
    """A version of the register of processing, and what it brought or ended."""

    day: date
    came: tuple[str, ...]
    went: tuple[str, ...]
    is_first: bool


@dataclass(frozen=True, slots=True)
class Trust:
    """The facts of the page."""

    hostname: str
    epoch_seconds: int
    """How long a key seals what arrives; 0: one letter."""
    measures: tuple[str, ...]
    """Names of the texts that hold."""
    grace_days: int
    backup_days: int
    keystore_backup_days: int
    processors: tuple[Processor, ...]
    lawful: tuple[Count, ...]
    changes: tuple[Change, ...]
    """The newest first."""


def trust(processing: Processing, versions: Sequence[Version], lawful: Sequence[Count]) -> Trust:
    """Gather them from the register of processing and its settings."""
    settings = processing.settings
    escrow = any(one["name"] == "escrow" for one in processing.current()["activities"])
    return Trust(
        hostname=settings.hostname,
        epoch_seconds=settings.crypto.epoch_seconds,
        measures=tuple(_measures(settings, escrow=escrow)),
        grace_days=settings.retention.grace_days,
        backup_days=settings.backup.keep_days,
        keystore_backup_days=settings.backup.keystore_keep_days,
        processors=tuple(settings.processors),
        lawful=tuple(lawful),
        changes=tuple(_changes(versions)[:CHANGES]),
    )


def _measures(settings: Settings, *, escrow: bool) -> list[str]:
    roles = {one.role for one in settings.processors}
    backup = settings.backup
    holding = {
        "m_sealed": True,
        "m_classical": settings.crypto.allow_classical,
        "m_factors": True,
        "m_audit": True,
        "m_copies": settings.audit.copy_to is not None,
        "m_transport": settings.relays,
        "m_scanning": bool(settings.scanners.clamd or settings.scanners.rspamd),
        "m_lists": bool(roles & {"address-list", "domain-list"}),
        "m_backups": backup.public_key_file is not None and bool(backup.targets),
        "m_escrow": escrow,
        "m_grace": True,
    }
    return [name for name, holds in holding.items() if holds]


def _changes(versions: Sequence[Version]) -> list[Change]:
    changes, before = [], None
    for version in versions:
        now = {one["name"] for one in version.document["activities"]}
        was = now if before is None else before
        changes.append(
            Change(
                version.at.date(),
                tuple(sorted(now - was)),
                tuple(sorted(was - now)),
                is_first=before is None,
            )
        )
        before = now
    return changes[::-1]
