"""The context every ciphertext is bound to: 48 octets that say what it is, whose, and sealed how.

    "zg1" ‖ kind 1 ‖ origin 1 ‖ account 16 ‖ object 16 ‖ field 2 ‖ version 4 ‖ key ref 4 ‖ suite 1

It is the associated data of every AEAD call and the `info` of every HPKE call, so that a ciphertext
moved to another account, object, field, origin or key does not open. Widths are fixed, hence no two
contexts are written alike. Mailbox and UID stay out: COPY and MOVE must not re-encrypt.

The numbers are stored for ever in what they bind: never reuse one, never renumber.
"""

import struct
from enum import IntEnum

from mailserver.model.ids import AccountId, ObjectId

CONTEXT_OCTETS = 48
FORMAT = 1
"""The layout of sealed objects; also their first octet, so that the next one can be told apart."""

_CONTEXT = struct.Struct(">3sBB16s16sHIIB")
_HEAD = struct.Struct(">3sBB16s")
_REST = struct.Struct(">HIIB")
NO_SUITE = 0
"""The suite of an object that no account key stands behind: what is guarded."""
OBJECT = slice(21, 37)
"""Where the object's name stands in a context."""


class Kind(IntEnum):
    """What an object is."""

    # sealed: opened by the account's credentials
    EMAIL = 1
    CONTENT_KEY = 2
    SEGMENT = 3
    DRAFT = 4
    CONTACT = 5
    CALENDAR = 6
    KEY_PIN = 7
    SETTING = 8
    SAVED_SEARCH = 9
    SIGNATURE = 10
    LOGIN_HISTORY = 11
    UPLOAD = 12
    LIST_BLOCK = 13
    EXPORT = 14
    """The key of an export's files."""
    # keys
    WRAP = 32
    GENERATION_LINK = 33
    # guarded: opened by the running server
    MAILBOX_NAME = 64
    KEYWORD_NAME = 65
    SUBSCRIPTION = 66
    SIEVE_SCRIPT = 67
    VACATION = 68
    QUEUE_ITEM = 69
    ALIAS = 70
    JUNK_MODEL = 71
    TRANSFER = 80
    EXTERNAL_ACCOUNT = 81
    EXTERNAL_RESULT = 82
    PUSH_SUBSCRIPTION = 83
    TRACE = 84
    # guarded, of the instance
    DKIM_KEY = 96
    CONFIGURATION = 97
    AUDIT_DETAIL = 98
    REPORT = 99
    OBSERVATION = 100
    ACCOUNT_KEY = 101
    """Of an account that its organisation lets the server open."""
    SIGN_IN = 102
    """A sign-in on its way to an identity provider and back."""
    REGISTER = 103
    FORM = 104
    """A request that is on its way to its writer and back."""
    CONSENT = 105
    """Whose consent it is, and how it was given."""


class Origin(IntEnum):
    """Who made the key an object is sealed under."""

    DEPOSIT = 1
    """The server, for an owner who was away."""
    OWNER = 2
    """An unlocked session."""
    GUARD = 3
    """The account's guard key."""
    INSTANCE = 4
    """The server's own guard key."""
    CREDENTIAL = 5
    """A secret that a person or device holds."""


class FieldId(IntEnum):
    """Which part of the object."""

    SUMMARY = 1
    BODY = 2
    TAIL = 3
    SEGMENT = 4
    CONTENT_KEY = 5
    VALUE = 6
    """The whole of an object that has one part."""
    MASTER_KEY = 7
    LIST_BLOCK = 8


OWNER_ONLY = frozenset(
    {
        Kind.SEGMENT,
        Kind.DRAFT,
        Kind.CONTACT,
        Kind.CALENDAR,
        Kind.KEY_PIN,
        Kind.SETTING,
        Kind.SAVED_SEARCH,
        Kind.SIGNATURE,
        Kind.UPLOAD,
        Kind.LIST_BLOCK,
        Kind.EXPORT,
    }
)
"""What only the owner writes: under a deposit key it is a forgery, for anybody can deposit."""


def context(
    kind: Kind,
    origin: Origin,
    account: AccountId,
    object_id: ObjectId,
    field: FieldId,
    version: int,
    key_ref: int,
    suite: int,
) -> bytes:
    """Write the 48 octets; `key_ref` is a content key's epoch or an account key's generation.

    Raises:
        ValueError: an identifier is not 16 octets (zeros would fill up a shorter one unseen).
    """
    if len(account) != 16 or len(object_id) != 16:
        raise ValueError("accounts and objects are named by 16 octets")
    return _CONTEXT.pack(b"zg1", kind, origin, account, object_id, field, version, key_ref, suite)


def context_head(kind: Kind, origin: Origin, account: AccountId) -> bytes:
    """The 21 octets before the object's name: with `context_rest`, for loops over many objects."""
    if len(account) != 16:
        raise ValueError("accounts are named by 16 octets")
    return _HEAD.pack(b"zg1", kind, origin, account)


def context_rest(field: FieldId, version: int, key_ref: int, suite: int) -> bytes:
    """The 11 octets after the object's name."""
    return _REST.pack(field, version, key_ref, suite)
