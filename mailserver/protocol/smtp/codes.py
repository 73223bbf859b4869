"""The numbers of a reply, by the names their RFCs give them.

A reply has a code (RFC 5321 §4.2.3) and, behind it, an enhanced status code (RFC 3463, offered as
ENHANCEDSTATUSCODES, RFC 2034): `class.subject.detail`. The class is always the reply's first digit,
so only subject and detail are named here: a `550 4.7.1` cannot be written.
"""

from enum import IntEnum, StrEnum


class Code(IntEnum):
    """Reply codes. Source: RFC 5321 §4.2.3, RFC 4954 §6, RFC 3207 §4."""

    HELP = 214
    READY = 220
    CLOSING = 221
    AUTHENTICATED = 235
    OK = 250
    CANNOT_VERIFY = 252
    CHALLENGE = 334
    START_INPUT = 354
    NOT_AVAILABLE = 421
    """The service closes the channel after this reply."""
    MAILBOX_BUSY = 450
    LOCAL_ERROR = 451
    INSUFFICIENT_STORAGE = 452
    TEMPORARY_AUTHENTICATION_FAILURE = 454
    """Also: TLS is not available."""
    SYNTAX_ERROR = 500
    ARGUMENT_ERROR = 501
    NOT_IMPLEMENTED = 502
    BAD_SEQUENCE = 503
    PARAMETER_NOT_IMPLEMENTED = 504
    AUTHENTICATION_REQUIRED = 530
    """Also: STARTTLS comes first."""
    AUTHENTICATION_INVALID = 535
    ENCRYPTION_REQUIRED = 538
    REFUSED = 550
    EXCEEDED_STORAGE = 552
    NAME_NOT_ALLOWED = 553
    TRANSACTION_FAILED = 554
    PARAMETER_UNKNOWN = 555


class Detail(StrEnum):
    """Subject and detail of an enhanced status code. Source: RFC 3463 §3, RFC 5248."""

    OTHER = "0.0"
    NO_SUCH_MAILBOX = "1.1"
    NO_SUCH_DOMAIN = "1.2"
    BAD_ADDRESS = "1.3"
    RECIPIENT_VALID = "1.5"
    SENDER_VALID = "1.0"
    BAD_SENDER_SYNTAX = "1.7"
    MAILBOX_DISABLED = "2.1"
    MAILBOX_FULL = "2.2"
    SYSTEM_OTHER = "3.0"
    SYSTEM_FULL = "3.1"
    SYSTEM_SHUTTING_DOWN = "3.2"
    SYSTEM_MISCONFIGURED = "3.5"
    MESSAGE_TOO_BIG = "3.4"
    NETWORK_TIMEOUT = "4.2"
    ROUTING_LOOP = "4.6"
    PROTOCOL_OTHER = "5.0"
    INVALID_COMMAND = "5.1"
    SYNTAX = "5.2"
    TOO_MANY_RECIPIENTS = "5.3"
    INVALID_ARGUMENTS = "5.4"
    LINE_TOO_LONG = "5.6"
    CONTENT_OTHER = "6.0"
    NON_ASCII_ADDRESS = "6.7"
    BARE_NEWLINE = "6.11"
    SECURITY_OTHER = "7.0"
    NOT_AUTHORISED = "7.1"
    BAD_CREDENTIALS = "7.8"
    ENCRYPTION_NEEDED = "7.11"
