"""FETCH: the items a client wants of each message (RFC 9051 §6.4.5)."""

import re
from functools import lru_cache

from mailserver.protocol.imap.command import Attribute, BodySection, Fetch, FetchItem, Numbers
from mailserver.protocol.imap.lexer import Lexer, SyntaxFault
from mailserver.protocol.imap.numset import UidSet
from mailserver.protocol.mime.section import Section, What

CACHED_OCTETS = 512  # of one cached item text: bounds what the cache can hold

_FAST = (Attribute.FLAGS, Attribute.INTERNALDATE, Attribute.RFC822_SIZE)
_MACROS: dict[bytes, tuple[FetchItem, ...]] = {
    b"FAST": _FAST,
    b"ALL": (*_FAST, Attribute.ENVELOPE),
    b"FULL": (*_FAST, Attribute.ENVELOPE, Attribute.BODY),
}
_ATTRIBUTES = {item.value: item for item in Attribute}
_OLD = {
    b"RFC822": BodySection(Section(), False, None, b"RFC822"),
    b"RFC822.HEADER": BodySection(Section((), "HEADER"), True, None, b"RFC822.HEADER"),
    b"RFC822.TEXT": BodySection(Section((), "TEXT"), False, None, b"RFC822.TEXT"),
}
_WHAT: dict[bytes, What] = {
    b"HEADER": "HEADER",
    b"HEADER.FIELDS": "HEADER.FIELDS",
    b"HEADER.FIELDS.NOT": "HEADER.FIELDS.NOT",
    b"TEXT": "TEXT",
    b"MIME": "MIME",
}
_PART = re.compile(rb"[1-9][0-9]{0,9}(?:\.[1-9][0-9]{0,9})*")
_NAME = re.compile(rb"[A-Za-z][A-Za-z.]*")
_FIELD = re.compile(rb"[!-9;-~]+")  # RFC 5322 §2.2: printable ASCII without a colon
_ATOM = re.compile(rb"[!#$&'+-9;-\[^-z|}~]+")
_PARTIAL = re.compile(rb"<([0-9]{1,10})\.([1-9][0-9]{0,9})>")
PATH_PARTS = 100  # no message has parts deeper (DESIGN, limits)


def fetch(lexer: Lexer, numbers: Numbers) -> Fetch:
    """Read FETCH behind its set."""
    lexer.space()
    text = lexer.octets[lexer.at :]
    lexer.at = len(lexer.octets)
    read = _cached if len(text) <= CACHED_OCTETS else _items
    items, changed_since = read(text, isinstance(numbers, UidSet))
    return Fetch(numbers, items, changed_since)


def _items(text: bytes, by_uid: bool) -> tuple[tuple[FetchItem, ...], int | None]:
    lexer = Lexer(text)
    items: dict[FetchItem, None] = {Attribute.UID: None} if by_uid else {}
    if lexer.peek() == ord("("):
        lexer.open()
        while True:
            items[_item(lexer)] = None
            if lexer.close():
                break
    elif macro := _macro(lexer):
        items |= dict.fromkeys(macro)
    else:
        items[_item(lexer)] = None
    changed_since = None
    if lexer.more():
        changed_since = _changed_since(lexer)
        items[Attribute.MODSEQ] = None
    lexer.end()
    return tuple(items), changed_since


_cached = lru_cache(maxsize=512)(_items)  # a client has a handful of item lists


def _macro(lexer: Lexer) -> tuple[FetchItem, ...] | None:
    match = _NAME.match(lexer.octets, lexer.at)
    macro = _MACROS.get(match.group().upper()) if match else None
    if match and macro:
        lexer.at = match.end()
    return macro


def _item(lexer: Lexer) -> FetchItem:
    name = lexer.word()
    if name in (b"BODY", b"BODY.PEEK") and lexer.skip(b"["):
        return _body(lexer, peek=name == b"BODY.PEEK")
    if attribute := _ATTRIBUTES.get(name):
        if attribute is Attribute.PREVIEW:
            _lazy(lexer)
        return attribute
    if old := _OLD.get(name):
        return old
    raise SyntaxFault("there is no such item of FETCH")


def _lazy(lexer: Lexer) -> None:
    """Pass the modifier of PREVIEW (RFC 8970 §3.1)."""
    if lexer.octets[lexer.at : lexer.at + 7].upper() == b" (LAZY)":
        lexer.at += 7


def _changed_since(lexer: Lexer) -> int:
    lexer.expect(b"(")
    if lexer.word() != b"CHANGEDSINCE":
        raise SyntaxFault("CHANGEDSINCE is the only modifier of FETCH here")
    lexer.space()
    modseq = lexer.number64()
    lexer.expect(b")")
    return modseq


def _body(lexer: Lexer, *, peek: bool) -> BodySection:
    section = _section(lexer)
    lexer.expect(b"]")
    label = b"BODY[" + _spell(section) + b"]"
    partial = None
    if lexer.peek() == ord("<"):
        match = _PARTIAL.match(lexer.octets, lexer.at)
        if match is None:
            raise SyntaxFault("expected <octet.count>")
        lexer.at = match.end()
        partial = int(match.group(1)), int(match.group(2))
        label += b"<%d>" % partial[0]
    return BodySection(section, peek, partial, label)


def _section(lexer: Lexer) -> Section:
    path: tuple[int, ...] = ()
    if match := _PART.match(lexer.octets, lexer.at):
        path = tuple(map(int, match.group().split(b".")))
        if len(path) > PATH_PARTS:
            raise SyntaxFault("the part number is too deep")
        lexer.at = match.end()
        if not lexer.skip(b"."):
            return Section(path)
    elif lexer.peek() == ord("]"):
        return Section()
    match = _NAME.match(lexer.octets, lexer.at)
    what = _WHAT.get(match.group().upper()) if match else None
    if match is None or what is None or (what == "MIME" and not path):
        raise SyntaxFault("there is no such section")
    lexer.at = match.end()
    if what in ("HEADER.FIELDS", "HEADER.FIELDS.NOT"):
        return Section(path, what, _fields(lexer))
    return Section(path, what)


def _fields(lexer: Lexer) -> tuple[bytes, ...]:
    lexer.space()
    lexer.open()
    fields = []
    while True:
        field = lexer.astring()
        if not _FIELD.fullmatch(field):  # it comes back in the label, so nothing else may be in it
            raise SyntaxFault("this is not the name of a header field")
        fields.append(field)
        if lexer.close():
            return tuple(fields)


def _spell(section: Section) -> bytes:
    """Write a section as it stands in the answer: upper case, single spaces."""
    words = [b"%d" % part for part in section.path]
    if section.what:
        words.append(section.what.encode("ascii"))
    spelt = b".".join(words)
    return (
        spelt + b" (" + b" ".join(map(_astring, section.fields)) + b")" if section.fields else spelt
    )


def _astring(field: bytes) -> bytes:
    if _ATOM.fullmatch(field):
        return field
    return b'"' + field.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
