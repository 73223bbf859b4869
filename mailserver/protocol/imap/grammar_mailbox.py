"""Mailbox names and the commands that list, name and describe mailboxes (RFC 9051 §6.3)."""

from functools import lru_cache

from mailserver.model.mailbox import INBOX, SEPARATOR, Role
from mailserver.protocol.imap import utf7
from mailserver.protocol.imap.command import (
    Create,
    Examine,
    List,
    ListReturn,
    ListSelection,
    Lsub,
    Rename,
    Select,
    Status,
    StatusItem,
)
from mailserver.protocol.imap.lexer import Lexer, SyntaxFault, utf8

USES = {
    Role.ARCHIVE: b"\\Archive",
    Role.DRAFTS: b"\\Drafts",
    Role.FLAGGED: b"\\Flagged",
    Role.JUNK: b"\\Junk",
    Role.SENT: b"\\Sent",
    Role.TRASH: b"\\Trash",
}
_ROLE = {name.upper(): role for role, name in USES.items()}
_STATUS = {item.value: item for item in StatusItem}
_SELECTION = {option.value: option for option in ListSelection}
_RETURN = {option.value: option for option in ListReturn}


def mailbox(lexer: Lexer) -> str:
    """Read the name of a mailbox, never an empty one."""
    name = mailbox_name(lexer.astring())
    if not name:
        raise SyntaxFault("the mailbox has no name")
    return name


@lru_cache(maxsize=512)
def mailbox_name(octets: bytes) -> str:
    """Decode a mailbox name or pattern; INBOX, as the first of its components, comes in upper case.

    Octets above 127 can only be UTF-8, as clients send it to servers of IMAP4rev2; all others are
    modified UTF-7.

    Raises:
        SyntaxFault: it is neither, or holds control characters (RFC 9051 §5.1).
    """
    if octets.isascii():
        try:
            name = utf7.decode(octets)
        except ValueError as error:
            raise SyntaxFault("the mailbox name is not modified UTF-7") from error
    else:
        name = utf8(octets)
    if any(char < " " or "\x7f" <= char < "\xa0" for char in name):
        raise SyntaxFault("the mailbox name has control characters")
    first, separator, rest = name.partition(SEPARATOR)
    return INBOX + separator + rest if first.upper() == INBOX else name


def _without_separator(name: str) -> str:
    """Take the separator off that only says "there will be children" (RFC 9051 §6.3.4)."""
    return name[: -len(SEPARATOR)] if name.endswith(SEPARATOR) and name != SEPARATOR else name


def select(lexer: Lexer) -> Select:
    """Read SELECT."""
    return Select(mailbox(lexer), _condstore(lexer))


def examine(lexer: Lexer) -> Examine:
    """Read EXAMINE."""
    return Examine(mailbox(lexer), _condstore(lexer))


def _condstore(lexer: Lexer) -> bool:
    if not lexer.more():
        return False
    lexer.open()
    if lexer.word() != b"CONDSTORE" or not lexer.close():
        raise SyntaxFault("CONDSTORE is the only parameter here; there is no QRESYNC")
    return True


def create(lexer: Lexer) -> Create:
    """Read CREATE with `USE` (RFC 6154 §3)."""
    name = _without_separator(mailbox(lexer))
    if not lexer.more():
        return Create(name)
    lexer.open()
    if lexer.word() != b"USE":
        raise SyntaxFault("USE is the only parameter of CREATE here")
    lexer.space()
    lexer.open()
    uses: list[bytes] = []
    while True:
        lexer.expect(b"\\")
        uses.append(b"\\" + lexer.atom().upper())
        if lexer.close():
            break
    if not lexer.close():
        raise SyntaxFault("USE is the only parameter of CREATE here")
    role = _ROLE.get(uses[0]) if len(uses) == 1 else None
    return Create(name, role, role is None)


def rename(lexer: Lexer) -> Rename:
    """Read RENAME."""
    old = mailbox(lexer)
    lexer.space()
    return Rename(old, _without_separator(mailbox(lexer)))


def status(lexer: Lexer) -> Status:
    """Read STATUS."""
    name = mailbox(lexer)
    lexer.space()
    return Status(name, _status_items(lexer))


def _status_items(lexer: Lexer) -> tuple[StatusItem, ...]:
    lexer.open()
    items: dict[StatusItem, None] = {}
    while True:
        item = _STATUS.get(lexer.word())
        if item is None:
            raise SyntaxFault("there is no such item of STATUS")
        items[item] = None
        if lexer.close():
            return tuple(items)


def lsub(lexer: Lexer) -> Lsub:
    """Read LSUB."""
    reference = mailbox_name(lexer.astring())
    lexer.space()
    return Lsub(reference, mailbox_name(lexer.pattern()))


def list_(lexer: Lexer) -> List:
    """Read LIST, plain or extended (RFC 5258, RFC 5819, RFC 6154)."""
    selection: frozenset[ListSelection] = frozenset()
    extended = False
    if lexer.peek() == ord("("):
        selection, extended = _selection(lexer), True
        lexer.space()
    reference = mailbox_name(lexer.astring())
    lexer.space()
    if lexer.peek() == ord("("):
        patterns, extended = _patterns(lexer), True
    else:
        patterns = (mailbox_name(lexer.pattern()),)
    returned: frozenset[ListReturn] = frozenset()
    wanted: tuple[StatusItem, ...] = ()
    if lexer.more():
        if lexer.word() != b"RETURN":
            raise SyntaxFault("expected RETURN")
        lexer.space()
        returned, wanted = _returned(lexer)
        extended = True
    return List(reference, patterns, selection, returned, wanted, extended)


def _patterns(lexer: Lexer) -> tuple[str, ...]:
    lexer.open()
    patterns = []
    while True:
        patterns.append(mailbox_name(lexer.pattern()))
        if lexer.close():
            return tuple(patterns)


def _selection(lexer: Lexer) -> frozenset[ListSelection]:
    lexer.open()
    options: set[ListSelection] = set()
    if lexer.skip(b")"):
        return frozenset()
    while True:
        option = _SELECTION.get(lexer.word())
        if option is None:
            raise SyntaxFault("there is no such selection option of LIST")
        options.add(option)
        if lexer.close():
            break
    if ListSelection.RECURSIVEMATCH in options and not options & {
        ListSelection.SUBSCRIBED,
        ListSelection.SPECIAL_USE,
    }:
        raise SyntaxFault("RECURSIVEMATCH needs another selection option")  # RFC 5258 §3.1
    return frozenset(options)


def _returned(lexer: Lexer) -> tuple[frozenset[ListReturn], tuple[StatusItem, ...]]:
    lexer.open()
    options: set[ListReturn] = set()
    wanted: tuple[StatusItem, ...] = ()
    if lexer.skip(b")"):
        return frozenset(), ()
    while True:
        word = lexer.word()
        if word == b"STATUS":
            lexer.space()
            wanted = _status_items(lexer)
        elif option := _RETURN.get(word):
            options.add(option)
        else:
            raise SyntaxFault("there is no such return option of LIST")
        if lexer.close():
            return frozenset(options), wanted
