r"""Flags, and the two commands that write them: STORE and (before its octets) APPEND.

\Recent is taken and ignored, because clients that copy mail between servers send back what they
were told, and only the server may set it (RFC 3501 §2.3.2). Other unknown system flags are refused.
"""

from functools import lru_cache

from mailserver.model.message import Flag, Keywords, StoreMode
from mailserver.protocol.imap.command import AppendMessage, Numbers, Store
from mailserver.protocol.imap.lexer import Lexer, SyntaxFault

SYSTEM_FLAGS = {
    Flag.ANSWERED: b"\\Answered",
    Flag.FLAGGED: b"\\Flagged",
    Flag.DELETED: b"\\Deleted",
    Flag.SEEN: b"\\Seen",
    Flag.DRAFT: b"\\Draft",
}
_FLAG = {name.upper(): flag for flag, name in SYSTEM_FLAGS.items()} | {b"\\RECENT": Flag.NONE}
_MODE = {b"": StoreMode.REPLACE, b"+": StoreMode.ADD, b"-": StoreMode.REMOVE}

FlagSet = tuple[Flag, Keywords]


@lru_cache(maxsize=128)  # clients say the same few lists all day
def flags(text: bytes) -> FlagSet:
    """Read flags, in parentheses or bare, that fill `text`.

    Raises:
        SyntaxFault: they do not.
    """
    lexer = Lexer(text)
    found = flag_list(lexer) if lexer.peek() == ord("(") else _bare(lexer)
    lexer.end()
    return found


def flag_list(lexer: Lexer) -> FlagSet:
    """Read flags in parentheses."""
    lexer.open()
    if lexer.skip(b")"):
        return Flag.NONE, frozenset()
    system, keywords = Flag.NONE, set[str]()
    while True:
        system |= _flag(lexer, keywords)
        if lexer.close():
            return system, frozenset(keywords)


def _bare(lexer: Lexer) -> FlagSet:
    system, keywords = Flag.NONE, set[str]()
    while True:
        system |= _flag(lexer, keywords)
        if not lexer.more():
            return system, frozenset(keywords)


def _flag(lexer: Lexer, keywords: set[str]) -> Flag:
    if not lexer.skip(b"\\"):
        keywords.add(lexer.atom().decode("ascii"))
        return Flag.NONE
    flag = _FLAG.get(b"\\" + lexer.atom().upper())
    if flag is None:
        raise SyntaxFault("there is no such system flag")
    return flag


def store(lexer: Lexer, numbers: Numbers) -> Store:
    """Read STORE behind its set (RFC 9051 §6.4.6, RFC 7162 §3.1.3)."""
    lexer.space()
    unchanged_since = None
    if lexer.skip(b"("):
        if lexer.word() != b"UNCHANGEDSINCE":
            raise SyntaxFault("there is no such modifier of STORE")
        lexer.space()
        unchanged_since = lexer.number64()
        lexer.expect(b")")
        lexer.space()
    word = lexer.word()
    sign = word[:1] if word[:1] in b"+-" else b""
    name, dot, suffix = word[len(sign) :].partition(b".")
    if name != b"FLAGS" or (dot and suffix != b"SILENT"):
        raise SyntaxFault("STORE writes FLAGS, +FLAGS or -FLAGS")
    lexer.space()
    system, keywords = flags(lexer.octets[lexer.at :])
    lexer.at = len(lexer.octets)
    return Store(numbers, _MODE[sign], system, keywords, bool(dot), unchanged_since)


def append_message(lexer: Lexer, size_octets: int) -> AppendMessage:
    """Read what stands before a message literal of `size_octets`: flags, date, both or neither."""
    system, keywords, internaldate = Flag.NONE, frozenset[str](), None
    if lexer.peek() == ord("("):
        system, keywords = flag_list(lexer)
        lexer.space()
    if lexer.peek() == ord('"'):
        internaldate = lexer.date_time()
        lexer.space()
    if lexer.peek() != -1:
        raise SyntaxFault("expected flags, a date and time, or a literal")
    return AppendMessage(size_octets, system, keywords, internaldate)
