"""From an event of the machine to the function that carries it out, in the states that allow it.

Each function answers on the spot and returns None, or returns what is to be awaited; that is all a
connection needs to know to run commands in order. Errors end here: as the response that a
`Condition` has, or as [SERVERBUG] with an incident number.
"""

from collections.abc import Coroutine
from typing import assert_never

from mailserver.imap import (
    commands_any,
    commands_append,
    commands_auth,
    commands_mailbox,
    commands_message,
)
from mailserver.imap.session import Session
from mailserver.model.errors import MailError
from mailserver.protocol.imap.command import (
    AnyCommand,
    Append,
    Authenticate,
    Capability,
    Check,
    Close,
    Copy,
    Expunge,
    Fetch,
    Id,
    Login,
    Logout,
    Move,
    Noop,
    Search,
    StartTls,
    Store,
    Unselect,
)
from mailserver.protocol.imap.event import (
    Bad,
    BadCharset,
    Command,
    Done,
    Event,
    LiteralBegin,
    LiteralChunk,
    LiteralEnd,
    NeedContinuation,
    SaslLine,
    TooLong,
)
from mailserver.protocol.imap.response import continuation
from mailserver.protocol.imap.response_code import bad_charset
from mailserver.runtime.metrics import COUNTS

Work = Coroutine[None, None, None]


def perform(session: Session, event: Event) -> Work | None:
    """Carry out `event`, or return what is to be awaited for it; neither raises."""
    tag = _tag(session, event)
    try:
        work = _perform(session, event)
    except MailError as error:
        session.refuse(tag, error)
        return None
    except Exception as error:  # noqa: BLE001 - whatever it is, the client gets an answer
        session.apologise(tag, error)
        return None
    return None if work is None else guarded(session, tag, work)


async def guarded(session: Session, tag: bytes, work: Work) -> None:
    """Await `work`, and say how it failed if it did."""
    try:
        await work
    except MailError as error:
        session.refuse(tag, error)
    except Exception as error:  # noqa: BLE001 - whatever it is, the client gets an answer
        session.apologise(tag, error)


def _tag(session: Session, event: Event) -> bytes:
    match event:
        case Command(tag) | LiteralBegin(tag) | TooLong(tag) | BadCharset(tag):
            return tag
        case SaslLine() if session.sasl is not None:
            return session.sasl.tag
        case Done() if session.idle_tag is not None:
            return session.idle_tag
        case _:
            return b"*"


def _perform(session: Session, event: Event) -> Work | None:  # noqa: C901 - a table, and flat
    match event:
        case Command(tag, command):
            COUNTS.imap_commands += 1
            return _command(session, tag, command)
        case LiteralChunk(octets):
            if session.uploads is not None:
                session.uploads.add(octets)
        case LiteralEnd():
            if session.uploads is not None:
                session.uploads.end()
        case LiteralBegin():
            pass  # the connection asks `commands_append.admit`: the machine waits for it
        case NeedContinuation(text):
            session.link.say(continuation(text))
        case SaslLine(response):
            return commands_auth.answered(session, response)
        case Done():
            return _end_idle(session)
        case Bad(tag, text, fatal):
            _give_up(session)
            session.bad(tag, text)
            _check(session, fatal=fatal)
        case TooLong(tag, text, fatal):
            _give_up(session)
            session.no(tag, text, b"TOOBIG")
            _check(session, fatal=fatal)
        case BadCharset(tag):
            session.no(tag, b"SEARCH reads these charsets", bad_charset())
        case _:
            assert_never(event)
    return None


def _give_up(session: Session) -> None:
    """End whatever was under way: the machine has."""
    commands_append.drop(session)
    session.sasl = None
    session.idle_tag = None


def _check(session: Session, *, fatal: bool) -> None:
    if fatal:
        session.bye(b"there is no going on from here")


def _end_idle(session: Session) -> Work | None:
    tag, session.idle_tag = session.idle_tag or b"*", None
    return session.finish(tag, b"IDLE terminated")


def _command(session: Session, tag: bytes, command: AnyCommand) -> Work | None:
    account, view = session.account, session.view
    match command:
        case Noop() | Capability() | Logout() | Id():
            return commands_any.perform(session, tag, command)
        case Login() | Authenticate() | StartTls():
            if account is None:
                return commands_auth.perform(session, tag, command)
            session.bad(tag, b"you are signed in already")
            return None
        case _ if account is None:
            session.bad(tag, b"sign in first")
            return None
        case (
            Fetch()
            | Store()
            | Search()
            | Copy()
            | Move()
            | Expunge()
            | Check()
            | Close()
            | Unselect()
        ):
            if view is not None:
                return commands_message.perform(session, account, view, tag, command)
            session.bad(tag, b"select a mailbox first")
            return None
        case Append():
            return commands_append.append(session, account, tag, command)
        case _:
            return commands_mailbox.perform(session, account, tag, command)
