"""The opened search text of one account, in memory while it is unlocked."""

from collections.abc import Iterable

from mailserver.index.query import Block
from mailserver.model.ids import EmailId

INDEX_OCTETS = 256 * 1024 * 1024  # of search text in one process; 100,000 letters take about half


class IndexBudget:
    """Bounds the search text of all unlocked accounts together; who searched last keeps his."""

    def __init__(self, octets: int = INDEX_OCTETS) -> None:
        """Allow `octets`, and always one account."""
        self._octets = octets
        self._caches: dict[IndexCache, int] = {}

    def used(self, cache: "IndexCache") -> None:
        """Note that `cache` was just searched, and clear those not searched for longest."""
        self._caches.pop(cache, None)
        self._caches[cache] = cache.octets
        total = sum(self._caches.values())
        for other in tuple(self._caches)[:-1]:
            if total <= self._octets:
                break
            total -= self._caches[other]
            other.clear()

    def freed(self, cache: "IndexCache") -> None:
        """Note that `cache` is empty."""
        self._caches.pop(cache, None)


class IndexCache:
    """Blocks of opened documents: one for each segment, and some for the tails behind them."""

    def __init__(self, budget: IndexBudget) -> None:
        """Begin empty."""
        self._budget = budget
        self.segments: dict[int, Block] = {}
        """Segment number → its text."""
        self.tails: list[Block] = []
        self.read_to = EmailId(0)
        """The tails up to this message have been read."""

    @property
    def octets(self) -> int:
        """Memory taken by the text."""
        return sum(block.octets for block in self.blocks())

    @property
    def tail_count(self) -> int:
        """How many messages wait to be merged into segments."""
        return sum(len(block.email_ids) for block in self.tails)

    def blocks(self) -> Iterable[Block]:
        """All blocks, oldest first."""
        yield from self.segments.values()
        yield from self.tails

    def searched(self) -> None:
        """Count in the budget what is held now."""
        self._budget.used(self)

    def clear(self) -> None:
        """Forget everything."""
        self._budget.freed(self)
        self.segments.clear()
        self.tails.clear()
        self.read_to = EmailId(0)

    def drop_merged(self, last: EmailId) -> None:
        """Drop the tails up to `last`, which are in segments now."""
        self.tails = [
            block for block in self.tails if block.email_ids and block.email_ids[-1] > last
        ]
        self.read_to = max(self.read_to, last)
