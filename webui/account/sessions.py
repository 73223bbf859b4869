"""Who asks: the session of a request's cookie, and what it may do at its stage."""

from dataclasses import dataclass
from typing import Annotated, Final
from urllib.parse import urlsplit

from fastapi import Depends, Security
from fastapi.security import APIKeyCookie, APIKeyHeader
from starlette.requests import HTTPConnection, Request

from mailserver.accounts.desk import Desk
from mailserver.accounts.keyring import OpenedRow
from mailserver.accounts.passkeys import PasskeySite
from mailserver.accounts.visitor import Visitor
from mailserver.accounts.web_sessions import WebSession
from mailserver.model.errors import Condition, Refused
from mailserver.model.sealed import Plaintext
from webui.account.cookies import SESSION, TRUST
from webui.csrf import SAFE
from webui.security import CSRF_HEADER, is_csrf_token
from webui.state import Peer, Served, Web

COOKIE_CHARACTERS: Final = 200


@dataclass(frozen=True, slots=True, repr=False)
class Here:
    """A session that is open in this request, and the browser that has it."""

    session: WebSession
    cookie: Plaintext
    visitor: Visitor


def desk_of(services: Served) -> Desk:
    """Return the services of accounts."""
    return services.desk


def visitor_of(connection: HTTPConnection, peer: Peer) -> Visitor:
    """Return whose browser it is."""
    return Visitor(peer, connection.headers.get("user-agent", ""), _cookie(connection, TRUST))


_IN_COOKIE = APIKeyCookie(
    name=SESSION, auto_error=False, description="the session, as signing in set it"
)
_IN_HEADER = APIKeyHeader(
    name=CSRF_HEADER,
    auto_error=False,
    description="the session's token, with whatever changes something",
)


def cookie_of(
    connection: HTTPConnection,
    _cookie_shown: Annotated[str | None, Security(_IN_COOKIE)] = None,
    _token_shown: Annotated[str | None, Security(_IN_HEADER)] = None,
) -> Plaintext:
    """Return the session's cookie; for a request that changes something, with its CSRF token.

    Raises:
        Refused: AUTHENTICATION_FAILED, there is none; NOT_PERMITTED, the token is not its.
    """
    cookie = _cookie(connection, SESSION)
    if cookie is None:
        raise Refused(Condition.AUTHENTICATION_FAILED, "sign in first")
    changes = connection.scope["type"] == "http" and connection.scope["method"] not in SAFE
    if changes and not is_csrf_token(connection.headers.get(CSRF_HEADER), cookie):
        raise Refused(Condition.NOT_PERMITTED, f"send the session's token as {CSRF_HEADER}")
    return cookie


def site_of(web: Web) -> PasskeySite:
    """Return where passkeys are made and used."""
    return PasskeySite(urlsplit(web.place.origin).hostname or "", (web.place.origin,))


Door = Annotated[Desk, Depends(desk_of)]
Who = Annotated[Visitor, Depends(visitor_of)]
Cookie = Annotated[Plaintext, Depends(cookie_of)]
PasskeysOf = Annotated[PasskeySite, Depends(site_of)]


async def begun(desk: Door, cookie: Cookie, visitor: Who) -> Here:
    """Return the session of a cookie, whatever is still to be done first.

    Raises:
        Refused: AUTHENTICATION_FAILED.
    """
    return Here(await desk.web_sessions.open(cookie), cookie, visitor)


async def whole(here: Annotated[Here, Depends(begun)], desk: Door) -> Here:
    """Return a session that may do everything its owner may.

    Raises:
        Refused: AUTHENTICATION_FAILED; NOT_PERMITTED, a new password or a second factor comes
            first.
    """
    if here.session.provisional:
        raise Refused(Condition.NOT_PERMITTED, "set your own password first")
    account = await desk.keyring.account(here.session.account_id)
    if not has_factor(here.session, account) and await desk.factors.is_required(account):
        raise Refused(Condition.NOT_PERMITTED, "set up a second factor first")
    return here


def has_factor(session: WebSession, account: OpenedRow) -> bool:
    """Say whether a second factor stands behind a session: the account's, or its provider's."""
    return bool(account.record.factors) or session.has_vouched_factor


async def fresh(here: Annotated[Here, Depends(whole)], desk: Door) -> Here:
    """Return a session whose owner proved who he is within five minutes.

    Raises:
        Refused: NOT_PERMITTED, it was longer ago.
    """
    check_fresh(here, desk)
    return here


def check_fresh(here: Here, desk: Desk) -> None:
    """Refuse what asks for a proof of the last five minutes. Raises Refused (NOT_PERMITTED)."""
    if not here.session.is_fresh(desk.clock.now()):
        raise Refused(Condition.NOT_PERMITTED, "prove who you are again first")


Begun = Annotated[Here, Depends(begun)]
Whole = Annotated[Here, Depends(whole)]
FreshHere = Annotated[Here, Depends(fresh)]


def _cookie(connection: HTTPConnection | Request, name: str) -> Plaintext | None:
    value = connection.cookies.get(name)
    if not value or len(value) > COOKIE_CHARACTERS or not value.isascii():
        return None
    return Plaintext(value.encode())
