"""Say a `Condition` in ManageSieve: which reply, which code (RFC 5804 §1.3)."""

from dataclasses import dataclass
from typing import assert_never

from mailserver.model.errors import Condition, MailError
from mailserver.protocol.managesieve.response import Kind

APP_PASSWORD_HELP = (
    "mail apps sign in with an app password; make one in webmail, Settings, App passwords"  # noqa: S105 - words, not a secret
)


@dataclass(frozen=True, slots=True)
class Status:
    """How a failed command ends: the reply, and the code in its parentheses."""

    kind: Kind
    code: bytes | None = None


def status(condition: Condition) -> Status:
    """Return the reply and code that say `condition`; BYE means that the session is over.

    Source: RFC 5804 §1.3.
    """
    match condition:
        case (
            Condition.BAD_SYNTAX
            | Condition.BAD_ADDRESS
            | Condition.BAD_MESSAGE
            | Condition.BAD_SCRIPT
            | Condition.TOO_MANY
            | Condition.AUTHENTICATION_FAILED
            | Condition.ACCOUNT_PASSWORD_ON_MAIL
            | Condition.EXPIRED
            | Condition.SCOPE
            | Condition.NOT_PERMITTED
            | Condition.SENDER_NOT_YOURS
            | Condition.RELAY_DENIED
            | Condition.MAIL_LOOP
            | Condition.REJECTED_BY_RECIPIENT
            | Condition.UNAUTHENTIC
            | Condition.UNWANTED
            | Condition.READ_ONLY
            | Condition.WEAK_PASSWORD
            | Condition.HAS_CHILDREN
            | Condition.NOT_ACTIVE
            | Condition.DAMAGED
            | Condition.KEY_MISMATCH
            | Condition.MISCONFIGURED
        ):
            return Status(b"NO")
        case Condition.TOO_LARGE:
            return Status(b"NO", b"QUOTA/MAXSIZE")
        case Condition.LIMIT:
            return Status(b"NO", b"QUOTA/MAXSCRIPTS")
        case Condition.OVER_QUOTA:
            return Status(b"NO", b"QUOTA")
        case (
            Condition.TRY_LATER
            | Condition.GREYLISTED
            | Condition.STORAGE_FULL
            | Condition.BUSY
            | Condition.UNAVAILABLE
            | Condition.CHANGED_MEANWHILE
        ):
            return Status(b"NO", b"TRYLATER")
        case (
            Condition.NO_SUCH_MAILBOX
            | Condition.NO_SUCH_USER
            | Condition.NO_SUCH_DOMAIN
            | Condition.NO_SUCH_MESSAGE
            | Condition.NO_SUCH_CREDENTIAL
            | Condition.NO_SUCH_SCRIPT
        ):
            return Status(b"NO", b"NONEXISTENT")
        case Condition.ALREADY_EXISTS:
            return Status(b"NO", b"ALREADYEXISTS")
        case Condition.SCRIPT_ACTIVE:
            return Status(b"NO", b"ACTIVE")
        case Condition.LOCKED | Condition.SHUTTING_DOWN:
            return Status(b"BYE", b"TRYLATER")
        case _:
            assert_never(condition)  # mypy stops us here when a condition is added and forgotten


def words(error: MailError, help_url: str | None = None) -> str:
    """Return the text for people that goes with `error`.

    `help_url` is where a user makes an app password (PRIVACY §6).
    """
    if error.condition is Condition.ACCOUNT_PASSWORD_ON_MAIL:
        return f"{APP_PASSWORD_HELP}: {help_url}" if help_url else APP_PASSWORD_HELP
    return error.text
