"""One whole command to its dataclass (RFC 9051 §9 `command`); a module a family is beside it."""

import binascii
import re
from collections.abc import Callable

from mailserver.model.sealed import Plaintext
from mailserver.protocol.imap import command, numset
from mailserver.protocol.imap import grammar_mailbox as mailboxes
from mailserver.protocol.imap.command import AnyCommand, Numbers
from mailserver.protocol.imap.grammar_fetch import fetch
from mailserver.protocol.imap.grammar_flags import store
from mailserver.protocol.imap.grammar_search import search
from mailserver.protocol.imap.lexer import Lexer, SyntaxFault

_NAME = re.compile(rb"[A-Za-z]+")

Reader = Callable[[Lexer], AnyCommand]


def parse(octets: bytes, at: int) -> AnyCommand:
    """Read the command in `octets`, whose name begins at `at`.

    Literals are in place, the last line ending is off. APPEND with its message literals is not read
    here but by the machine, as they stream.

    Raises:
        CharsetFault: a SEARCH is in a charset that we do not read.
        SyntaxFault: it is not in the grammar.
    """
    match = _NAME.match(octets, at)
    if match is None:
        raise SyntaxFault("expected a command")
    name = match.group().upper()
    lexer = Lexer(octets, match.end())
    if plain := _PLAIN.get(name):
        lexer.end()
        return plain
    readers = _WITH_ARGUMENTS
    if name == b"UID":
        lexer.space()
        name, readers = lexer.word(), _BY_UID
    read = readers.get(name)
    if read is None:
        raise SyntaxFault("there is no such command")
    lexer.space()
    made = read(lexer)
    lexer.end()
    return made


def _id(lexer: Lexer) -> command.Id:
    fields: list[tuple[str, str | None]] = []
    if lexer.peek() != ord("("):
        if lexer.nstring() is not None:
            raise SyntaxFault("expected NIL or a list")
        return command.Id(None)
    lexer.open()
    if lexer.skip(b")"):
        return command.Id(())
    while True:
        name = lexer.string().decode("utf-8", "replace").lower()
        lexer.space()
        value = lexer.nstring()
        fields.append((name, None if value is None else value.decode("utf-8", "replace")))
        if lexer.close():
            return command.Id(tuple(fields))


def _login(lexer: Lexer) -> command.Login:
    username = lexer.text()
    lexer.space()
    return command.Login(username, Plaintext(lexer.astring()))


def _authenticate(lexer: Lexer) -> command.Authenticate:
    mechanism = lexer.atom().upper().decode("ascii")
    if not lexer.more():
        return command.Authenticate(mechanism, None)
    initial = lexer.octets[lexer.at :].rstrip(b" ")
    lexer.at = len(lexer.octets)
    return command.Authenticate(
        mechanism, Plaintext(b"" if initial == b"=" else base64(initial).reveal())
    )


def base64(octets: bytes) -> Plaintext:
    """Decode strict base64.

    Raises:
        SyntaxFault: it is none.
    """
    if len(octets) % 4:  # strict mode forgives "=" that should not be there
        raise SyntaxFault("this is not base64")
    try:
        return Plaintext(binascii.a2b_base64(octets, strict_mode=True))
    except binascii.Error:
        # "from None": a secret must not hang on a traceback.
        raise SyntaxFault("this is not base64") from None


def _enable(lexer: Lexer) -> command.Enable:
    names = []
    while True:
        names.append(lexer.atom().upper().decode("ascii"))
        if not lexer.more():
            return command.Enable(tuple(names))


def _append(lexer: Lexer) -> AnyCommand:
    raise SyntaxFault("APPEND needs a message literal")  # with one, the machine reads it


def _sequence(lexer: Lexer) -> Numbers:
    return numset.SequenceSet(numset.parse(lexer.set_octets()))


def _uids(lexer: Lexer) -> numset.UidSet:
    return numset.UidSet(numset.parse(lexer.set_octets()))


def _on(
    numbers: Callable[[Lexer], Numbers], read: Callable[[Lexer, Numbers], AnyCommand]
) -> Reader:
    return lambda lexer: read(lexer, numbers(lexer))


def _copy(lexer: Lexer, numbers: Numbers) -> command.Copy:
    lexer.space()
    return command.Copy(numbers, mailboxes.mailbox(lexer))


def _move(lexer: Lexer, numbers: Numbers) -> command.Move:
    lexer.space()
    return command.Move(numbers, mailboxes.mailbox(lexer))


_PLAIN: dict[bytes, AnyCommand] = {
    b"CAPABILITY": command.Capability(),
    b"NOOP": command.Noop(),
    b"LOGOUT": command.Logout(),
    b"STARTTLS": command.StartTls(),
    b"NAMESPACE": command.Namespace(),
    b"GETJMAPACCESS": command.GetJmapAccess(),
    b"IDLE": command.Idle(),
    b"CHECK": command.Check(),
    b"CLOSE": command.Close(),
    b"UNSELECT": command.Unselect(),
    b"EXPUNGE": command.Expunge(),
}
_WITH_ARGUMENTS: dict[bytes, Reader] = {
    b"ID": _id,
    b"LOGIN": _login,
    b"AUTHENTICATE": _authenticate,
    b"ENABLE": _enable,
    b"SELECT": mailboxes.select,
    b"EXAMINE": mailboxes.examine,
    b"CREATE": mailboxes.create,
    b"DELETE": lambda lexer: command.Delete(mailboxes.mailbox(lexer)),
    b"RENAME": mailboxes.rename,
    b"SUBSCRIBE": lambda lexer: command.Subscribe(mailboxes.mailbox(lexer)),
    b"UNSUBSCRIBE": lambda lexer: command.Unsubscribe(mailboxes.mailbox(lexer)),
    b"APPEND": _append,
    b"LIST": mailboxes.list_,
    b"LSUB": mailboxes.lsub,
    b"STATUS": mailboxes.status,
    b"SEARCH": lambda lexer: search(lexer, by_uid=False),
    b"FETCH": _on(_sequence, fetch),
    b"STORE": _on(_sequence, store),
    b"COPY": _on(_sequence, _copy),
    b"MOVE": _on(_sequence, _move),
}
_BY_UID: dict[bytes, Reader] = {
    b"EXPUNGE": lambda lexer: command.Expunge(_uids(lexer)),
    b"SEARCH": lambda lexer: search(lexer, by_uid=True),
    b"FETCH": _on(_uids, fetch),
    b"STORE": _on(_uids, store),
    b"COPY": _on(_uids, _copy),
    b"MOVE": _on(_uids, _move),
}
