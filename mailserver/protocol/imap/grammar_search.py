"""SEARCH: criteria to a `model.query` tree (RFC 9051 §6.4.4).

Strings are decoded here, once, by the CHARSET; without one they are UTF-8 (RFC 9051), of which
US-ASCII is a part.
"""

import datetime
from collections.abc import Callable

from mailserver.model import query
from mailserver.model.ids import EmailId, ModSeq, ThreadId
from mailserver.model.message import Flag
from mailserver.model.query import Field, Query
from mailserver.protocol.imap import numset
from mailserver.protocol.imap.command import Search, SearchReturn
from mailserver.protocol.imap.lexer import Lexer, SyntaxFault

DEPTH = 50  # of NOT, OR and parentheses: bounds our stack; no client nests so deep by hand
NUMBER_DIGITS = 18  # what a 63-bit number has at most
KEYS = 1_000  # in one command: bounds what one search can make us compute

CHARSETS = {b"UTF-8": "utf-8", b"US-ASCII": "utf-8", b"ISO-8859-1": "iso-8859-1"}
_RETURN = {option.value: option for option in SearchReturn}
_SET_BEGINS = frozenset(b"0123456789*$")
_ONE_DAY = datetime.timedelta(days=1)


class CharsetFault(SyntaxFault):
    """The CHARSET is none of `CHARSETS`."""


def search(lexer: Lexer, *, by_uid: bool) -> Search:
    """Read SEARCH behind its name.

    Raises:
        CharsetFault: strings are in a charset that we do not read.
        SyntaxFault: it is no search.
    """
    returned = _returned(lexer) if _next_is(lexer, b"RETURN ") else None
    charset = _charset(lexer) if _next_is(lexer, b"CHARSET ") else "utf-8"
    keys = _Keys(lexer, charset)
    return Search(keys.all(), by_uid, returned, keys.by_modseq)


def _next_is(lexer: Lexer, word: bytes) -> bool:
    if lexer.octets[lexer.at : lexer.at + len(word)].upper() != word:
        return False
    lexer.at += len(word)
    lexer.spaces()
    return True


def _returned(lexer: Lexer) -> frozenset[SearchReturn]:
    lexer.open()
    options: set[SearchReturn] = set()
    if not lexer.skip(b")"):
        while True:
            option = _RETURN.get(lexer.word())
            if option is None:
                raise SyntaxFault("there is no such return option of SEARCH")
            options.add(option)
            if lexer.close():
                break
    lexer.space()
    return frozenset(options or {SearchReturn.ALL})  # RFC 4731 §3.1


def _charset(lexer: Lexer) -> str:
    charset = CHARSETS.get(lexer.astring().upper())
    if charset is None:
        raise CharsetFault("there is no such charset here")
    lexer.space()
    return charset


class _Keys:
    """Reads search keys by recursive descent."""

    def __init__(self, lexer: Lexer, charset: str) -> None:
        self.lexer = lexer
        self.charset = charset
        self.by_modseq = False
        self.count = 0

    def all(self) -> Query:
        """Read keys to the end of the command."""
        keys = [self.key(0)]
        while self.lexer.more():
            keys.append(self.key(0))
        return _and(keys)

    def key(self, depth: int) -> Query:
        """Read one key."""
        self.count += 1
        if depth > DEPTH or self.count > KEYS:
            raise SyntaxFault("the search is too complex")
        lexer = self.lexer
        first = lexer.peek()
        if first == ord("("):
            return self._group(depth)
        if first in _SET_BEGINS:
            return query.InSequence(numset.parse(lexer.set_octets()))
        word = lexer.word()
        if plain := _PLAIN.get(word):
            return plain
        lexer.space()
        if field := _FIELDS.get(word):
            return query.Text(field, self._string())
        if read := _WITH_ARGUMENT.get(word):
            return read(lexer)
        return self._compound(word, depth)

    def _compound(self, word: bytes, depth: int) -> Query:
        match word:
            case b"NOT":
                return query.Not(self.key(depth + 1))
            case b"OR":
                left = self.key(depth + 1)
                self.lexer.space()
                return query.Or((left, self.key(depth + 1)))
            case b"HEADER":
                name = self._string()
                self.lexer.space()
                return query.Header(name, self._string())
            case b"MODSEQ":
                return self._modseq()
            case _:
                raise SyntaxFault("there is no such search key")

    def _group(self, depth: int) -> Query:
        self.lexer.open()
        keys = []
        while True:
            keys.append(self.key(depth + 1))
            if self.lexer.close():
                return _and(keys)

    def _string(self) -> str:
        try:
            return self.lexer.astring().decode(self.charset)
        except UnicodeDecodeError as error:
            raise SyntaxFault("a string is not in the charset of the search") from error

    def _modseq(self) -> Query:
        """Read MODSEQ and pass the entry it may name: we keep one MODSEQ a message.

        Source: RFC 7162 §3.1.5.
        """
        lexer = self.lexer
        if lexer.peek() == ord('"'):
            lexer.string()
            lexer.space()
            if lexer.word() not in (b"PRIV", b"SHARED", b"ALL"):
                raise SyntaxFault("expected priv, shared or all")
            lexer.space()
        self.by_modseq = True
        return query.ChangedSince(ModSeq(lexer.number64()))


def _and(keys: list[Query]) -> Query:
    return keys[0] if len(keys) == 1 else query.And(tuple(keys))


def _keyword(lexer: Lexer) -> Query:
    return query.HasKeyword(lexer.atom().decode("ascii"))


def _next_day(day: datetime.date) -> datetime.date | None:
    return None if day == datetime.date.max else day + _ONE_DAY


def _numbered(lexer: Lexer, prefix: bytes) -> int | None:
    """Read an OBJECTID as this server writes them; None for what is none of ours (RFC 8474 §6)."""
    object_id = lexer.atom()
    digits = object_id.removeprefix(prefix)
    ours = object_id != digits and digits.isdigit() and len(digits) <= NUMBER_DIGITS
    return int(digits) if ours else None


def _email(lexer: Lexer) -> Query:
    number = _numbered(lexer, b"M")
    return query.IsEmail(None if number is None else EmailId(number))


def _thread(lexer: Lexer) -> Query:
    number = _numbered(lexer, b"T")
    return query.InThread(None if number is None else ThreadId(number))


def _on(
    make: "type[query.Received] | type[query.Saved] | type[query.Sent]",
) -> Callable[[Lexer], Query]:
    def read(lexer: Lexer) -> Query:
        day = lexer.date()
        return make(since=day, before=_next_day(day))

    return read


_PLAIN: dict[bytes, Query] = {
    b"ALL": query.All(),
    b"RECENT": query.IsRecent(),
    b"OLD": query.Not(query.IsRecent()),
    b"NEW": query.And((query.IsRecent(), query.Not(query.HasFlag(Flag.SEEN)))),
}
for _flag in (Flag.ANSWERED, Flag.DELETED, Flag.DRAFT, Flag.FLAGGED, Flag.SEEN):
    _name = str(_flag.name).encode("ascii")
    _PLAIN[_name] = query.HasFlag(_flag)
    _PLAIN[b"UN" + _name] = query.Not(query.HasFlag(_flag))

_FIELDS = {
    b"BCC": Field.BCC,
    b"BODY": Field.BODY,
    b"CC": Field.CC,
    b"FROM": Field.FROM,
    b"SUBJECT": Field.SUBJECT,
    b"TEXT": Field.ANY,
    b"TO": Field.TO,
}

_WITH_ARGUMENT: dict[bytes, Callable[[Lexer], Query]] = {
    b"KEYWORD": _keyword,
    b"UNKEYWORD": lambda lexer: query.Not(_keyword(lexer)),
    b"BEFORE": lambda lexer: query.Received(before=lexer.date()),
    b"ON": _on(query.Received),
    b"SINCE": lambda lexer: query.Received(since=lexer.date()),
    b"EMAILID": _email,
    b"THREADID": _thread,
    b"SAVEDBEFORE": lambda lexer: query.Saved(before=lexer.date()),
    b"SAVEDON": _on(query.Saved),
    b"SAVEDSINCE": lambda lexer: query.Saved(since=lexer.date()),
    b"SENTBEFORE": lambda lexer: query.Sent(before=lexer.date()),
    b"SENTON": _on(query.Sent),
    b"SENTSINCE": lambda lexer: query.Sent(since=lexer.date()),
    b"LARGER": lambda lexer: query.Size(larger=lexer.number64()),
    b"SMALLER": lambda lexer: query.Size(smaller=lexer.number64()),
    b"UID": lambda lexer: query.InUids(numset.parse(lexer.set_octets())),
}
