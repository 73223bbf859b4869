"""Signing in: STARTTLS, LOGIN, AUTHENTICATE (RFC 9051 §6.2, PRIVACY §6)."""

from collections.abc import Coroutine
from typing import assert_never

from mailserver.imap.commands_any import capabilities
from mailserver.imap.session import Exchange, Session
from mailserver.model.errors import MailError
from mailserver.model.sealed import Plaintext
from mailserver.protocol.imap import response_code, sasl
from mailserver.protocol.imap.command import Authenticate, Login, StartTls
from mailserver.protocol.imap.lexer import SyntaxFault
from mailserver.protocol.imap.response import continuation

BeforeSignIn = Login | Authenticate | StartTls


def perform(
    session: Session, tag: bytes, command: BeforeSignIn
) -> Coroutine[None, None, None] | None:
    """Carry out `command`, or return what is to be awaited for it; the machine waits."""
    match command:
        case StartTls():
            return _start_tls(session, tag)
        case Login(username, password):
            if _is_refused_in_the_clear(session, tag):
                return None
            return _sign_in(session, tag, sasl.Credentials(username, password))
        case Authenticate(mechanism, initial):
            if _is_refused_in_the_clear(session, tag):
                return None
            if mechanism not in sasl.MECHANISMS:
                session.no(tag, b"there is no such mechanism here", b"CANNOT")
                return None
            session.sasl = Exchange(tag, mechanism)
            if initial is not None:
                return answered(session, initial)
            session.link.say(continuation(_prompt(session.sasl)))
            return None
        case _:
            assert_never(command)


def answered(session: Session, response: Plaintext | None) -> Coroutine[None, None, None] | None:
    """Take the client's next answer in an AUTHENTICATE exchange; None where it cancelled."""
    exchange = session.sasl
    if exchange is None:  # the machine reads such a line in an exchange only
        raise RuntimeError("an answer came outside of an exchange")
    session.sasl = None
    if response is None:
        session.bad(exchange.tag, b"AUTHENTICATE cancelled")
        return None
    try:
        if exchange.mechanism == sasl.PLAIN:
            credentials = sasl.plain(response)
        elif exchange.username is None:
            session.sasl = Exchange(exchange.tag, exchange.mechanism, response)
            session.link.say(continuation(_prompt(session.sasl)))
            return None
        else:
            credentials = sasl.login(exchange.username, response)
    except SyntaxFault as fault:
        session.bad(exchange.tag, str(fault).encode())
        return None
    return _sign_in(session, exchange.tag, credentials)


def _prompt(exchange: Exchange) -> bytes:
    if exchange.mechanism == sasl.PLAIN:
        return b""
    return sasl.LOGIN_PROMPTS[0 if exchange.username is None else 1]


def _is_refused_in_the_clear(session: Session, tag: bytes) -> bool:
    if session.link.private:
        return False
    session.no(tag, b"start TLS before you sign in", b"PRIVACYREQUIRED")
    return True


async def _start_tls(session: Session, tag: bytes) -> None:
    if not session.link.can_start_tls:
        session.bad(tag, b"there is no STARTTLS here")
        return
    session.ok(tag, b"begin TLS")
    await session.link.start_tls()


async def _sign_in(session: Session, tag: bytes, credentials: sasl.Credentials) -> None:
    if credentials.authorize_as not in ("", credentials.username):
        session.no(tag, b"nobody may act for somebody else here", b"AUTHORIZATIONFAILED")
        return
    try:
        account = await session.shared.sign_in(
            credentials.username, credentials.password, session.link.peer
        )
    except MailError as error:
        session.refuse(tag, error)
        session.failures += 1
        if session.failures >= session.shared.bounds.failures:
            session.bye(b"too many failed sign-ins")
        return
    session.account = account
    account.on_end(session.withdraw)
    session.link.machine.log_in()
    session.ok(tag, b"signed in", response_code.capability(capabilities(session)))
