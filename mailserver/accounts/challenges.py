"""What a passkey is asked to sign: in the session's row, and good for one answer (ADR 16)."""

from dataclasses import replace

from mailserver.accounts import passkeys
from mailserver.accounts.passkeys import CHALLENGE_LIFE
from mailserver.accounts.session_rows import Found, SessionRows
from mailserver.model.errors import Condition, Refused
from mailserver.runtime.clock import Clock


class Challenges:
    """The challenges of sessions."""

    def __init__(self, rows: SessionRows, clock: Clock) -> None:
        """Keep them in `rows`."""
        self._rows = rows
        self._clock = clock

    async def make(self, found: Found) -> bytes:
        """Make a challenge and keep it in a session's row, in the place of the one before."""
        challenge, now = passkeys.new_challenge(), self._clock.now()
        record = replace(found.record, challenge=challenge, challenge_at=now)
        await self._rows.change(found, record)
        return challenge

    async def take(self, found: Found) -> tuple[Found, bytes]:
        """Return a session's challenge and forget it: it is good for one answer.

        Raises:
            Refused: AUTHENTICATION_FAILED, there is none, or it is too old.
        """
        at, challenge = found.record.challenge_at, found.record.challenge
        if at is None or not challenge:
            raise Refused(Condition.AUTHENTICATION_FAILED, "ask for a challenge first")
        record = replace(found.record, challenge=b"", challenge_at=None)
        found = await self._rows.change(found, record)
        if self._clock.now() - at >= CHALLENGE_LIFE:
            raise Refused(Condition.AUTHENTICATION_FAILED, "that took too long, try again")
        return found, challenge
