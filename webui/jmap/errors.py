"""What JMAP says when something goes wrong: of a request, of a method call, of one object in a set.

Source: RFC 8620 §3.6, §5.3, §5.4; RFC 8621 §4.6.
"""

from http import HTTPStatus
from typing import Any, assert_never

from starlette.responses import Response

from mailserver.model.errors import Condition, MailError
from webui.errors import problem


class RequestError(Exception):
    """The whole request is refused: problem details (RFC 8620 §3.6.1)."""

    def __init__(self, kind: str, detail: str, **more: Any) -> None:
        """Say `kind`, the name behind `urn:ietf:params:jmap:error:`; `more` are further members."""
        super().__init__(kind)
        self.kind = kind
        self.detail = detail
        self.more = more

    @property
    def members(self) -> dict[str, Any]:
        """The members of the problem details."""
        return {"type": f"urn:ietf:params:jmap:error:{self.kind}", **self.more}

    def response(self) -> Response:
        """Return the answer to the HTTP request."""
        return problem(HTTPStatus.BAD_REQUEST, self.detail, **self.members)


def limit_members(limit: str) -> dict[str, str]:
    """Return the members of the problem details where a request is beyond `limit`."""
    return RequestError("limit", "", limit=limit).members


class MethodError(Exception):
    """One method call fails; nothing of it took place (RFC 8620 §3.6.2)."""

    def __init__(self, kind: str, description: str = "", **more: Any) -> None:
        """Say `kind`, as in `invalidArguments`, and what is wrong; it holds no mail."""
        super().__init__(kind)
        self.kind = kind
        self.description = description
        self.more = more

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments of the `error` response."""
        described = {"description": self.description} if self.description else {}
        return {"type": self.kind, **described, **self.more}


class SetError(Exception):
    """One object of a /set is refused (RFC 8620 §5.3)."""

    def __init__(
        self, kind: str, description: str = "", *, properties: list[str] | None = None, **more: Any
    ) -> None:
        """Say `kind`, as in `invalidProperties`, and which properties are at fault."""
        super().__init__(kind)
        self.kind = kind
        self.description = description
        self.properties = properties
        self.more = more

    @property
    def members(self) -> dict[str, Any]:
        """The SetError object."""
        said: dict[str, Any] = {"type": self.kind}
        if self.description:
            said["description"] = self.description
        if self.properties is not None:
            said["properties"] = self.properties
        return said | self.more


def invalid(description: str) -> MethodError:
    """Return the error of arguments that are not what the method takes."""
    return MethodError("invalidArguments", description)


def method_error(error: MailError) -> MethodError:
    """Say `error` of a whole method call."""
    return MethodError(_method_kind(error.condition), error.text)


def set_error(error: MailError) -> SetError:
    """Say `error` of one object; a full server is told from a full mailbox."""
    if error.condition is Condition.STORAGE_FULL:
        return SetError(_set_kind(error.condition), error.text, isServerFull=True)
    return SetError(_set_kind(error.condition), error.text)


def _method_kind(condition: Condition) -> str:
    match condition:
        case (
            Condition.BAD_SYNTAX
            | Condition.BAD_ADDRESS
            | Condition.BAD_MESSAGE
            | Condition.BAD_SCRIPT
            | Condition.TOO_MANY
            | Condition.WEAK_PASSWORD
            | Condition.NO_SUCH_MAILBOX
            | Condition.NO_SUCH_MESSAGE
            | Condition.NO_SUCH_SCRIPT
            | Condition.NO_SUCH_CREDENTIAL
            | Condition.NO_SUCH_DOMAIN
            | Condition.ALREADY_EXISTS
            | Condition.HAS_CHILDREN
            | Condition.SCRIPT_ACTIVE
        ):
            return "invalidArguments"
        case Condition.TOO_LARGE:
            return "requestTooLarge"
        case Condition.READ_ONLY:
            return "accountReadOnly"
        case Condition.NO_SUCH_USER | Condition.NOT_ACTIVE:
            return "accountNotFound"
        case Condition.CHANGED_MEANWHILE:
            return "stateMismatch"
        case (
            Condition.AUTHENTICATION_FAILED
            | Condition.ACCOUNT_PASSWORD_ON_MAIL
            | Condition.EXPIRED
            | Condition.SCOPE
            | Condition.NOT_PERMITTED
            | Condition.SENDER_NOT_YOURS
            | Condition.RELAY_DENIED
            | Condition.OVER_QUOTA
            | Condition.UNAUTHENTIC
            | Condition.UNWANTED
            | Condition.REJECTED_BY_RECIPIENT
            | Condition.MAIL_LOOP
        ):
            return "forbidden"
        case (
            Condition.TRY_LATER
            | Condition.LIMIT
            | Condition.LOCKED
            | Condition.STORAGE_FULL
            | Condition.GREYLISTED
            | Condition.BUSY
            | Condition.SHUTTING_DOWN
            | Condition.UNAVAILABLE
        ):
            return "serverUnavailable"
        case Condition.DAMAGED | Condition.KEY_MISMATCH | Condition.MISCONFIGURED:
            return "serverFail"
        case _:
            assert_never(condition)  # mypy stops us here when a condition is added and forgotten


def _set_kind(condition: Condition) -> str:
    match condition:
        case (
            Condition.NO_SUCH_MAILBOX
            | Condition.NO_SUCH_MESSAGE
            | Condition.NO_SUCH_SCRIPT
            | Condition.NO_SUCH_CREDENTIAL
        ):
            return "notFound"
        case Condition.OVER_QUOTA | Condition.STORAGE_FULL:
            return "overQuota"
        case Condition.TOO_LARGE:
            return "tooLarge"
        case Condition.LIMIT | Condition.TRY_LATER:
            return "rateLimit"
        case Condition.ALREADY_EXISTS | Condition.BAD_SYNTAX:
            return "invalidProperties"
        case Condition.HAS_CHILDREN:
            return "mailboxHasChild"
        case _:
            kind = _method_kind(condition)
            return "forbidden" if kind in ("accountReadOnly", "accountNotFound") else kind
