"""The opened search text of one account, in memory while it is unlocked."""

from collections.abc import Iterable

from mailserver.index.query import Block
from mailserver.model.ids import EmailId


class IndexCache:
    """Blocks of opened documents: one for each segment, and some for the tails behind them."""

    def __init__(self) -> None:
        self.segments: dict[int, Block] = {}
        """Segment number → its text."""
        self.tails: list[Block] = []
        self.read_to = EmailId(0)
        """Every message up to this one is in a block, if it has a document at all."""
        self.loaded = False

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

    def clear(self) -> None:
        """Forget everything."""
        self.segments.clear()
        self.tails.clear()
        self.read_to = EmailId(0)
        self.loaded = False
