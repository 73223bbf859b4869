"""Say a `Condition` over HTTP: a status, and a body that says it to programs and people.

Every error answer is problem details with `condition`, our own name of what went wrong. A bug is
said with an incident, which the log has too, and with nothing of the error itself.

Source: RFC 9457; RFC 9110 §15.
"""

import secrets
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, assert_never

import msgspec
from starlette.responses import Response

from mailserver.accounts.passwords import WeakPassword
from mailserver.accounts.provider_keys import ProviderAway
from mailserver.accounts.providers import NotVouched
from mailserver.model.errors import Condition, MailError, PeerFault
from mailserver.runtime.log import get_logger

PROBLEM = "application/problem+json"

log = get_logger("web")


class BodyTooLarge(PeerFault):
    """The body of a request is larger than its route takes (TOO_LARGE)."""

    def __init__(self, most_octets: int, members: Mapping[str, str]) -> None:
        """Say how much is taken; `members` are further ones of the problem details."""
        super().__init__(Condition.TOO_LARGE, f"at most {most_octets} octets are taken here")
        self.members = members


def status(condition: Condition) -> HTTPStatus:  # noqa: C901 - a table
    """Return the status that says `condition`."""
    match condition:
        case Condition.BAD_SYNTAX:
            return HTTPStatus.BAD_REQUEST
        case (
            Condition.BAD_ADDRESS
            | Condition.BAD_MESSAGE
            | Condition.BAD_SCRIPT
            | Condition.TOO_MANY
            | Condition.WEAK_PASSWORD
            | Condition.MAIL_LOOP
        ):
            return HTTPStatus.UNPROCESSABLE_ENTITY
        case Condition.TOO_LARGE:
            return HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        case (
            Condition.AUTHENTICATION_FAILED | Condition.ACCOUNT_PASSWORD_ON_MAIL | Condition.EXPIRED
        ):
            return HTTPStatus.UNAUTHORIZED
        case (
            Condition.SCOPE
            | Condition.NOT_PERMITTED
            | Condition.SENDER_NOT_YOURS
            | Condition.RELAY_DENIED
            | Condition.READ_ONLY
            | Condition.UNAUTHENTIC
            | Condition.UNWANTED
            | Condition.REJECTED_BY_RECIPIENT
            | Condition.NOT_ACTIVE
        ):
            return HTTPStatus.FORBIDDEN
        case Condition.TRY_LATER | Condition.LIMIT:
            return HTTPStatus.TOO_MANY_REQUESTS
        case (
            Condition.NO_SUCH_MAILBOX
            | Condition.NO_SUCH_USER
            | Condition.NO_SUCH_DOMAIN
            | Condition.NO_SUCH_MESSAGE
            | Condition.NO_SUCH_CREDENTIAL
            | Condition.NO_SUCH_SCRIPT
        ):
            return HTTPStatus.NOT_FOUND
        case (
            Condition.ALREADY_EXISTS
            | Condition.HAS_CHILDREN
            | Condition.SCRIPT_ACTIVE
            | Condition.CHANGED_MEANWHILE
        ):
            return HTTPStatus.CONFLICT
        case Condition.LOCKED:
            return HTTPStatus.LOCKED
        case Condition.OVER_QUOTA | Condition.STORAGE_FULL:
            return HTTPStatus.INSUFFICIENT_STORAGE
        case (
            Condition.BUSY | Condition.SHUTTING_DOWN | Condition.UNAVAILABLE | Condition.GREYLISTED
        ):
            return HTTPStatus.SERVICE_UNAVAILABLE
        case Condition.DAMAGED | Condition.KEY_MISMATCH | Condition.MISCONFIGURED:
            return HTTPStatus.INTERNAL_SERVER_ERROR
        case _:
            assert_never(condition)  # mypy stops us here when a condition is added and forgotten


def problem(
    code: int,
    detail: str = "",
    *,
    condition: Condition | None = None,
    headers: dict[str, str] | None = None,
    **more: Any,
) -> Response:
    """Return problem details.

    Args:
        code: the HTTP status.
        detail: a sentence for people; it holds no mail, address or secret.
        condition: what went wrong, in our words.
        headers: further fields of the answer.
        more: further members of the body.
    """
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(code).phrase,
        "status": code,
    }
    if detail:
        body["detail"] = detail
    if condition is not None:
        body["condition"] = condition.name.lower()
    body.update(more)
    return Response(
        msgspec.json.encode(body), status_code=code, headers=headers, media_type=PROBLEM
    )


def said(error: MailError) -> Response:
    """Return the answer to a request that ended with `error`."""
    headers = {}
    code = status(error.condition)
    if code in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
        headers["Retry-After"] = "30"
    if code is HTTPStatus.INTERNAL_SERVER_ERROR:  # damage is told to operators, not to peers
        return incident(error)
    more: dict[str, Any] = {}
    if isinstance(error, WeakPassword):
        more = {"fault": error.fault, "least": error.least}
    elif isinstance(error, NotVouched | ProviderAway):
        more = {"reason": error.reason}
    elif isinstance(error, BodyTooLarge):
        more = dict(error.members)
    return problem(code, error.text, condition=error.condition, headers=headers, **more)


def incident(error: BaseException) -> Response:
    """Log a bug, or stored data that is damaged, and return what the peer is told of it."""
    number = secrets.token_hex(4)
    log.error("incident", incident=number, exc_info=error)
    return problem(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        f"the server failed; its operator finds out why by the incident {number}",
        incident=number,
    )
