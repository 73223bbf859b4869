"""Reports of others read: what became of a message of ours, as their fields for programs say.

Anybody can write one, so that nothing in it is believed by itself; whoever acts on it compares the
envelope id or the returned message's id with what was sent.
"""

from dataclasses import dataclass, field

from mailserver.protocol.mime.dsn_text import Action
from mailserver.protocol.mime.headers import (
    Field,
    first,
    header_fields,
    message_ids,
    parameter,
    unfold,
)
from mailserver.protocol.mime.scan import Part, scan
from mailserver.protocol.mime.text import leaves
from mailserver.protocol.mime.transfer import decoded
from mailserver.protocol.smtp.xtext import decode_unitext

RECIPIENTS = 1_000  # of one report; the rest is left out
_STATUS_TYPES = frozenset({b"delivery-status", b"global-delivery-status"})
_HEADER_TYPES = frozenset({b"rfc822-headers", b"global-headers"})
_ACTIONS = {action.value: action for action in Action}


@dataclass(frozen=True, slots=True)
class ReportedRecipient:
    """One recipient, as a report names him."""

    recipient: str
    """Final-Recipient, without its type; empty where there was none."""
    original: str
    """Original-Recipient likewise: whom we sent it to, where it was sent on."""
    action: Action
    status: str
    diagnostic: str


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """A report that was read."""

    reporter: str
    """Reporting-MTA, without its type."""
    envid: str
    message_id: bytes | None
    """Message-ID of the message it is about, with its angle brackets."""
    recipients: list[ReportedRecipient] = field(default_factory=list)


def parse(message: bytes) -> DeliveryReport | None:
    """Read a report; None where `message` is none. Never raises.

    Source: RFC 3464 §2, RFC 6522 §3, RFC 6533 §3.
    """
    root = scan(message)
    wanted = parameter(root.params, b"report-type")
    if (root.type, root.subtype) != (b"multipart", b"report") or (
        wanted is None or wanted.lower() != b"delivery-status"
    ):
        return None
    status = next((part for part in root.children if _is_status(part)), None)
    if status is None:
        return None
    blocks = _blocks(decoded(status, message))
    if not blocks:
        return None
    about = blocks[0]
    report = DeliveryReport(
        reporter=_untyped(first(about, b"reporting-mta")),
        envid=_text(first(about, b"original-envelope-id")),
        message_id=_returned_id(root, message),
    )
    for block in blocks[1 : RECIPIENTS + 1]:
        action = _ACTIONS.get(_text(first(block, b"action")).lower())
        if action is None:
            continue  # RFC 3464 §2.3.3: the field is required, and these are all there are
        report.recipients.append(
            ReportedRecipient(
                recipient=_address(first(block, b"final-recipient")),
                original=_address(first(block, b"original-recipient")),
                action=action,
                status=_text(first(block, b"status")).split(" ")[0],
                diagnostic=_untyped(first(block, b"diagnostic-code")),
            )
        )
    return report


def _is_status(part: Part) -> bool:
    return part.type == b"message" and part.subtype in _STATUS_TYPES


def _blocks(octets: bytes) -> list[list[Field]]:
    """Cut the fields into blocks at empty lines: the message's first, then the recipients'."""
    blocks: list[list[Field]] = []
    for piece in octets.replace(b"\r\n", b"\n").split(b"\n\n"):
        fields = header_fields(piece.strip(b"\n") + b"\n")
        if fields:
            blocks.append(fields)
    return blocks


def _returned_id(root: Part, message: bytes) -> bytes | None:
    """Find the Message-ID of the message or header that came back."""
    for part in leaves(root):
        if part.message is not None:
            fields = part.message.fields
        elif part.subtype in _HEADER_TYPES or part.type == b"message":
            fields = header_fields(decoded(part, message))
        else:
            continue
        if _is_status(part):
            continue
        found = message_ids(first(fields, b"message-id") or b"")
        if found:
            return found[0]
    return None


def _text(value: bytes | None) -> str:
    return "" if value is None else unfold(value).decode("utf-8", "replace").strip()


def _untyped(value: bytes | None) -> str:
    kind, semicolon, rest = _text(value).partition(";")
    return rest.strip() if semicolon else kind.strip()


def _address(value: bytes | None) -> str:
    kind, semicolon, rest = _text(value).partition(";")
    address = rest.strip() if semicolon else kind.strip()
    if kind.strip().lower() == "utf-8":
        try:
            return decode_unitext(address)
        except ValueError:
            return address
    return address
