"""What a route asks for by the types of its arguments.

`Served` are the server's services, `Peer` is the client's address, `ApiAccount` the account that an
app password of scope `jmap` opens. `Signed` is the web session's, `Fresh` the same with a second
factor in the last five minutes.
"""

import asyncio
import base64
import binascii
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from mailserver.mail.account import Account
from mailserver.model.errors import Condition, Refused
from mailserver.model.sealed import Plaintext
from webui.held import Held
from webui.limits import Rates
from webui.services import Services
from webui.site import Place

SESSION_COOKIE = "__Host-sid"
_CREDENTIAL_OCTETS = 2_048


@dataclass(frozen=True, slots=True)
class State:
    """What every request of a site finds in `app.state.web`."""

    services: Services
    place: Place
    hostnames: frozenset[str]
    """Of all sites."""
    held: Held
    account_rates: Rates
    stopping: asyncio.Event
    """Set when the server stops: what goes on for long, as push channels do, ends then."""


def state_of(connection: HTTPConnection) -> State:
    """Return what the site's application was made with."""
    state = connection.app.state.web
    if not isinstance(state, State):
        raise TypeError("the application was not made by create_app")
    return state


def services_of(connection: HTTPConnection) -> Services:
    """Return the server's services."""
    return state_of(connection).services


def peer_of(connection: HTTPConnection) -> str:
    """Return the client's IP address, as a trusted proxy tells it where there is one."""
    return connection.client.host if connection.client is not None else ""


Web = Annotated[State, Depends(state_of)]
Served = Annotated[Services, Depends(services_of)]
Peer = Annotated[str, Depends(peer_of)]


def credentials_of(authorization: str) -> tuple[str, Plaintext]:
    """Read `Basic` or `Bearer <address>:<app password>` as a login and a secret.

    Raises:
        Refused: AUTHENTICATION_FAILED, it is neither.

    Source: RFC 7617 §2; RFC 6750 §2.1; PRIVACY §6.
    """
    scheme, _, told = authorization.strip().partition(" ")
    told = told.strip()
    if len(told) > _CREDENTIAL_OCTETS:
        raise Refused(Condition.AUTHENTICATION_FAILED, "the credential is too long")
    if scheme.lower() == "basic":
        try:
            told = base64.b64decode(told, validate=True).decode("utf-8")
        except (binascii.Error, UnicodeDecodeError):
            told = ""
    elif scheme.lower() != "bearer":
        told = ""
    login, colon, secret = told.partition(":")
    if not colon or not login:
        raise Refused(
            Condition.AUTHENTICATION_FAILED, "sign in with an address and an app password"
        )
    return login, Plaintext(secret.encode("utf-8", "surrogateescape"))


async def api_account(connection: HTTPConnection, web: Web, peer: Peer) -> Account:
    """Open the account that the request's app password is for, or find it open.

    Raises:
        Refused: AUTHENTICATION_FAILED, SCOPE, EXPIRED, TRY_LATER.
        Transient: it cannot be opened now.
    """
    authorization = connection.headers.get("authorization")
    if authorization is None:
        raise Refused(
            Condition.AUTHENTICATION_FAILED, "sign in with an address and an app password"
        )
    login, secret = credentials_of(authorization)
    name = web.held.name(login.encode(), secret.reveal(), peer.encode())
    account = await web.held.get(name, lambda: web.services.open_for_app(login, secret, peer))
    _see_to_rate(web, account)
    return account


def _see_to_rate(web: State, account: Account) -> None:
    if web.account_rates.wait_seconds(account.account_id):
        raise Refused(Condition.TRY_LATER, "too many requests for this account")


ApiAccount = Annotated[Account, Depends(api_account)]


@dataclass(frozen=True, slots=True)
class WebSession:
    """Somebody who signed in to the web: the open account, and what the session is allowed."""

    account: Account


async def signed(connection: HTTPConnection, web: Web, peer: Peer) -> WebSession:
    """Find the session of the request's cookie.

    Raises:
        Refused: AUTHENTICATION_FAILED, there is none; NOT_PERMITTED, the token is another's.
    """
    raise Refused(Condition.AUTHENTICATION_FAILED, "sign in first")


async def fresh(session: Annotated[WebSession, Depends(signed)]) -> WebSession:
    """Require a second factor that was shown in the last five minutes.

    Raises:
        Refused: NOT_PERMITTED, it was longer ago.
    """
    return session


Signed = Annotated[WebSession, Depends(signed)]
Fresh = Annotated[WebSession, Depends(fresh)]
