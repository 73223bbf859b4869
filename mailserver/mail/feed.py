"""Changes, in order: from the store's commits to whoever watches an account.

The store calls `publish` on the event loop after each commit, in MODSEQ order per account. A
watcher is woken once and takes all that has gathered; one that falls too far behind is told to
look afresh instead of being remembered for.
"""

from collections import deque
from collections.abc import Callable

from mailserver.model.change import Change
from mailserver.model.ids import AccountId
from mailserver.store.changes import AccountChange

Translate = Callable[[AccountChange], Change | None]
"""Puts names to keyword numbers; None where it cannot."""

PENDING_CHANGES = 1_000  # bounds what a connection that does not read can make us hold


class Watch:
    """One watcher's place in an account's changes."""

    __slots__ = ("_account_id", "_feed", "_overflowed", "_pending", "_translate", "_wake")

    def __init__(
        self,
        feed: "Feed",
        account_id: AccountId,
        translate: Translate,
        wake: Callable[[], None],
    ) -> None:
        """Begin empty; `wake` is called at the first change after each `take`."""
        self._feed = feed
        self._translate = translate
        self._account_id = account_id
        self._wake = wake
        self._pending: deque[AccountChange] = deque()
        self._overflowed = False

    def take(self) -> list[Change] | None:
        """Return the changes since the last call; None: too many to keep, look afresh."""
        changes = [] if self._overflowed else [self._translate(each) for each in self._pending]
        lost = self._overflowed or None in changes
        self._overflowed = False
        self._pending.clear()
        return None if lost else [change for change in changes if change is not None]

    def close(self) -> None:
        """Stop watching."""
        self._feed.forget(self._account_id, self)

    def offer(self, change: AccountChange) -> None:
        """Remember `change` and wake the watcher if it was asleep."""
        if self._overflowed:
            return
        self._pending.append(change)
        if len(self._pending) == 1:
            self._wake()
        elif len(self._pending) > PENDING_CHANGES:
            self._pending.clear()
            self._overflowed = True


class Feed:
    """All watchers of this process."""

    def __init__(self) -> None:
        self._watches: dict[AccountId, list[Watch]] = {}

    def publish(self, change: AccountChange) -> None:
        """Offer a committed change to the watchers of its account."""
        for watch in tuple(self._watches.get(change.account_id, ())):
            watch.offer(change)

    def watch(self, account_id: AccountId, translate: Translate, wake: Callable[[], None]) -> Watch:
        """Watch `account_id` until the returned watch is closed."""
        watch = Watch(self, account_id, translate, wake)
        self._watches.setdefault(account_id, []).append(watch)
        return watch

    def is_watched(self, account_id: AccountId) -> bool:
        """Say whether anybody here wants to know of the account's changes."""
        return account_id in self._watches

    def forget(self, account_id: AccountId, watch: Watch) -> None:
        """Drop `watch`; dropping it twice is nothing."""
        watches = self._watches.get(account_id, [])
        if watch in watches:
            watches.remove(watch)
        if not watches:
            self._watches.pop(account_id, None)
