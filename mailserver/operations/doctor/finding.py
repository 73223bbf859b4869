"""What the doctor finds."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum


class Severity(IntEnum):
    """How bad it is; what is worse is larger."""

    GOOD = 0
    NOTE = 1
    """Could not be looked at, or is a matter of taste."""
    WARNING = 2
    """Mail works, and something is missing that others score or rely on."""
    FAILURE = 3
    """Mail is lost, refused or unprotected."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    check: str
    """What, in a word that stays the same: `spf`, `dane`, `disk`."""
    subject: str
    """A domain, a host or a file."""
    severity: Severity
    found: str
    """What there is, in a few words."""
    wanted: str = ""
    """What there should be, as far as it can be written down."""
    advice: str = ""
    """What to do, in one sentence; empty where all is well."""


def good(check: str, subject: str, found: str) -> Finding:
    """Say that something is as it should be."""
    return Finding(check, subject, Severity.GOOD, found)


def note(check: str, subject: str, found: str, advice: str = "", *, wanted: str = "") -> Finding:
    """Say that something could not be looked at, or could be better."""
    return Finding(check, subject, Severity.NOTE, found, wanted, advice)


def warning(check: str, subject: str, found: str, advice: str, *, wanted: str = "") -> Finding:
    """Say that something is missing that others rely on."""
    return Finding(check, subject, Severity.WARNING, found, wanted, advice)


def failure(check: str, subject: str, found: str, advice: str, *, wanted: str = "") -> Finding:
    """Say that something is broken."""
    return Finding(check, subject, Severity.FAILURE, found, wanted, advice)


def worst(findings: Sequence[Finding]) -> Severity:
    """Return how bad it is all in all."""
    return max((finding.severity for finding in findings), default=Severity.GOOD)
