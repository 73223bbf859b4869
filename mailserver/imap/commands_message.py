"""Commands on messages of the selected mailbox, FETCH apart (RFC 9051 §6.4)."""

from collections.abc import Coroutine
from typing import assert_never

from mailserver.imap.bounds import WRITE_OCTETS
from mailserver.imap.fetch import Writer, plan
from mailserver.imap.reading import fetch
from mailserver.imap.search import in_uids, result, to_save
from mailserver.imap.session import Session
from mailserver.imap.status import NoDestination
from mailserver.imap.view import View
from mailserver.mail.account import Account
from mailserver.model.errors import Absent, Condition, MailError, Refused
from mailserver.model.ids import MailboxId, ModSeq, Uid
from mailserver.model.message import Copied, EntryFlags
from mailserver.protocol.imap import numset
from mailserver.protocol.imap.command import (
    Attribute,
    Check,
    Close,
    Copy,
    Expunge,
    Fetch,
    Move,
    Search,
    SearchReturn,
    Store,
    Unselect,
)
from mailserver.protocol.imap.numset import UidSet
from mailserver.protocol.imap.response import untagged
from mailserver.protocol.imap.response_code import copy_uid, modified

OnMessages = Check | Close | Copy | Expunge | Fetch | Move | Search | Store | Unselect


def perform(
    session: Session, account: Account, view: View, tag: bytes, command: OnMessages
) -> Coroutine[None, None, None] | None:
    """Carry out `command`, or return what is to be awaited for it."""
    match command:
        case Fetch():
            return fetch(session, account, view, tag, command)
        case Store():
            return _store(session, account, view, tag, command)
        case Search():
            return _search(session, account, view, tag, command)
        case Copy() | Move():
            return _copy(session, account, view, tag, command)
        case Expunge():
            return _expunge(session, account, view, tag, command)
        case Close():
            return _close(session, account, view, tag)
        case Unselect():
            session.deselect()
            session.ok(tag, b"UNSELECT completed")
            return None
        case Check():
            return session.finish(tag, b"CHECK completed")
        case _:
            assert_never(command)


def _require_writable(view: View) -> None:
    if not view.writable:
        raise Refused(Condition.READ_ONLY, "the mailbox is open for reading only")


# --- STORE


async def _store(
    session: Session, account: Account, view: View, tag: bytes, command: Store
) -> None:
    _require_writable(view)
    by_uid = isinstance(command.numbers, UidSet)
    unchanged_since = None
    if command.unchanged_since is not None:
        session.condstore = True  # RFC 7162 §3.1: the client speaks of MODSEQs
        unchanged_since = ModSeq(command.unchanged_since)
    ranges = view.uid_ranges(command.numbers, session.saved)
    code = b""
    if ranges:
        stored = await account.messages.store(
            view.mailbox_id,
            ranges,
            command.mode,
            command.flags,
            command.keywords,
            unchanged_since=unchanged_since,
        )
        view.note_stored(stored)
        if session.condstore or not command.silent:
            rows = stored.changed
            if not command.silent and len(rows) + len(stored.modified) < len(view.within(ranges)):
                # What had those flags already is told, too (RFC 9051 §6.4.6).
                kept = set(stored.modified)
                rows = await account.messages.flags(view.mailbox_id, ranges)
                rows = [entry for entry in rows if entry.uid not in kept]
            await _say_stored(session, view, rows, command)
        if numbers := _numbers(view, sorted(stored.modified), by_uid=by_uid):
            code = modified(numbers)
    await session.complete(tag, b"STORE completed", code, expunges=by_uid)


async def _say_stored(
    session: Session, view: View, changed: list[EntryFlags], command: Store
) -> None:
    """Tell the flags as they stand; of a silent STORE only the MODSEQs (RFC 7162 §3.1.3)."""
    items = [Attribute.UID] if isinstance(command.numbers, UidSet) else []
    if not command.silent:
        items.append(Attribute.FLAGS)
    if session.condstore:
        items.append(Attribute.MODSEQ)
    rows = sorted(changed, key=lambda entry: entry.uid)
    for pieces in Writer(plan(tuple(items)), view).write(rows, WRITE_OCTETS):
        session.link.say(*pieces)
        await session.link.relieve()


def _numbers(view: View, uids: list[Uid], *, by_uid: bool) -> list[int]:
    """Return `uids` as the command's own kind of number, those that the client counts."""
    positions = view.positions(uids)
    return [view.uids[position - 1] for position in positions] if by_uid else positions


# --- SEARCH


async def _search(
    session: Session, account: Account, view: View, tag: bytes, command: Search
) -> None:
    if command.by_modseq:
        session.condstore = True  # RFC 7162 §3.1: the client speaks of MODSEQs
    save = command.returned is not None and SearchReturn.SAVE in command.returned
    query = in_uids(command.query, view, session.saved)
    try:
        found = await account.searching.search(view.mailbox_id, view.opened, query)
    except MailError:
        if save:
            session.saved = ()  # RFC 5182 §2.1: a SEARCH that fails empties it
        raise
    if save:
        session.saved = to_save(command, found)
    modseq = None
    if command.by_modseq and found:
        rows = await account.messages.flags(view.mailbox_id, numset.merge((u, u) for u in found))
        modseq = max((row.modseq for row in rows), default=None)
    session.link.say(result(command, tag, view, found, modseq))
    await session.complete(tag, b"SEARCH completed", expunges=command.by_uid)


# --- COPY, MOVE, EXPUNGE


async def _copy(
    session: Session, account: Account, view: View, tag: bytes, command: Copy | Move
) -> None:
    moves = isinstance(command, Move)
    if moves:
        _require_writable(view)
    ranges = view.uid_ranges(command.numbers, session.saved)
    to = await destination(account, command.mailbox)
    copied = Copied(0)
    if ranges and moves:
        copied = await account.messages.move(view.mailbox_id, ranges, to)
        view.note_removed(copied.source)
    elif ranges:
        copied = await account.messages.copy(view.mailbox_id, ranges, to)
    code = b""
    if copied.source:
        code = copy_uid(copied.uid_validity, copied.source, copied.destination)
    if moves and code:  # before the EXPUNGEs, so that they are understood (RFC 6851 §4.3)
        session.link.say(untagged(b"OK", b"moved", code))
        code = b""
    await session.complete(tag, b"MOVE completed" if moves else b"COPY completed", code)


async def destination(account: Account, name: str) -> MailboxId:
    """Return the mailbox that messages are to go to.

    Raises:
        NoDestination: there is none of that name.
    """
    try:
        return await account.mailboxes.place(name)
    except Absent as error:
        raise NoDestination from error


async def _expunge(
    session: Session, account: Account, view: View, tag: bytes, command: Expunge
) -> None:
    _require_writable(view)
    ranges = None
    if command.uids is not None:
        ranges = view.uid_ranges(command.uids, session.saved)
    if ranges is None or ranges:
        view.note_removed(await account.messages.expunge(view.mailbox_id, ranges))
    await session.complete(tag, b"EXPUNGE completed")


async def _close(session: Session, account: Account, view: View, tag: bytes) -> None:
    if view.writable:  # and nobody is told (RFC 9051 §6.4.1)
        await account.messages.expunge(view.mailbox_id, None)
    session.deselect()
    session.ok(tag, b"CLOSE completed")
