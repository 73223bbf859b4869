"""What a route asks for by the types of its arguments.

`Served` are the server's services, `Peer` is the client's address, `ApiAccount` the account that an
app password of scope `jmap` opens. `Signed` is the web session's, `Fresh` the same with a second
factor in the last five minutes.
"""

import base64
import binascii
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from mailserver.accounts.sessions import Lease
from mailserver.mail.account import Account
from mailserver.model.errors import Condition, Refused
from mailserver.model.sealed import Plaintext
from webui.account.cookies import SESSION as SESSION_COOKIE
from webui.account.sessions import Here, Whole, check_fresh
from webui.state import Peer, Served, State, Web, peer_of, services_of, state_of

__all__ = [
    "SESSION_COOKIE",
    "ApiAccount",
    "Fresh",
    "Peer",
    "Served",
    "Signed",
    "State",
    "Web",
    "WebSession",
    "peer_of",
    "services_of",
    "state_of",
]

_CREDENTIAL_OCTETS = 2_048


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
    here: Here
    """The session itself, its cookie and its browser."""


async def signed(here: Whole, web: Web) -> WebSession:
    """Find the session of the request's cookie, and open its account's mail.

    Raises:
        Refused: AUTHENTICATION_FAILED, there is none; NOT_PERMITTED, the token is another's, or
            something must be set up first.
    """
    lease = here.session.lease
    name = web.held.name(b"web", here.session.id, id(lease).to_bytes(8, "big"))
    account = await web.held.get(name, lambda: _opened(web, lease))
    _see_to_rate(web, account)
    return WebSession(account, here)


async def _opened(web: State, lease: Lease) -> Account:
    return web.services.office.open(lease)


async def fresh(session: Annotated[WebSession, Depends(signed)], web: Web) -> WebSession:
    """Require a second factor that was shown in the last five minutes.

    Raises:
        Refused: NOT_PERMITTED, it was longer ago.
    """
    check_fresh(session.here, web.services.desk)
    return session


Signed = Annotated[WebSession, Depends(signed)]
Fresh = Annotated[WebSession, Depends(fresh)]
