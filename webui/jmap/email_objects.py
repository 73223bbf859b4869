"""Email objects: domain → JSON, each from as little of the message as it takes (RFC 8621 §4.1).

Lists are made of the catalogue and the summary; only what shows bodies opens the message.
"""

from collections.abc import Callable, Sequence
from time import gmtime
from typing import Any

import msgspec

from mailserver.model.email import Email
from mailserver.model.message import Flag, Keywords
from mailserver.protocol.mime.headers import Field, header_fields
from mailserver.protocol.mime.scan import scan
from mailserver.protocol.mime.summary import KEPT, Summary
from webui.jmap import bodies, ids
from webui.jmap.errors import invalid
from webui.jmap.header_forms import CONVENIENT
from webui.jmap.header_reading import Asked, asked, headers, value
from webui.jmap.registry import OfAccount, Properties

METADATA = ("id", "blobId", "threadId", "mailboxIds", "keywords", "size", "receivedAt")
LISTED = ("hasAttachment", "preview")
BODIES = ("bodyStructure", "bodyValues", "textBody", "htmlBody", "attachments")
DEFAULT = (*METADATA, *CONVENIENT, *LISTED, *BODIES[1:])
DAMAGED = "This message is damaged, and nothing of it can be shown. Its id is {}."
"""What stands in place of a message whose seal does not hold."""
_FLAGS = ((Flag.SEEN, "$seen"), (Flag.ANSWERED, "$answered"), (Flag.FLAGGED, "$flagged"),
          (Flag.DRAFT, "$draft"))  # fmt: skip
_WORDS = [[word for flag, word in _FLAGS if bits & flag] for bits in range(32)]
"""The keywords of every combination of system flags."""


class Bodily(OfAccount):
    """The arguments that say how much of bodies is given (RFC 8621 §4.2, §4.9)."""

    properties: list[str] | None = None
    body_properties: list[str] | None = None
    fetch_text_body_values: bool = False
    fetch_html_body_values: bool = msgspec.field(default=False, name="fetchHTMLBodyValues")
    fetch_all_body_values: bool = False
    max_body_value_bytes: int = 0


class Plan:
    """Which properties to give, and what has to be opened for them."""

    def __init__(self, arguments: Bodily, default: Sequence[str] = DEFAULT) -> None:
        """Read what a client asks for.

        Raises:
            MethodError: invalidArguments: a property is unknown, or a number below 0.
        """
        if arguments.max_body_value_bytes < 0:
            raise invalid("maxBodyValueBytes is not below 0")
        names = default if arguments.properties is None else ("id", *arguments.properties)
        self.names = list(dict.fromkeys(names))
        own = (*METADATA, *LISTED, *BODIES, "headers", "isDamaged")
        self.headers: dict[str, Asked] = {
            name: asked(name) for name in self.names if name not in own
        }
        self.fields = tuple({what.field for what in self.headers.values()})
        self.bodies = [name for name in self.names if name in BODIES]
        given = arguments.body_properties
        self.part = bodies.check(bodies.DEFAULT if given is None else given)
        self.arguments = arguments
        kept = all(field in KEPT for field in self.fields)
        self.content = bool(self.bodies) or "headers" in self.names or not kept
        listed = bool(self.headers) or not set(LISTED).isdisjoint(self.names)
        self.summary = listed and not (self.content and set(LISTED).isdisjoint(self.names))


def utc(microseconds: int) -> str:
    """Write an instant as a UTCDate, to the second."""
    year, month, day, hour, minute, second, *_ = gmtime(microseconds // 1_000_000)
    return f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"


def keywords(flags: Flag, names: Keywords) -> dict[str, bool]:
    """Write flags and keywords as JMAP does (RFC 8621 §4.1.1)."""
    shown = dict.fromkeys(_WORDS[flags.value], True)
    if names:
        shown |= {name.lower(): True for name in sorted(names)}
    return shown


_KNOWN: dict[str, Callable[[Email], Any]] = {
    "id": lambda email: ids.of_email(email.id),
    "threadId": lambda email: ids.of_thread(email.thread_id),
    "mailboxIds": lambda email: {ids.of_mailbox(each): True for each in sorted(email.mailboxes)},
    "keywords": lambda email: keywords(email.flags, email.keywords),
    "size": lambda email: email.size_octets,
    "receivedAt": lambda email: utc(email.received_us),
    "isDamaged": lambda email: email.damaged,
}
"""What the catalogue says of an email; and, of our own, whether what was asked for did not open."""


def summary_of(email: Email) -> Summary | None:
    """Return an email's summary, where it was opened."""
    return None if email.summary is None else Summary(email.summary.reveal())


def kept_fields(plan: Plan, summary: Summary | None) -> Sequence[Field] | None:
    """Return the header fields asked for out of the summary; None: the message is needed."""
    if plan.content or not plan.fields or summary is None:
        return ()
    header = summary.header_fields(plan.fields)
    return None if header is None else header_fields(header)


def shown(
    plan: Plan,
    email: Email,
    blob_id: str,
    summary: Summary | None,
    fields: Sequence[Field] | None = None,
) -> Properties:
    """Return the object that was asked for; `fields` are the summary's.

    One that is damaged keeps no other from its reader: what does not open is null, and its text
    says so.
    """
    notice = DAMAGED.format(ids.of_email(email.id))
    if email.octets is not None:
        read = content(plan, email.octets.reveal(), blob_id)
    elif plan.content and email.damaged:
        read = content(plan, f"\r\n{notice}\r\n".encode(), blob_id)  # it has no header
    else:
        read = {}
    found: Properties = {}
    for name in plan.names:
        known = _KNOWN.get(name)
        if known is not None:
            found[name] = known(email)
        elif name == "blobId":
            found[name] = blob_id
        elif name in read:
            found[name] = read[name]
        elif name in plan.headers:
            found[name] = value(fields or (), plan.headers[name])
        elif name == "hasAttachment":
            found[name] = summary is not None and summary.has_attachment
        else:
            found[name] = notice if summary is None else summary.preview
    return found


def content(plan: Plan, octets: bytes, blob_id: str) -> Properties:
    """Return what has to be read out of the message itself: headers and bodies."""
    root = scan(octets)
    found: Properties = {name: value(root.fields, what) for name, what in plan.headers.items()}
    if "headers" in plan.names:
        found["headers"] = headers(root.fields)
    if not plan.bodies:
        return found
    tree = bodies.tree(root)
    sorted_parts = bodies.bodies(tree)
    if "bodyStructure" in plan.bodies:
        found["bodyStructure"] = bodies.part_object(tree, octets, blob_id, plan.part, deep=True)
    for name, parts in (
        ("textBody", sorted_parts.text),
        ("htmlBody", sorted_parts.html),
        ("attachments", sorted_parts.attachments),
    ):
        if name in plan.bodies:
            found[name] = [bodies.part_object(each, octets, blob_id, plan.part) for each in parts]
    if "bodyValues" in plan.bodies:
        found["bodyValues"] = _values(plan, tree, sorted_parts, octets)
    return found


def _values(plan: Plan, tree: bodies.Node, parts: bodies.Bodies, octets: bytes) -> dict[str, Any]:
    wanted: dict[str, bodies.Node] = {}
    if plan.arguments.fetch_text_body_values:
        wanted |= {node.path: node for node in parts.text}
    if plan.arguments.fetch_html_body_values:
        wanted |= {node.path: node for node in parts.html}
    if plan.arguments.fetch_all_body_values:
        wanted |= {node.path: node for node in bodies.leaves(tree)}
    most = plan.arguments.max_body_value_bytes
    return {
        path: bodies.body_value(node, octets, most)
        for path, node in wanted.items()
        if node.part.type == b"text"
    }
