"""Who asks at the console, and whether he may: one permission a route."""

from typing import Annotated, Final

from fastapi import Depends, Security
from fastapi.security import APIKeyCookie, APIKeyHeader
from starlette.requests import HTTPConnection
from starlette.responses import Response

from mailserver.accounts.admin_sessions import AdminHere
from mailserver.accounts.permissions import Permission, may
from mailserver.accounts.visitor import Visitor
from mailserver.model.errors import Condition, Refused
from mailserver.model.sealed import Plaintext
from webui.csrf import SAFE
from webui.security import CSRF_HEADER, is_csrf_token
from webui.state import Peer, Served

COOKIE: Final = "__Host-admin"
COOKIE_CHARACTERS: Final = 200

_IN_COOKIE = APIKeyCookie(
    name=COOKIE, auto_error=False, description="the session, as signing in set it"
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
    """Return the console's cookie; for a request that changes something, with its token.

    Raises:
        Refused: AUTHENTICATION_FAILED, there is none; NOT_PERMITTED, the token is not its.
    """
    value = connection.cookies.get(COOKIE)
    if not value or len(value) > COOKIE_CHARACTERS or not value.isascii():
        raise Refused(Condition.AUTHENTICATION_FAILED, "sign in first")
    cookie = Plaintext(value.encode())
    changes = connection.scope["method"] not in SAFE
    if changes and not is_csrf_token(connection.headers.get(CSRF_HEADER), cookie):
        raise Refused(Condition.NOT_PERMITTED, f"send the session's token as {CSRF_HEADER}")
    return cookie


Cookie = Annotated[Plaintext, Depends(cookie_of)]


def visitor_of(connection: HTTPConnection, peer: Peer) -> Visitor:
    """Return whose browser it is."""
    return Visitor(peer, connection.headers.get("user-agent", ""))


Who = Annotated[Visitor, Depends(visitor_of)]


class Needs:
    """Lets in who has a permission; where it is `fresh`, who proved himself of late."""

    def __init__(self, permission: Permission, *, fresh: bool = False) -> None:
        """Ask for `permission`."""
        self.permission = permission
        self.fresh = fresh

    async def __call__(self, cookie: Cookie, services: Served) -> AdminHere:
        """Return who asks.

        Raises:
            Refused: AUTHENTICATION_FAILED, nobody is signed in; NOT_PERMITTED, he may not, or must
                prove again who he is.
        """
        here = await services.admin_sessions.open(cookie)
        if not may(here.roles, self.permission):
            raise Refused(Condition.NOT_PERMITTED, "your role does not allow this")
        if self.fresh and not here.is_fresh(services.clock.now()):
            raise Refused(Condition.NOT_PERMITTED, "prove who you are again first")
        return here


def put_cookie(answer: Response, cookie: Plaintext) -> None:
    """Give the browser its session, until it is closed."""
    value = cookie.reveal().decode("ascii")
    answer.set_cookie(COOKIE, value, path="/", secure=True, httponly=True, samesite="strict")


def drop_cookie(answer: Response) -> None:
    """Have the browser forget its session, and what it kept (Clear Site Data §3.1)."""
    answer.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="strict")
    answer.headers["Clear-Site-Data"] = '"cache", "storage"'
