"""Say a `Condition` in IMAP: which response, which code (RFC 9051 §7.1, RFC 5530)."""

from dataclasses import dataclass
from typing import Literal, assert_never

from mailserver.model.errors import Absent, Condition, MailError

Kind = Literal[b"NO", b"BAD", b"BYE"]

APP_PASSWORD_HELP = (
    "mail apps sign in with an app password; make one in webmail, Settings, App passwords"  # noqa: S105 - words, not a secret
)


@dataclass(frozen=True, slots=True)
class Status:
    """How a failed command ends: the response, and the code in its brackets."""

    kind: Kind
    code: bytes | None = None


def status(condition: Condition) -> Status:  # noqa: C901 - a table, and flat
    """Return the response and code that say `condition`; BYE means that the session is over.

    Source: RFC 9051 §7.1, RFC 5530 §3.
    """
    match condition:
        case Condition.BAD_SYNTAX | Condition.BAD_ADDRESS:
            return Status(b"BAD")
        case Condition.BAD_MESSAGE | Condition.BAD_SCRIPT | Condition.WEAK_PASSWORD:
            return Status(b"NO", b"CANNOT")
        case Condition.TOO_LARGE:
            return Status(b"NO", b"TOOBIG")
        case Condition.TOO_MANY | Condition.LIMIT:
            return Status(b"NO", b"LIMIT")
        case Condition.AUTHENTICATION_FAILED | Condition.ACCOUNT_PASSWORD_ON_MAIL:
            return Status(b"NO", b"AUTHENTICATIONFAILED")
        case (
            Condition.TRY_LATER
            | Condition.BUSY
            | Condition.UNAVAILABLE
            | Condition.STORAGE_FULL
            | Condition.GREYLISTED
        ):
            return Status(b"NO", b"UNAVAILABLE")
        case Condition.EXPIRED:
            return Status(b"NO", b"EXPIRED")
        case Condition.SCOPE:
            return Status(b"NO", b"AUTHORIZATIONFAILED")
        case (
            Condition.NOT_PERMITTED
            | Condition.SENDER_NOT_YOURS
            | Condition.RELAY_DENIED
            | Condition.READ_ONLY
            | Condition.UNAUTHENTIC
            | Condition.UNWANTED
            | Condition.REJECTED_BY_RECIPIENT
            | Condition.MAIL_LOOP
        ):
            return Status(b"NO", b"NOPERM")
        case Condition.OVER_QUOTA:
            return Status(b"NO", b"OVERQUOTA")
        case (
            Condition.NO_SUCH_MAILBOX
            | Condition.NO_SUCH_USER
            | Condition.NO_SUCH_DOMAIN
            | Condition.NO_SUCH_CREDENTIAL
            | Condition.NO_SUCH_SCRIPT
        ):
            return Status(b"NO", b"NONEXISTENT")
        case Condition.NO_SUCH_MESSAGE:
            return Status(b"NO", b"EXPUNGEISSUED")
        case Condition.ALREADY_EXISTS:
            return Status(b"NO", b"ALREADYEXISTS")
        case Condition.HAS_CHILDREN:
            return Status(b"NO", b"HASCHILDREN")
        case Condition.CHANGED_MEANWHILE | Condition.SCRIPT_ACTIVE:
            return Status(b"NO", b"INUSE")
        case Condition.NOT_ACTIVE | Condition.MISCONFIGURED:
            return Status(b"NO", b"CONTACTADMIN")
        case Condition.DAMAGED | Condition.KEY_MISMATCH:
            return Status(b"NO", b"CORRUPTION")
        case Condition.LOCKED | Condition.SHUTTING_DOWN:
            return Status(b"BYE", b"UNAVAILABLE")  # nothing this session asks can work any more
        case _:
            assert_never(condition)  # mypy stops us here when a condition is added and forgotten


class NoDestination(Absent):
    """The mailbox that messages were to go to does not exist; creating it would help."""

    def __init__(self) -> None:
        super().__init__(Condition.NO_SUCH_MAILBOX, "there is no mailbox of that name")


def status_of(error: MailError) -> Status:
    """Return how `error` is said; TRYCREATE is the one code that hangs on the command as well.

    Source: RFC 9051 §6.3.12, §6.4.7.
    """
    if isinstance(error, NoDestination):
        return Status(b"NO", b"TRYCREATE")
    return status(error.condition)


def words(error: MailError, help_url: str | None = None) -> str:
    """Return the text for people that goes with `error`; one line.

    `help_url` is where a user makes an app password (PRIVACY §6).
    """
    if error.condition is Condition.ACCOUNT_PASSWORD_ON_MAIL:
        return f"{APP_PASSWORD_HELP}: {help_url}" if help_url else APP_PASSWORD_HELP
    return " ".join(error.text.split())
