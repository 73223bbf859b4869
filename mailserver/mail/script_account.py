"""An account's scripts in the hands of one connection: all that ManageSieve may touch."""

from collections.abc import Callable

from mailserver.mail.account import Hold
from mailserver.mail.scripts import Scripts


class ScriptAccount:
    """The scripts of one account, until it is closed or taken away."""

    def __init__(self, hold: Hold, scripts: Scripts) -> None:
        """Act on `scripts` while `hold` lasts."""
        self.address = hold.address
        self.scripts = scripts
        self._hold = hold

    def on_end(self, tell: Callable[[object], None]) -> None:
        """Call `tell` on the event loop when the account is taken away from this connection."""
        self._hold.on_end(tell)

    async def close(self) -> None:
        """Give the account back; closing twice is nothing."""
        await self._hold.close()
