"""Sign-ins that failed, for whoever they were tried on: noted at once, written a little later.

A wrong password is answered alike for names that exist and names that do not, so nothing is looked
up and nothing written while somebody waits for that answer. What was tried is kept in memory for
some seconds, alike tries as one, and written to the history of its account where there is one. It
goes with the process that was killed before.
"""

from collections import OrderedDict
from dataclasses import replace
from typing import NamedTuple

from mailserver.accounts.directory import Directory, addresses_of
from mailserver.accounts.history import Entry, History, What
from mailserver.accounts.keyring import OpenedRow
from mailserver.accounts.visitor import Visitor
from mailserver.model.address import Address
from mailserver.model.errors import Corrupt, PeerFault, Transient
from mailserver.runtime.clock import Clock
from mailserver.runtime.log import get_logger

NOTED = 1_000  # at most between two writings; of more, the oldest are not written

log = get_logger("accounts")


class _Try(NamedTuple):
    """What makes tries alike."""

    login: str
    what: What
    peer: str
    agent: str


class Failures:
    """What was tried in vain in one process; used on the event loop only."""

    def __init__(self, directory: Directory, history: History, clock: Clock) -> None:
        """Write into `history`."""
        self._directory = directory
        self._history = history
        self._clock = clock
        self._noted: OrderedDict[_Try, Entry] = OrderedDict()

    def note(self, login: str, visitor: Visitor, what: What) -> None:
        """Note that `visitor` failed under a name that need not exist."""
        key = _Try(login.casefold(), what, visitor.peer, visitor.shown_agent)
        before = self._noted.pop(key, None)
        times = 1 if before is None else before.times + 1
        self._noted[key] = Entry(self._clock.now(), what, key.peer, key.agent, times)
        if len(self._noted) > NOTED:
            self._noted.popitem(last=False)

    def note_of(self, account: OpenedRow, visitor: Visitor, what: What) -> None:
        """Note that `visitor` failed at an account."""
        self.note(str(addresses_of(account)[0]), visitor, what)

    async def write(self) -> None:
        """Write what was noted.

        Raises:
            Transient: the store does not answer; what is left is written the next time.
        """
        while self._noted:
            key, entry = self._noted.popitem(last=False)
            try:
                account = await self._directory.holder(Address.parse(key.login))
                if account is not None:
                    await self._history.add_failure(account, entry)
            except PeerFault:
                continue  # no address, so nobody's
            except Corrupt as error:  # one account that is damaged keeps no other's waiting
                log.error("sign-in history not written", condition=error.condition.name)
            except Transient:
                self._keep(key, entry)
                raise

    def _keep(self, key: _Try, entry: Entry) -> None:
        meanwhile = self._noted.pop(key, None)
        if meanwhile is not None:
            entry = replace(meanwhile, times=meanwhile.times + entry.times)
        self._noted[key] = entry
