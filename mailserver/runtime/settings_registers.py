"""What the law asks a server to know of itself: for how long it keeps what, and its proofs."""

from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from mailserver.runtime.settings_values import Paths, Section

Purpose = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
"""A name that stands in URLs, commands and the register."""


def _purposes(value: object) -> object:
    """Read names from an environment variable, with commas between them."""
    if isinstance(value, str):
        return [name for each in value.split(",") if (name := each.strip())]
    return value


Purposes = Annotated[tuple[Purpose, ...], Field(max_length=20), BeforeValidator(_purposes)]


class Audit(Section):
    """Where proofs of the audit log are kept, out of reach of whoever holds this machine."""

    copy_to: Path | None = None
    """A directory on another machine; what changes who may do or open what waits for it."""


class Organisation(Section):
    """Whose server this is, as its registers and letters say it."""

    name: str = Field(default="", max_length=200)
    country: Literal["EU", "NL", "BE", "DE", "FR"] = "EU"
    """Whose law and authority count; EU for another country of the Union."""
    contact: str = Field(default="", max_length=500)
    """The data protection officer, or where else people and authorities may ask."""


class Retention(Section):
    """For how long data are kept, in days; the second number of each is a hard bound (§16)."""

    audit_days: int = Field(default=365, ge=30, le=365)
    login_history_days: int = Field(default=90, ge=1, le=90)
    trash_days: int = Field(default=30, ge=1, le=365)
    """From the day a message came there."""
    junk_days: int = Field(default=30, ge=1, le=365)
    reports_days: int = Field(default=30, ge=1, le=30)
    """Raw reports of other mail servers."""
    grace_days: int = Field(default=14, ge=0, le=30)
    """How long whoever wants his account erased may think again."""


class Consent(Section):
    """What this organisation asks people to agree to, beside what a contract needs."""

    purposes: Purposes = ()
    """What for, as texts and commands name it; none: nothing is asked."""
    offered_since: date | None = None
    """Since when whoever becomes a customer is offered to say no to letters about similar products;
    without it nobody gets such letters. Source: directive 2002/58/EC Art. 13(2)."""


class Backup(Section):
    """Where backups go, and for how long they stay (PRIVACY §19)."""

    public_key_file: Path | None = None
    """The public half of the offline key; without it there is no backup."""
    targets: Paths = ()
    """Directories for backups of the mail, best two on other machines in separate places."""
    keystore_targets: Paths = ()
    """Others, for the keystore: whoever has both and the master key has all but the passwords."""
    keep_days: int = Field(default=30, ge=1, le=30)
    keystore_keep_days: int = Field(default=7, ge=1, le=30)
    """An erased account's mail can be opened from older backups for so long at most."""
