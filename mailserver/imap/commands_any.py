"""Commands of any state, and IDLE: CAPABILITY, NOOP, LOGOUT, ID (RFC 9051 §6.1, §6.3.13)."""

from collections.abc import Coroutine
from typing import assert_never

from mailserver.imap import capability
from mailserver.imap.session import Session
from mailserver.protocol.imap import response
from mailserver.protocol.imap.command import Capability, Id, Logout, Noop

AnyState = Capability | Noop | Logout | Id


def perform(session: Session, tag: bytes, command: AnyState) -> Coroutine[None, None, None] | None:
    """Carry out `command`, or return what is to be awaited for it."""
    match command:
        case Noop():
            return session.finish(tag, b"NOOP completed")
        case Capability():
            session.link.say(response.capability(capabilities(session)))
            session.ok(tag, b"CAPABILITY completed")
        case Id():
            # What the client says it is, we neither need nor keep.
            session.link.say(response.id_line([("name", "Zegel")]))
            session.ok(tag, b"ID completed")
        case Logout():
            session.link.say(response.untagged(b"BYE", b"until next time"))
            session.ok(tag, b"LOGOUT completed")
            session.link.end()
        case _:
            assert_never(command)
    return None


def capabilities(session: Session) -> tuple[bytes, ...]:
    """Return what is to be had in the session's state."""
    if session.account is not None:
        jmap = (capability.JMAP_ACCESS,) if session.jmap_url else ()
        return capability.AFTER_SIGN_IN + jmap
    link = session.link
    return capability.before_sign_in(private=link.private, can_start_tls=link.can_start_tls)
