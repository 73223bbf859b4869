"""APPEND: literals come in, then go to the mailbox all or none (RFC 9051 §6.3.12, RFC 3502)."""

from mailserver.imap.commands_message import destination
from mailserver.imap.session import Session
from mailserver.imap.uploads import Uploads
from mailserver.mail.account import Account
from mailserver.protocol.imap.command import Append
from mailserver.protocol.imap.event import LiteralBegin
from mailserver.protocol.imap.response import continuation
from mailserver.protocol.imap.response_code import append_uid


def admit(session: Session, begin: LiteralBegin) -> bool:
    """Decide whether the message may come, before any of it is read; a refusal is said here."""
    if session.account is None:
        session.bad(begin.tag, b"sign in first")
        return False
    if session.uploads is None:
        session.uploads = Uploads(session.shared.literals, session.account.account_id.hex())
    if not session.uploads.begin(begin.message.size_octets):
        told = b"too much is being received at once, try again later"
        if session.uploads.never(begin.message.size_octets):
            told = b"too much for one APPEND, send fewer messages at once"
        drop(session)
        session.no(begin.tag, told, b"LIMIT")
        return False
    if begin.synchronising:
        session.link.say(continuation(b"send it"))
    return True


def drop(session: Session) -> None:
    """Forget what came of an APPEND that failed."""
    if session.uploads is not None:
        session.uploads.drop()
        session.uploads = None


async def append(session: Session, account: Account, tag: bytes, command: Append) -> None:
    """Store what came, durably, before OK is said."""
    uploads = session.uploads
    if uploads is None:  # the machine tells of each message before the command
        raise RuntimeError("an APPEND came without its messages")
    try:
        to = await destination(account, command.mailbox)
        appended = await account.messages.append(to, uploads.take(command.messages))
    finally:
        drop(session)
    code = append_uid(appended[0].uid_validity, [one.uid for one in appended])
    await session.complete(tag, b"APPEND completed", code)
