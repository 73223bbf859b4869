"""One tree of errors that knows no protocol.

Each edge owns one total table from `Condition` to its own words.
"""

from enum import Enum, auto


class Condition(Enum):
    """What went wrong, in terms every edge can say in its protocol."""

    # PeerFault
    BAD_SYNTAX = auto()
    BAD_ADDRESS = auto()
    BAD_MESSAGE = auto()
    BAD_SCRIPT = auto()
    TOO_LARGE = auto()
    TOO_MANY = auto()
    # Refused
    AUTHENTICATION_FAILED = auto()
    ACCOUNT_PASSWORD_ON_MAIL = auto()
    """The account password was tried where only app passwords are taken (PRIVACY §6)."""
    TRY_LATER = auto()
    """Too many attempts: a delay, never a lock-out."""
    EXPIRED = auto()
    SCOPE = auto()
    """The credential does not cover this service."""
    NOT_PERMITTED = auto()
    SENDER_NOT_YOURS = auto()
    RELAY_DENIED = auto()
    OVER_QUOTA = auto()
    LIMIT = auto()
    READ_ONLY = auto()
    WEAK_PASSWORD = auto()
    UNAUTHENTIC = auto()
    """The author's domain says that it did not send this (DMARC)."""
    UNWANTED = auto()
    """Spam, or what carries malware."""
    REJECTED_BY_RECIPIENT = auto()
    """The reader's own filter refuses it."""
    MAIL_LOOP = auto()
    # Absent
    NO_SUCH_MAILBOX = auto()
    NO_SUCH_USER = auto()
    NO_SUCH_DOMAIN = auto()
    NO_SUCH_MESSAGE = auto()
    NO_SUCH_CREDENTIAL = auto()
    NO_SUCH_SCRIPT = auto()
    # Conflict
    ALREADY_EXISTS = auto()
    HAS_CHILDREN = auto()
    SCRIPT_ACTIVE = auto()
    CHANGED_MEANWHILE = auto()
    # Locked
    LOCKED = auto()
    """No key in hand."""
    NOT_ACTIVE = auto()
    """The account exists but its sign-up is not finished, or it is frozen."""
    # Transient
    STORAGE_FULL = auto()
    GREYLISTED = auto()
    """A sender nobody knows yet: one that queues its mail comes again."""
    BUSY = auto()
    SHUTTING_DOWN = auto()
    UNAVAILABLE = auto()
    # Corrupt
    DAMAGED = auto()
    KEY_MISMATCH = auto()
    """A row, an epoch or a public key is not what its authentication says."""
    # configuration and start-up
    MISCONFIGURED = auto()


class MailError(Exception):
    """Something to tell the peer; the text is for people and holds no mail, address or secret."""

    def __init__(self, condition: Condition, text: str = "") -> None:
        """Carry `condition` and a short English text."""
        super().__init__(text or condition.name.lower().replace("_", " "))
        self.condition = condition

    @property
    def text(self) -> str:
        """The words for people."""
        return str(self.args[0])


class PeerFault(MailError):
    """The peer broke the grammar or a limit."""


class Refused(MailError):
    """Policy, rights or quota say no."""


class Absent(MailError):
    """What was named does not exist."""


class Conflict(MailError):
    """It exists already, or changed meanwhile."""


class Locked(MailError):
    """No key in hand, or the account is not open for this."""


class Transient(MailError):
    """Try again later; nothing was lost."""


class Corrupt(MailError):
    """Authentication of stored data failed: an alarm, never partial plaintext."""


class Misconfigured(MailError):
    """The settings or the machine do not allow the server to do its work."""

    def __init__(self, text: str) -> None:
        """Say in one line what to mend."""
        super().__init__(Condition.MISCONFIGURED, text)
