"""Response codes that carry something, without their brackets (RFC 9051 §7.1).

Those that are one word (`TRYCREATE`, `READ-ONLY`) need no function: they are said as octets.
"""

from collections.abc import Iterable, Sequence

from mailserver.model.message import Flag
from mailserver.protocol.imap import numset
from mailserver.protocol.imap.grammar_flags import SYSTEM_FLAGS
from mailserver.protocol.imap.grammar_search import CHARSETS


def number(name: bytes, value: int) -> bytes:
    """Write UIDVALIDITY, UIDNEXT, UNSEEN or HIGHESTMODSEQ."""
    return b"%b %d" % (name, value)


def capability(names: Iterable[bytes]) -> bytes:
    """Say what the server can do, in the greeting or after login."""
    return b" ".join((b"CAPABILITY", *names))


def permanent_flags(flags: Flag, keywords: Iterable[str], *, more: bool) -> bytes:
    r"""Say which flags a client can change for good; `more` adds \*, any keyword."""
    words = [name for flag, name in SYSTEM_FLAGS.items() if flag & flags]
    words.extend(keyword.encode("ascii") for keyword in sorted(keywords))
    if more:
        words.append(b"\\*")
    return b"PERMANENTFLAGS (%b)" % b" ".join(words)


def append_uid(uid_validity: int, uids: Sequence[int]) -> bytes:
    """Say where the messages of an APPEND went (RFC 4315 §3, RFC 3502)."""
    return b"APPENDUID %d %b" % (uid_validity, numset.encode(uids))


def copy_uid(uid_validity: int, source: Sequence[int], destination: Sequence[int]) -> bytes:
    """Say where COPY or MOVE put messages, pairwise; both have at least one (RFC 4315 §3)."""
    return b"COPYUID %d %b %b" % (
        uid_validity,
        numset.encode(source),
        numset.encode(destination),
    )


def modified(numbers: Sequence[int]) -> bytes:
    """Say which messages UNCHANGEDSINCE kept back, at least one (RFC 7162 §3.1.3)."""
    return b"MODIFIED " + numset.encode(numbers)


def bad_charset() -> bytes:
    """Say which charsets SEARCH reads."""
    return b"BADCHARSET (%b)" % b" ".join(CHARSETS)


def mailbox_id(octets: bytes) -> bytes:
    """Name the mailbox that was created or selected (RFC 8474 §4.1, §4.2)."""
    return b"MAILBOXID (%b)" % octets
