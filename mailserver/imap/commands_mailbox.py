"""Commands on mailboxes: SELECT, LIST, STATUS, CREATE and their kin (RFC 9051 §6.3)."""

from collections.abc import Coroutine
from typing import assert_never

from mailserver.imap import capability
from mailserver.imap.listing import listed, lsub, wants_subscriptions
from mailserver.imap.session import Session
from mailserver.imap.view import View
from mailserver.mail.account import Account
from mailserver.model.mailbox import Mailbox
from mailserver.model.message import NO_KEYWORDS, Flag, Keywords
from mailserver.protocol.imap import response
from mailserver.protocol.imap.command import (
    Create,
    Delete,
    Enable,
    Examine,
    GetJmapAccess,
    Idle,
    List,
    Lsub,
    Namespace,
    Rename,
    Select,
    Status,
    StatusItem,
    Subscribe,
    Unsubscribe,
)
from mailserver.protocol.imap.response_code import mailbox_id, number, permanent_flags

OnMailboxes = (
    Create
    | Delete
    | Enable
    | Examine
    | Idle
    | List
    | Lsub
    | GetJmapAccess
    | Namespace
    | Rename
    | Select
    | Status
    | Subscribe
    | Unsubscribe
)

ALL_FLAGS = ~Flag.NONE


def perform(  # noqa: C901 - a table, and flat
    session: Session, account: Account, tag: bytes, command: OnMailboxes
) -> Coroutine[None, None, None] | None:
    """Carry out `command`, or return what is to be awaited for it."""
    match command:
        case Select(name, condstore):
            return _select(session, account, tag, name, condstore=condstore, writable=True)
        case Examine(name, condstore):
            return _select(session, account, tag, name, condstore=condstore, writable=False)
        case Idle():
            _idle(session, tag)
            return None
        case Status():
            return _status(session, account, tag, command)
        case List():
            return _list(session, account, tag, command)
        case Lsub(reference, pattern):
            return _lsub(session, account, tag, reference, pattern)
        case Create():
            return _create(session, account, tag, command)
        case Delete(name):
            return _delete(session, account, tag, name)
        case Rename(old, new):
            return _rename(session, account, tag, old, new)
        case Subscribe(name):
            return _subscribe(session, account, tag, name)
        case Unsubscribe(name):
            return _unsubscribe(session, account, tag, name)
        case Enable(names):
            return _enable(session, tag, names)
        case GetJmapAccess():
            return _jmap_access(session, tag)
        case Namespace():
            session.link.say(response.namespace())
            return session.complete(tag, b"NAMESPACE completed")
        case _:
            assert_never(command)


async def _jmap_access(session: Session, tag: bytes) -> None:
    if not session.jmap_url:
        session.no(tag, b"JMAP is not served to this app password")
        return
    session.link.say(response.jmap_access(session.jmap_url))
    await session.complete(tag, b"GETJMAPACCESS completed")


async def _select(
    session: Session, account: Account, tag: bytes, name: str, *, condstore: bool, writable: bool
) -> None:
    if session.view is not None:
        session.deselect()
        session.link.say(
            response.untagged(b"OK", b"the mailbox selected before is closed", b"CLOSED")
        )
    mailbox = await account.mailboxes.named(name)
    # Watched before it is opened: a change in between comes twice, and the second time is nothing.
    session.watch = await account.watch(session.wake)
    try:
        opened = await account.mailboxes.open(mailbox.id, writable=writable)
        keywords = await account.mailboxes.keywords()
    except BaseException:
        session.deselect()
        raise
    view = session.view = View(opened, writable=writable)
    session.condstore = session.condstore or condstore
    session.link.say(_selected(view, keywords))
    verb = b"SELECT" if writable else b"EXAMINE"
    session.ok(tag, verb + b" completed", b"READ-WRITE" if writable else b"READ-ONLY")


def _selected(view: View, keywords: Keywords) -> bytes:
    mailbox, uids = view.opened.mailbox, view.uids
    permanent = permanent_flags(Flag.NONE, NO_KEYWORDS, more=False)
    if view.writable:
        permanent = permanent_flags(ALL_FLAGS, keywords, more=True)
    codes = [
        (permanent, b"flags that stay"),
        (number(b"UIDVALIDITY", mailbox.uid_validity), b"UIDs are valid"),
        (number(b"UIDNEXT", mailbox.uid_next), b"predicted next UID"),
        (number(b"HIGHESTMODSEQ", max(mailbox.highest_modseq, 1)), b"last change"),
        (mailbox_id(_object_id(mailbox)), b"the mailbox itself"),
    ]
    if view.opened.first_unseen is not None:
        for position in view.positions([view.opened.first_unseen]):
            codes.append((number(b"UNSEEN", position), b"first unseen"))
    return b"".join(
        (
            response.flags_line(keywords),
            response.exists(len(uids)),
            response.recent(view.recent),
            *[response.untagged(b"OK", text, code) for code, text in codes],
        )
    )


def _object_id(mailbox: Mailbox) -> bytes:
    return b"F%d" % mailbox.id


def _idle(session: Session, tag: bytes) -> None:
    session.link.say(response.continuation(b"idling"))
    session.idle_tag = tag
    session.link.push()  # what happened before it, too


async def _status(session: Session, account: Account, tag: bytes, command: Status) -> None:
    mailbox = await account.mailboxes.named(command.mailbox)
    session.link.say(await _status_response(session, account, mailbox, command.items))
    await session.complete(tag, b"STATUS completed")


async def _status_response(
    session: Session, account: Account, mailbox: Mailbox, items: tuple[StatusItem, ...]
) -> bytes:
    if StatusItem.HIGHESTMODSEQ in items:
        session.condstore = True  # RFC 7162 §3.1: the client speaks of MODSEQs
    recent = 0
    if StatusItem.RECENT in items:
        recent = View(
            await account.mailboxes.open(mailbox.id, writable=False), writable=False
        ).recent
    told = [(item, _status_item(mailbox, item, recent)) for item in items]
    return response.status_line(mailbox.name, told)


def _status_item(mailbox: Mailbox, item: StatusItem, recent: int) -> int | bytes:
    match item:
        case StatusItem.MESSAGES:
            return mailbox.total
        case StatusItem.RECENT:
            return recent
        case StatusItem.UIDNEXT:
            return mailbox.uid_next
        case StatusItem.UIDVALIDITY:
            return mailbox.uid_validity
        case StatusItem.UNSEEN:
            return mailbox.unseen
        case StatusItem.DELETED:
            return mailbox.deleted
        case StatusItem.SIZE:
            return mailbox.octets
        case StatusItem.HIGHESTMODSEQ:
            return max(mailbox.highest_modseq, 1)
        case StatusItem.MAILBOXID:
            return _object_id(mailbox)
        case _:
            assert_never(item)


async def _list(session: Session, account: Account, tag: bytes, command: List) -> None:
    if command.patterns == ("",) and not command.extended:
        session.link.say(response.separator_line())
    else:
        mailboxes = await account.mailboxes.listing()
        subscribed: list[str] = []
        if wants_subscriptions(command):
            subscribed = await account.mailboxes.subscriptions()
        for found in listed(command, mailboxes, subscribed):
            session.link.say(
                response.list_line(
                    found.name, found.attributes, subscribed_children=found.child_subscribed
                )
            )
            if command.status and found.mailbox is not None:
                session.link.say(
                    await _status_response(session, account, found.mailbox, command.status)
                )
            await session.link.relieve()
    await session.complete(tag, b"LIST completed")


async def _lsub(
    session: Session, account: Account, tag: bytes, reference: str, pattern: str
) -> None:
    for found in lsub(reference, pattern, await account.mailboxes.subscriptions()):
        session.link.say(response.lsub_line(found.name, found.attributes))
    await session.complete(tag, b"LSUB completed")


async def _create(session: Session, account: Account, tag: bytes, command: Create) -> None:
    if command.impossible_use:
        session.no(tag, b"there is no such special use here", b"USEATTR")
        return
    mailbox = await account.mailboxes.create(command.mailbox, command.role)
    await session.complete(tag, b"CREATE completed", mailbox_id(_object_id(mailbox)))


async def _delete(session: Session, account: Account, tag: bytes, name: str) -> None:
    mailbox = await account.mailboxes.named(name)
    await account.mailboxes.delete(name)
    if session.view is not None and session.view.mailbox_id == mailbox.id:
        session.deselect()
        session.link.say(response.untagged(b"OK", b"the selected mailbox is gone", b"CLOSED"))
    await session.complete(tag, b"DELETE completed")


async def _rename(session: Session, account: Account, tag: bytes, old: str, new: str) -> None:
    await account.mailboxes.rename(old, new)
    await session.complete(tag, b"RENAME completed")


async def _subscribe(session: Session, account: Account, tag: bytes, name: str) -> None:
    await account.mailboxes.subscribe(name)
    await session.complete(tag, b"SUBSCRIBE completed")


async def _unsubscribe(session: Session, account: Account, tag: bytes, name: str) -> None:
    await account.mailboxes.unsubscribe(name)
    await session.complete(tag, b"UNSUBSCRIBE completed")


async def _enable(session: Session, tag: bytes, names: tuple[str, ...]) -> None:
    enabled = [name for name in dict.fromkeys(names) if name in capability.ENABLED]
    session.condstore = session.condstore or "CONDSTORE" in enabled
    session.link.say(response.enabled(name.encode() for name in enabled))
    await session.complete(tag, b"ENABLE completed")
