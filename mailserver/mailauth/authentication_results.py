"""Our verdicts as a header field, and the removal of fields that only pretend to be ours.

Whoever reads a message behind us believes an Authentication-Results field that carries our name. So
we write one, and before that take out every one that came with the message and could be read as
carrying it: in comments, quotes, any case, with a version, or in a form that cannot be read at all.

Source: RFC 8601; RFC 6008; RFC 8617 §10.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from mailserver.mailauth.arc import Arc
from mailserver.mailauth.dkim import DkimSignature
from mailserver.mailauth.dmarc import Dmarc
from mailserver.mailauth.spf import Spf
from mailserver.mailauth.verdict import Verdict
from mailserver.model.address import canonical_domain
from mailserver.model.errors import PeerFault
from mailserver.protocol.mime.scan import header_only

LINE_OCTETS = 76
_READ_OCTETS = 4096  # of a field, in which the name has to be found
_READ_FIELD_OCTETS = 64 * 1024  # of one that we wrote; eight signatures take four
_TAG_CHARACTERS = 8  # of `b=`, so that a reader tells signatures apart (RFC 6008 §4)

_FIELD = re.compile(rb"authentication-results[ \t\r\n]*+:", re.IGNORECASE)
_FIELD_START = re.compile(rb"(?<=\n)(?![ \t])")
_HEADER_END = re.compile(rb"\n\r?\n")
_SPACE = re.compile(rb"[ \t\r\n]*+")
_COMMENT_MARK = re.compile(rb"\\.|[()]", re.DOTALL)
_NAME = re.compile(rb'"((?:[^"\\]|\\.)*+)"|([^\x00-\x20\x7f()<>@,;:\\"/\[\]?=]++)', re.DOTALL)
_QUOTED_PAIR = re.compile(rb"\\(.)", re.DOTALL)
_RESULT = re.compile(rb'(?:"(?:[^"\\]|\\.)*+"|[^";])++', re.DOTALL)
_PAIR = re.compile(rb'([A-Za-z0-9._-]++)=("(?:[^"\\]|\\.)*+"|[^\s";]++)', re.DOTALL)
_BARE = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`{|}~-]*@?[A-Za-z0-9!#$%&'*+.^_`{|}~-]+\Z")


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one method."""

    method: str
    result: str
    reason: str = ""
    """A few words of our own; nothing that a stranger wrote."""
    comment: str = ""
    """For people; of our own, too."""
    properties: Sequence[tuple[str, str]] = ()
    """What was examined: type and property joined by a dot, and its value; empty ones go."""


def write(verdict: Verdict, authserv_id: str) -> bytes:
    """Write the field for a message, with its CRLF, to be put on top."""
    return write_findings(authserv_id, findings(verdict))


def findings(verdict: Verdict) -> list[Finding]:
    """Say what was found by SPF, DKIM, DMARC and ARC in the words of the registries."""
    found = [_spf(verdict.spf), *map(_dkim, verdict.dkim)]
    if not verdict.dkim:
        found.append(Finding("dkim", "none"))
    return [*found, _dmarc(verdict.dmarc), _arc(verdict.arc)]


def write_findings(authserv_id: str, found: Iterable[Finding]) -> bytes:
    """Write a field of any findings, folded, with its CRLF. Source: RFC 8601 §2.2."""
    lines = [f"Authentication-Results: {authserv_id};"]
    for finding in found:
        words = list(_words(finding))
        words[-1] += ";"
        line = ""
        for word in words:
            if line and len(line) + 1 + len(word) > LINE_OCTETS:
                lines.append(line)
                line = " "  # deeper than the line that names the method
            line = f"{line} {word}" if line.strip() else line + word
        lines.append(line)
    if len(lines) == 1:
        lines.append("none;")
    return "\r\n\t".join(lines).removesuffix(";").encode() + b"\r\n"


def strip(message: bytes, authserv_id: str) -> bytes:
    """Take out the Authentication-Results fields that could pass for ones of `authserv_id`.

    Line ends may be of any kind, for readers differ in what they take for one.

    Source: RFC 8601 §5.
    """
    end = _HEADER_END.search(message)
    header = message[: end.start() + 1] if end else message
    pieces = _FIELD_START.split(header)
    kept = [piece for piece in pieces if not _is_ours(piece, authserv_id)]
    if len(kept) == len(pieces):
        return message
    return b"".join(kept) + message[len(header) :]


def passed_signatures(message: bytes, authserv_id: str) -> frozenset[str]:
    """Return the beginnings of `b=` of the DKIM signatures that we found to hold on arrival.

    The topmost field of ours says so. In mail that came from outside nobody else's can pass for it
    (`strip`); what an owner files himself may hold anything, so where it matters, verify again.
    """
    header = message[: header_only(message).header_end]
    for piece in _FIELD_START.split(header):
        if _FIELD.match(piece) and _is_ours(piece, authserv_id):
            return frozenset(_passed(piece))
    return frozenset()


def _passed(piece: bytes) -> Iterator[str]:
    for result in _RESULT.findall(piece[:_READ_FIELD_OCTETS]):
        pairs = [(name.lower(), value) for name, value in _PAIR.findall(result)]
        if pairs and pairs[0] == (b"dkim", b"pass"):
            said = dict(pairs).get(b"header.b", b"").strip(b'"')
            if said:
                yield said.decode("ascii", "replace")


def _is_ours(piece: bytes, authserv_id: str) -> bool:
    """Say whether a field is an Authentication-Results that may pass for ours."""
    named = _FIELD.match(piece)
    if named is None:
        return False
    said = _authserv_id(piece[named.end() : named.end() + _READ_OCTETS])
    return said is None or _canonical(said) == _canonical(authserv_id)


def _authserv_id(value: bytes) -> str | None:
    """Return the name of whoever says it; None where there is none to be read."""
    at: int | None = 0
    while at is not None:
        at = _SPACE.match(value, at).end()  # type: ignore[union-attr]  # it matches nothing, too
        if value[at : at + 1] != b"(":
            break
        at = _behind_comment(value, at)
    found = None if at is None else _NAME.match(value, at)
    if found is None:
        return None
    octets = found[2] if found[1] is None else _QUOTED_PAIR.sub(rb"\1", found[1])
    try:
        return octets.decode().strip()
    except UnicodeDecodeError:
        return None


def _behind_comment(value: bytes, start: int) -> int | None:
    """Return where the comment at `start` ends, others within it; None where it does not."""
    depth = 0
    for mark in _COMMENT_MARK.finditer(value, start):
        depth += {b"(": 1, b")": -1}.get(mark[0], 0)
        if depth == 0:
            return mark.end()
    return None


def _canonical(name: str) -> str:
    try:
        return canonical_domain(name)
    except PeerFault:
        return name.casefold()


def _words(finding: Finding) -> Iterator[str]:
    yield f"{finding.method}={finding.result}"
    if finding.comment:
        yield f"({finding.comment})"
    if finding.reason:
        yield f"reason={_quoted(finding.reason)}"
    for name, value in finding.properties:
        if value:
            yield f"{name}={value if _BARE.match(value) else _quoted(value)}"


def _quoted(text: str) -> str:
    """Write a quoted string; control characters and line ends are left out of it."""
    printable = "".join(character for character in text if character.isprintable())
    return '"' + re.sub(r'(["\\])', r"\\\1", printable) + '"'


def _spf(spf: Spf) -> Finding:
    kind = "helo" if spf.identity == "helo" else "mailfrom"
    return Finding("spf", spf.result.value, properties=((f"smtp.{kind}", spf.domain),))


def _dkim(signature: DkimSignature) -> Finding:
    comment = f"{signature.key_bits}-bit key" if signature.weak else ""
    return Finding(
        "dkim",
        signature.result.value,
        signature.reason,
        comment,
        (
            ("header.d", signature.domain),
            ("header.i", signature.identity),
            ("header.s", signature.selector),
            ("header.a", signature.algorithm),
            ("header.b", signature.signature[:_TAG_CHARACTERS]),
        ),
    )


def _dmarc(dmarc: Dmarc) -> Finding:
    comment = f"p={dmarc.policy.value}" if dmarc.record is not None else ""
    properties = (("header.from", dmarc.author),)
    return Finding("dmarc", dmarc.result.value, dmarc.reason, comment, properties)


def _arc(arc: Arc) -> Finding:
    comment = f"i={arc.instances}" if arc.instances else ""
    return Finding("arc", arc.result.value, arc.reason, comment)
