"""Breaches suspected by the server itself: from its audit log, its checksums and its keys.

Most detectors speak by writing an audit entry, so one pair of eyes on the log sees them all. It
remembers up to which entry it has looked, and goes on there after a restart.
"""

from datetime import timedelta

from mailserver.audit.entry import Entry, Event, decode
from mailserver.audit.verify import ChainBroken
from mailserver.model.errors import Corrupt
from mailserver.privacy.breach import Detector
from mailserver.privacy.breaches import Breaches
from mailserver.privacy.ledger import Ledger
from mailserver.store.audit import AuditLog
from mailserver.store.registers import Register

PAGE = 1_000
MASS_EXPORT = 10
"""So many accounts exported within a day are more than somebody moving house."""
WITHIN = timedelta(days=1)
_MARK = 2
"""Where in the register of regular work it is written how far the log was read."""


class Suspicions:
    """Turns what the server notices into entries of the breach register."""

    def __init__(self, breaches: Breaches, ledger: Ledger, log: AuditLog) -> None:
        """Read `log` and open entries in `breaches`."""
        self._breaches = breaches
        self._ledger = ledger
        self._log = log

    async def look(self) -> None:
        """Read what was written to the audit log since the last time.

        Raises:
            Transient: a suspicion could not be written down; it comes again.
        """
        mark = await self._ledger.noted(Register.SCRUB, _MARK)
        read = after = int(mark.get("entry", 0))
        exports: list[list[str]] = mark.get("exports", [])
        while rows := await self._log.rows(read, PAGE):
            for row in rows:
                try:
                    entry = decode(row.entry)
                except Corrupt:
                    await self.audit_broken(ChainBroken.__name__, row.number)
                    continue
                await self._weigh(entry, exports)
            read = rows[-1].number
        if read != after:
            await self._ledger.note(Register.SCRUB, _MARK, {"entry": read, "exports": exports})

    async def damaged(self, objects: list[str]) -> None:
        """Suspect that stored mail was altered or lost; each object is named by its numbers."""
        for name in objects:
            await self._breaches.suspect(
                Detector.SCRUB,
                "",
                name,
                "Stored ciphertext is not what was stored, or is missing (integrity,"
                " availability). A failing disk is likely; a hand is possible.",
            )

    async def audit_broken(self, what: str, number: int) -> None:
        """Suspect that somebody altered the audit log."""
        await self._breaches.suspect(
            Detector.AUDIT,
            "",
            f"{what} at entry {number}",
            "The audit log is not what was written: somebody altered the database, or it was"
            " restored in part.",
        )

    async def _weigh(self, entry: Entry, exports: list[list[str]]) -> None:
        account = "" if entry.account_id is None else entry.account_id.hex()
        match entry.event:
            case Event.KEY_MISMATCH:
                await self._breaches.suspect(
                    Detector.KEYS,
                    account,
                    f"entry {entry.number}",
                    "A row that says who may open or receive mail is not authentic: somebody"
                    " altered the keystore, or it was restored under another key.",
                )
            case Event.SENDING_FROZEN:
                await self._taken_over(account, entry, "An account sends as a thief would.")
            case Event.FACTOR_CHANGED if entry.facts.get("what") == "off" and entry.facts.get("by"):
                await self._taken_over(
                    account, entry, "Administrators took an account's second factors off."
                )
            case Event.EXPORTED if account:
                await self._exported(account, entry, exports)
            case _:
                pass

    async def _taken_over(self, account: str, entry: Entry, nature: str) -> None:
        await self._breaches.suspect(
            Detector.TAKEOVER, account, f"entry {entry.number}", f"{nature} Is it its owner?"
        )

    async def _exported(self, account: str, entry: Entry, exports: list[list[str]]) -> None:
        """Count accounts that were exported within a day; `exports` is changed."""
        since = (entry.at - WITHIN).isoformat()
        exports[:] = [one for one in exports if one[0] > since and one[1] != account]
        exports.append([entry.at.isoformat(), account])
        if len(exports) >= MASS_EXPORT:
            await self._breaches.suspect(
                Detector.EXPORTS,
                "",
                f"day {entry.at:%Y-%m-%d}",
                f"{MASS_EXPORT} accounts or more were exported within a day.",
            )
