"""What a message reads like: the text that search looks through, and a preview.

Decoded but not normalised: the index folds case and forms. Runs of white space are one space, so
that a phrase is found across line ends and quoted-printable folds; whoever searches must do the
same to what is searched for.

HTML is read by regular expressions that cannot backtrack. They need not be a parser: nothing is
rendered from here, and a stray attribute in the index does no harm.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html.entities import html5

from mailserver.protocol.mime.charsets import decode
from mailserver.protocol.mime.headers import Field, parameter, parameter_text, text_of
from mailserver.protocol.mime.scan import Part, scan
from mailserver.protocol.mime.transfer import transfer_decoded

TEXT_OCTETS = 1024 * 1024  # of body text kept of one message, as UTF-8
SOURCE_OCTETS = 4 * 1024 * 1024  # of text parts read for it: markup and encodings take room
PREVIEW_CHARACTERS = 256

_FIELDS = (b"from", b"to", b"cc", b"bcc", b"subject")
UNINDEXED = frozenset(
    b"dkim-signature domainkey-signature x-google-dkim-signature arc-seal arc-message-signature "
    b"x-gm-message-state x-google-smtp-source autocrypt autocrypt-gossip face x-face "
    b"x-microsoft-antispam-message-info x-ms-exchange-antispam-messagedata-0".split()
)
"""Signatures and keys: nobody looks for words in them, so only the names of the fields are kept."""

_HIDDEN = re.compile(
    r"<(?:!--[^-]*+(?:-(?!->)[^-]*+)*+(?:-->)?"
    r"|[sS][cC][rR][iI][pP][tT]\b[^<]*+(?:<(?!/[sS][cC][rR][iI][pP][tT])[^<]*+)*+"
    r"|[sS][tT][yY][lL][eE]\b[^<]*+(?:<(?!/[sS][tT][yY][lL][eE])[^<]*+)*+)"
)
_INLINE = re.compile(
    r"</?(?:[aAbBiIqQsSuU]|[eE][mM]|[tT][tT]|[sS](?:pan|PAN|trong|TRONG|mall|MALL|u[bp]|U[BP])"
    r"|[fF](?:ont|ONT)|[cC](?:ode|ite|ODE|ITE)|[mM]ark|[wW][bB][rR]|abbr|del|ins)"
    r"(?=[\s/>])[^<>\"']*+(?:\"[^\"]*+\"[^<>\"']*+)*+>"
)
_TAG = re.compile(r"<[a-zA-Z/!?](?:[^>\"']++|\"[^\"]*+\"|'[^']*+')*+>?")
_ENTITY = re.compile(r"&(?:#([0-9]{1,12})|#[xX]([0-9a-fA-F]{1,6})|([A-Za-z][A-Za-z0-9]{1,31}));?")


@dataclass(frozen=True, slots=True, repr=False)  # no mail in a log or a traceback
class SearchText:
    """The decoded texts of one message, by where a search may look for them.

    `headers` has every other field as a line `name: value`, the name in lower case. `body` has the
    text parts, attached texts and messages too, and the names of attachments, a line each.
    """

    from_: str
    to: str
    cc: str
    bcc: str
    subject: str
    headers: str
    body: str


def search_text(root: Part, message: bytes) -> SearchText:
    """Read what search looks through out of a scanned message."""
    return texts(root, message)[0]


def texts(root: Part, message: bytes) -> tuple[SearchText, str]:
    """Read (what search looks through, the preview) out of a scanned message."""
    named: dict[bytes, list[bytes]] = {name: [] for name in _FIELDS}
    others: list[bytes] = []
    for name, value, _ in root.fields:
        words = b" ".join(value.split())
        if name in named:
            named[name].append(words)
        elif name in UNINDEXED:
            others.append(name + b":")
        else:
            others.append(b"%b: %b" % (name, words))
    reader = _Reader()
    reader.read(root, message)
    from_, to, cc, bcc, subject = ("\n".join(map(text_of, named[name])) for name in _FIELDS)
    lines = b"\n".join(others)
    headers = text_of(lines) if lines.isascii() else "\n".join(map(text_of, others))
    return SearchText(from_, to, cc, bcc, subject, headers, reader.body()), reader.preview


def leaves(root: Part) -> Iterator[Part]:
    """Walk over the parts that are no multiparts, in order; a message before what it embeds."""
    waiting = [root]
    while waiting:
        part = waiting.pop()
        if part.children:
            waiting.extend(reversed(part.children))
            continue
        yield part
        if part.message is not None:
            waiting.append(part.message)


def file_name(part: Part) -> str | None:
    """Return the name a part gives itself, decoded: `filename`, else `name` (older mail)."""
    name = parameter_text(part.disposition_params, b"filename")
    if not name:
        name = parameter_text(part.params, b"name")
    return " ".join(name.split()) if name else None


def plain_text(source: str) -> str:
    """Return what HTML reads like: no tags, styles or scripts, entities decoded, single spaces."""
    if "<" in source:
        if "<!--" in source or "<s" in source or "<S" in source:
            source = _HIDDEN.sub("", source)
        source = _TAG.sub(" ", _INLINE.sub("", source))
    if "&" in source:
        source = _ENTITY.sub(_entity, source)
    return " ".join(source.split())


def _entity(found: re.Match[str]) -> str:
    decimal, hexadecimal, name = found.groups()
    if name is not None:
        return html5.get(name + ";") or found.group()
    number = int(decimal) if decimal else int(hexadecimal, 16)
    if 0x80 <= number < 0xA0:
        return bytes([number]).decode("cp1252", "replace")
    if not number or 0xD800 <= number < 0xE000 or number > 0x10FFFF:
        return "\ufffd"
    return chr(number)


class _Reader:
    """Gathers text from parts until a message's share of the index is full."""

    __slots__ = ("lines", "preview", "room")

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.preview = ""
        self.room = SOURCE_OCTETS

    def body(self) -> str:
        text = "\n".join(self.lines)
        if len(text) * 4 > TEXT_OCTETS:
            text = text.encode()[:TEXT_OCTETS].decode("utf-8", "ignore")
        return text

    def read(self, root: Part, message: bytes, *, outermost: bool = True) -> None:
        for part in leaves(root):
            if part.params or part.disposition_params:
                name = file_name(part)
                if name:
                    self.lines.append(name)
            if part.message is not None:
                self.header(part.message.fields)
            elif part.type == b"text":
                self.text(part, message)
            elif part.type == b"message" and part.subtype in (b"rfc822", b"global") and outermost:
                inner = self.content(part, message)
                embedded = scan(inner)
                self.header(embedded.fields)
                self.read(embedded, inner, outermost=False)

    def header(self, fields: list[Field]) -> None:
        """Add the header of an embedded message: IMAP counts it as body (RFC 9051 §6.4.4)."""
        for name, value, _ in fields:
            if name in _FIELDS:
                self.lines.append(text_of(b" ".join(value.split())))

    def content(self, part: Part, message: bytes) -> bytes:
        end = min(part.body_end, part.body_start + self.room)
        octets = message[part.body_start : end]
        self.room -= len(octets)
        return transfer_decoded(octets, part.encoding)

    def text(self, part: Part, message: bytes) -> None:
        text = decode(self.content(part, message), parameter(part.params, b"charset"))
        text = plain_text(text) if part.subtype == b"html" else " ".join(text.split())
        if text:
            self.lines.append(text)
            if not self.preview and part.disposition != b"attachment":
                self.preview = text[:PREVIEW_CHARACTERS]
