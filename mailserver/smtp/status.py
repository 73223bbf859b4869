"""What SMTP says to a Condition: one total table, and the replies that are no Condition.

Source: RFC 5321 §4.2, RFC 3463, RFC 5248. The words are the error's own, which hold no mail, no
address and no secret (`model.errors`); where an error is ours alone, the peer learns only that.
"""

from typing import assert_never

from mailserver.model.errors import Condition, Corrupt, MailError, Misconfigured
from mailserver.protocol.smtp.codes import Code, Detail
from mailserver.protocol.smtp.data import Fault
from mailserver.protocol.smtp.reply import Rejection, Reply


def status(condition: Condition) -> tuple[Code, Detail]:  # noqa: C901 -- a table, row by row
    """Say `condition` as a reply code and an enhanced status code."""
    match condition:
        case Condition.BAD_SYNTAX:
            return Code.ARGUMENT_ERROR, Detail.SYNTAX
        case Condition.BAD_ADDRESS:
            return Code.NAME_NOT_ALLOWED, Detail.BAD_ADDRESS
        case Condition.BAD_MESSAGE:
            return Code.REFUSED, Detail.CONTENT_OTHER
        case Condition.TOO_LARGE:
            return Code.EXCEEDED_STORAGE, Detail.MESSAGE_TOO_BIG
        case Condition.TOO_MANY:
            return Code.INSUFFICIENT_STORAGE, Detail.TOO_MANY_RECIPIENTS
        case (
            Condition.AUTHENTICATION_FAILED
            | Condition.ACCOUNT_PASSWORD_ON_MAIL
            | Condition.EXPIRED
            | Condition.SCOPE
            | Condition.NO_SUCH_CREDENTIAL
        ):
            return Code.AUTHENTICATION_INVALID, Detail.BAD_CREDENTIALS
        case Condition.TRY_LATER:
            return Code.TEMPORARY_AUTHENTICATION_FAILURE, Detail.SECURITY_OTHER
        case Condition.WEAK_PASSWORD:
            return Code.REFUSED, Detail.SECURITY_OTHER
        case (
            Condition.NOT_PERMITTED
            | Condition.SENDER_NOT_YOURS
            | Condition.RELAY_DENIED
            | Condition.READ_ONLY
            | Condition.UNAUTHENTIC
            | Condition.UNWANTED
            | Condition.REJECTED_BY_RECIPIENT
            | Condition.NO_SUCH_DOMAIN  # mail for elsewhere: RFC 5321 §3.6.2
        ):
            return Code.REFUSED, Detail.NOT_AUTHORISED
        case Condition.OVER_QUOTA:
            return Code.INSUFFICIENT_STORAGE, Detail.MAILBOX_FULL
        case Condition.LIMIT:
            return Code.MAILBOX_BUSY, Detail.NOT_AUTHORISED
        case Condition.GREYLISTED:
            return Code.LOCAL_ERROR, Detail.NOT_AUTHORISED
        case Condition.MAIL_LOOP:
            return Code.TRANSACTION_FAILED, Detail.ROUTING_LOOP
        case Condition.NO_SUCH_USER:
            return Code.REFUSED, Detail.NO_SUCH_MAILBOX
        case Condition.LOCKED | Condition.NOT_ACTIVE:
            return Code.MAILBOX_BUSY, Detail.MAILBOX_DISABLED
        case Condition.STORAGE_FULL:
            return Code.INSUFFICIENT_STORAGE, Detail.SYSTEM_FULL
        case Condition.BUSY | Condition.SHUTTING_DOWN:
            return Code.LOCAL_ERROR, Detail.SYSTEM_SHUTTING_DOWN
        case (
            Condition.UNAVAILABLE
            | Condition.NO_SUCH_MAILBOX
            | Condition.NO_SUCH_MESSAGE
            | Condition.NO_SUCH_SCRIPT
            | Condition.BAD_SCRIPT
            | Condition.SCRIPT_ACTIVE
            | Condition.ALREADY_EXISTS
            | Condition.HAS_CHILDREN
            | Condition.CHANGED_MEANWHILE
            | Condition.DAMAGED
        ):
            # Something is wrong with us, not with the message: the sender keeps it and tries again.
            return Code.LOCAL_ERROR, Detail.SYSTEM_OTHER
        case Condition.KEY_MISMATCH | Condition.MISCONFIGURED:
            return Code.LOCAL_ERROR, Detail.SYSTEM_MISCONFIGURED
        case _:
            assert_never(condition)


def reply_to(error: MailError) -> Reply:
    """Say `error` as a reply."""
    if isinstance(error, Rejection):
        return error.reply
    code, detail = status(error.condition)
    if isinstance(error, Corrupt | Misconfigured):
        return Reply(code, detail, "Local error, try again later")
    return Reply(code, detail, error.text)


def is_transient(error: MailError) -> bool:
    """Say whether the sender should try again."""
    return reply_to(error).code < Code.SYNTAX_ERROR


def reply_to_fault(fault: Fault) -> Reply:
    """Say why the content of a message is refused."""
    match fault:
        case Fault.BARE_NEWLINE:
            return Reply(
                Code.REFUSED,
                Detail.BARE_NEWLINE,
                "The message has a bare CR or LF; lines end in CRLF",
            )
        case Fault.NUL:
            return Reply(Code.REFUSED, Detail.CONTENT_OTHER, "The message has a NUL octet")
        case Fault.LINE_TOO_LONG:
            return Reply(Code.REFUSED, Detail.CONTENT_OTHER, "The message has too long a line")
        case Fault.HEADER_TOO_LARGE:
            return Reply(Code.EXCEEDED_STORAGE, Detail.MESSAGE_TOO_BIG, "The header is too large")
        case Fault.TOO_LARGE:
            return Reply(Code.EXCEEDED_STORAGE, Detail.MESSAGE_TOO_BIG, "The message is too large")
        case _:
            assert_never(fault)


OK = Reply(Code.OK, Detail.OTHER, "Ok")
SENDER_OK = Reply(Code.OK, Detail.SENDER_VALID, "Sender ok").encode()
RECIPIENT_OK = Reply(Code.OK, Detail.RECIPIENT_VALID, "Recipient ok").encode()
START_INPUT = Reply(Code.START_INPUT, None, "End data with <CR><LF>.<CR><LF>").encode()
START_TLS = Reply(Code.READY, Detail.OTHER, "Ready to start TLS")
BYE = Reply(Code.CLOSING, Detail.OTHER, "Bye")
UNKNOWN_COMMAND = Reply(Code.SYNTAX_ERROR, Detail.INVALID_COMMAND, "Command not recognised")
NOT_OFFERED = Reply(Code.NOT_IMPLEMENTED, Detail.INVALID_COMMAND, "Command not implemented")
NO_ARGUMENT = Reply(Code.ARGUMENT_ERROR, Detail.INVALID_ARGUMENTS, "This command takes no argument")
LINE_TOO_LONG = Reply(Code.SYNTAX_ERROR, Detail.SYNTAX, "Command line too long")
AUTH_LINE_TOO_LONG = Reply(Code.SYNTAX_ERROR, Detail.LINE_TOO_LONG, "Line too long")
HELP = Reply(Code.HELP, Detail.OTHER, "See RFC 5321")
NOT_VERIFIED = Reply(
    Code.CANNOT_VERIFY, Detail.OTHER, "Nothing is verified here; send the message to find out"
)
TLS_FIRST = Reply(
    Code.AUTHENTICATION_REQUIRED, Detail.SECURITY_OTHER, "Must issue a STARTTLS command first"
)
SIGN_IN_FIRST = Reply(
    Code.AUTHENTICATION_REQUIRED, Detail.SECURITY_OTHER, "Authentication required"
)
TOO_MANY_RECIPIENTS = Reply(
    Code.INSUFFICIENT_STORAGE, Detail.TOO_MANY_RECIPIENTS, "Too many recipients"
)
RECIPIENT_ALONE = Reply(
    Code.INSUFFICIENT_STORAGE,
    Detail.TOO_MANY_RECIPIENTS,
    "Send to this recipient in a transaction of its own",
)
NO_ROOM = Reply(
    Code.INSUFFICIENT_STORAGE, Detail.SYSTEM_FULL, "Too much is being received, try again later"
)
PARTLY_DELIVERED = Reply(
    Code.LOCAL_ERROR, Detail.SYSTEM_OTHER, "Not every recipient could be served, send again"
)
LOOP = Reply(Code.TRANSACTION_FAILED, Detail.ROUTING_LOOP, "Too many hops: a mail loop")
TOO_MANY_CONNECTIONS = Reply(
    Code.NOT_AVAILABLE, Detail.SECURITY_OTHER, "Too many connections, try again later"
)
TOO_MANY_ERRORS = Reply(Code.NOT_AVAILABLE, Detail.SECURITY_OTHER, "Too many errors")
TOO_MANY_MESSAGES = Reply(
    Code.NOT_AVAILABLE, Detail.SECURITY_OTHER, "Enough messages on this connection, open another"
)
TIMED_OUT = Reply(Code.NOT_AVAILABLE, Detail.NETWORK_TIMEOUT, "Timed out")
SHUTTING_DOWN = Reply(Code.NOT_AVAILABLE, Detail.SYSTEM_SHUTTING_DOWN, "Shutting down")
NOT_A_WEB_SERVER = Reply(Code.NOT_AVAILABLE, Detail.SECURITY_OTHER, "This is a mail server")


def bad_sequence(text: str) -> Rejection:
    """Make the error for a command that comes at the wrong time."""
    return Rejection(Reply(Code.BAD_SEQUENCE, Detail.INVALID_COMMAND, text))


def incident_reply(incident: str) -> Reply:
    """Say that something broke, with the name under which the log has it."""
    return Reply(Code.LOCAL_ERROR, Detail.SYSTEM_OTHER, f"Local error, incident {incident}")
