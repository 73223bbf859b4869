"""What this server says it can do (RFC 9051 §7.2.2); a transcript holds it to each word."""

from mailserver.protocol.imap.sasl import MECHANISMS

_ALWAYS = (b"IMAP4rev1", b"LITERAL+", b"SASL-IR", b"ID", b"ENABLE", b"IDLE")
_SIGNED_IN = (
    b"CHILDREN",
    b"CONDSTORE",
    b"CREATE-SPECIAL-USE",
    b"ESEARCH",
    b"LIST-EXTENDED",
    b"LIST-STATUS",
    b"MOVE",
    b"MULTIAPPEND",
    b"NAMESPACE",
    b"OBJECTID",
    b"PREVIEW",
    b"SAVEDATE",
    b"SEARCHRES",
    b"SPECIAL-USE",
    b"STATUS=SIZE",
    b"UIDPLUS",
    b"UNSELECT",
)
_MECHANISMS = tuple(b"AUTH=" + name.encode() for name in MECHANISMS)

AFTER_SIGN_IN = _ALWAYS + _SIGNED_IN
JMAP_ACCESS = b"JMAPACCESS"
"""Of who may use JMAP with the same app password, where it is served (RFC 9698 §3)."""

ENABLED = frozenset({"CONDSTORE"})
"""What ENABLE turns on (RFC 5161, RFC 7162 §3.1)."""


def before_sign_in(*, private: bool, can_start_tls: bool) -> tuple[bytes, ...]:
    """Return the capabilities before sign-in; passwords are taken on `private` connections only."""
    start_tls = (b"STARTTLS",) if can_start_tls else ()
    return _ALWAYS + start_tls + (_MECHANISMS if private else (b"LOGINDISABLED",))
