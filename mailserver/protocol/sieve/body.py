"""`body`: what the message says, as it stands or decoded (RFC 5173)."""

from collections.abc import Iterator
from itertools import islice

from mailserver.protocol.mime.charsets import decode, guess
from mailserver.protocol.mime.headers import parameter
from mailserver.protocol.mime.scan import Part
from mailserver.protocol.mime.text import leaves, plain_text
from mailserver.protocol.mime.transfer import transfer_decoded
from mailserver.protocol.sieve.compiler import Scope
from mailserver.protocol.sieve.forms import MATCH, Call, Form, Kind, Option, TestForm
from mailserver.protocol.sieve.matching import matcher
from mailserver.protocol.sieve.message import Message
from mailserver.protocol.sieve.run import Check, Run

_PARTS = 1_000


def _body(call: Call, scope: Scope) -> Check:
    keys, types = call.texts(0), call.texts("content")
    # RFC 5173 §6: its wildcards set no match variables.
    match = matcher(call, scope, keys, captures=False)
    raw, content = call.has("raw"), call.has("content")

    def body(run: Run) -> bool:
        wanted = [one(run).lower() for one in types]
        transform = ("content", *wanted) if content else ("raw" if raw else "text",)
        return match.any(run, _read(run, transform))

    return body


def _read(run: Run, transform: tuple[str, ...]) -> list[str]:
    """Return what a transform makes of the body; it is made once in a run."""
    known = run.message.read.get(transform)
    if known is not None:
        return known
    if not run.message.is_scanned:
        run.spend(run.message.size_octets // 256)
    how, *types = transform
    match how:
        case "raw":
            values = [_raw(run)]
        case "content":
            values = list(_content(run, types))
        case _:
            values = list(_texts(run))
    run.spend(sum(map(len, values)) // 16)
    run.message.read[transform] = values
    return values


def _raw(run: Run) -> str:
    """Return the body as it stands, cut to what one test may look at."""
    message = run.message
    start = message.root.body_start
    return guess(message.octets[start : start + run.limits.body_octets])


def _texts(run: Run) -> Iterator[str]:
    """Yield what the text parts read like (RFC 5173 §5.3)."""
    room = run.limits.body_octets
    for part in islice(leaves(run.message.root), _PARTS):
        if part.type == b"text" and room > 0:
            text = _decoded(run.message, part, room)
            room -= part.body_octets
            yield plain_text(text) if part.subtype == b"html" else text


def _content(run: Run, types: list[str]) -> Iterator[str]:
    """Yield the parts of the given types, each decoded (RFC 5173 §5.2)."""
    room = run.limits.body_octets
    for part in islice(_every(run.message.root), _PARTS):
        kind = f"{part.type.decode('latin-1')}/{part.subtype.decode('latin-1')}"
        if room <= 0 or not any(_is_type(kind, wanted) for wanted in types):
            continue
        if part.children:
            text = _around(run.message, part, room)
        elif part.message is not None:
            text = guess(run.message.octets[part.message.header_start : part.message.header_end])
        else:
            text = _decoded(run.message, part, room)
        room -= len(text)
        yield text


def _is_type(kind: str, wanted: str) -> bool:
    """Match `type`, `type/subtype`, or nothing, which is everything; two slashes match nothing."""
    if not wanted:
        return True
    if "/" not in wanted:
        return kind.partition("/")[0] == wanted
    return kind == wanted


def _every(root: Part) -> Iterator[Part]:
    """Walk over all parts, multiparts and embedded messages among them."""
    waiting = [root]
    while waiting:
        part = waiting.pop()
        yield part
        waiting.extend(reversed(part.children))
        if part.message is not None:
            waiting.append(part.message)


def _around(message: Message, part: Part, room: int) -> str:
    """Return a multipart's prologue and epilogue (RFC 5173 §5.2)."""
    first, last = part.children[0], part.children[-1]
    before = message.octets[part.body_start : min(first.header_start, part.body_start + room)]
    after = message.octets[last.body_end : min(part.body_end, last.body_end + room)]
    return guess(before + after)


def _decoded(message: Message, part: Part, room: int) -> str:
    octets = message.octets[part.body_start : min(part.body_end, part.body_start + room)]
    octets = transfer_decoded(octets, part.encoding)
    if part.type == b"text":
        return decode(octets, parameter(part.params, b"charset"))
    return guess(octets)


TESTS: dict[str, TestForm] = {
    "body": (
        Form(
            needs=("body",),
            options={
                **MATCH,
                "raw": Option(group="body transform"),
                "content": Option(Kind.STRINGS, group="body transform"),
                "text": Option(group="body transform"),
            },
            arguments=(Kind.STRINGS,),
        ),
        _body,
    )
}
