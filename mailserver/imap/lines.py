"""FETCH answered by columns: hundreds of responses by one `%`, for flags and from list blocks.

The server may put items in an order of its own (RFC 9051 §7.5.2): what changes comes first, as the
client asked for it, then what a block has, in one order always, so that neighbours are one slice.
"""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import chain

from mailserver.imap.fetch import Plan
from mailserver.imap.view import View
from mailserver.mail.lines import Listed
from mailserver.protocol.imap.command import Attribute
from mailserver.protocol.imap.list_block import Item
from mailserver.protocol.imap.response import flag_list

_ITEMS = {
    Attribute.INTERNALDATE: Item.INTERNALDATE,
    Attribute.RFC822_SIZE: Item.RFC822_SIZE,
    Attribute.ENVELOPE: Item.ENVELOPE,
    Attribute.BODYSTRUCTURE: Item.BODYSTRUCTURE,
}
_LIVE = {
    Attribute.UID: b"UID %d",
    Attribute.FLAGS: b"FLAGS %b",
    Attribute.MODSEQ: b"MODSEQ (%d)",
}

Column = Sequence[object]


def in_blocks(plan: Plan) -> bool:
    """Say whether list blocks, with flags, have all that is asked for."""
    asked = set(plan.attributes)
    return (
        not plan.sections and asked <= _ITEMS.keys() | _LIVE.keys() and bool(asked & _ITEMS.keys())
    )


class LineWriter:
    """Writes the responses of one command for many messages at once."""

    def __init__(self, plan: Plan, view: View) -> None:
        """Answer by `plan`, `in_blocks` or for flags alone; what `view` counts is told."""
        self._view = view
        self._live = [attribute for attribute in plan.attributes if attribute in _LIVE]
        self._runs = _runs([item for name, item in _ITEMS.items() if name in plan.attributes])
        words = [_LIVE[attribute] for attribute in self._live] + [b"%b"] * len(self._runs)
        self._line = b"* %d FETCH (" + b" ".join(words) + b")\r\n"

    def write(self, listed: Listed) -> bytes:
        """Return the responses for `listed`, in UID order."""
        uids, known = listed.uids, self._view.uids
        columns: list[Column] = [self._column(attribute, listed) for attribute in self._live]
        if listed.block is not None:
            columns += [listed.block.slices(first, last) for first, last in self._runs]
        at = bisect_left(known, uids[0])
        if known[at : at + len(uids)] == uids:
            columns.insert(0, range(at + 1, at + 1 + len(uids)))
        else:
            columns = self._counted(uids, columns)
        return self._line * len(columns[0]) % tuple(chain.from_iterable(zip(*columns, strict=True)))

    def _counted(self, uids: Sequence[int], columns: list[Column]) -> list[Column]:
        """Keep the rows of messages that the client counts, and put their numbers before them."""
        positions = self._view.positions(uids)
        counted = {self._view.uids[position - 1] for position in positions}
        rows = [row for row, uid in enumerate(uids) if uid in counted]
        return [positions, *([column[row] for row in rows] for column in columns)]

    def _column(self, attribute: Attribute, listed: Listed) -> Column:
        if attribute is Attribute.UID:
            return listed.uids
        if attribute is Attribute.MODSEQ:
            return listed.modseqs
        recent_from = bisect_left(listed.uids, self._view.opened.recent_from)
        older, recent = listed.states[:recent_from], listed.states[recent_from:]
        old = {state: flag_list(*named) for state, named in listed.flags.items()}
        column = [old[state] for state in older]
        if recent:
            new = {state: flag_list(*named, recent=True) for state, named in listed.flags.items()}
            column += [new[state] for state in recent]
        return column


def _runs(items: Sequence[Item]) -> list[tuple[Item, Item]]:
    """Join neighbours among ascending items."""
    runs: list[tuple[Item, Item]] = []
    for item in items:
        if runs and runs[-1][1] == item - 1:
            runs[-1] = (runs[-1][0], item)
        else:
            runs.append((item, item))
    return runs
