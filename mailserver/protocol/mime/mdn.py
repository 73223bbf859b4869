"""Notices that a message was shown, or deleted unread: written and read (RFC 8098)."""

from collections.abc import Sequence
from dataclasses import dataclass

from mailserver.protocol.mime import fields
from mailserver.protocol.mime.compose import Outline
from mailserver.protocol.mime.headers import first, header_fields, unfold
from mailserver.protocol.mime.scan import Part, scan
from mailserver.protocol.mime.text import leaves
from mailserver.protocol.mime.transfer import decoded

ACTIONS = frozenset({"manual-action", "automatic-action"})
SENDINGS = frozenset({"mdn-sent-manually", "mdn-sent-automatically"})
TYPES = frozenset({"deleted", "dispatched", "displayed", "processed"})


@dataclass(frozen=True, slots=True)
class Notification:
    """What a notice says, in the words of RFC 8098 §3.2."""

    final_recipient: str
    action: str
    sending: str
    type: str
    original_message_id: str | None = None
    original_recipient: str | None = None
    reporting_ua: str | None = None
    gateway: str | None = None
    errors: Sequence[str] = ()
    text: str = ""
    """The first part, for people."""


def outline(notice: Notification, returned: bytes | None = None) -> Outline:
    """Return the body of a notice; `returned` is the message it is about, or its header.

    Raises:
        PeerFault: BAD_MESSAGE, a value has a line end.
    """
    lines = []
    for name, value in (
        ("Reporting-UA", notice.reporting_ua),
        ("MDN-Gateway", notice.gateway),
        ("Original-Recipient", _typed(notice.original_recipient)),
        ("Final-Recipient", _typed(notice.final_recipient)),
        ("Original-Message-ID", notice.original_message_id),
        ("Disposition", f"{notice.action}/{notice.sending}; {notice.type}"),
        *(("Error", error) for error in notice.errors),
    ):
        if value:
            lines.append(fields.raw(name, value))
    parts = [
        Outline("text/plain", notice.text.encode(), charset="utf-8"),
        Outline("message/disposition-notification", b"".join(lines)),
    ]
    if returned is not None:
        parts.append(Outline("message/rfc822", returned))
    report = (("report-type", "disposition-notification"),)
    return Outline("multipart/report", parts=parts, parameters=report)


def parse(message: bytes) -> Notification | None:
    """Read a notice; None where the message is none."""
    root = scan(message)
    found = next((leaf for leaf in leaves(root) if _is_notice(leaf)), None)
    if found is None:
        return None
    told = header_fields(decoded(found, message))
    modes, _, kind = _text(first(told, b"disposition")).partition(";")
    action, _, sending = modes.strip().lower().partition("/")
    recipient = _text(first(told, b"final-recipient"))
    if not recipient or not kind:
        return None
    shown = next((leaf for leaf in leaves(root) if leaf.type == b"text"), None)
    text = "" if shown is None else decoded(shown, message).decode("utf-8", "replace")
    return Notification(
        final_recipient=recipient,
        action=action.strip(),
        sending=sending.strip(),
        type=kind.split("/")[0].strip().lower(),
        original_message_id=_text(first(told, b"original-message-id")) or None,
        original_recipient=_text(first(told, b"original-recipient")) or None,
        reporting_ua=_text(first(told, b"reporting-ua")) or None,
        gateway=_text(first(told, b"mdn-gateway")) or None,
        errors=tuple(_text(value) for name, value, _ in told if name == b"error"),
        text=text,
    )


def _is_notice(part: Part) -> bool:
    return (part.type, part.subtype) == (b"message", b"disposition-notification")


def _typed(address: str | None) -> str | None:
    if not address or ";" in address:
        return address
    return f"rfc822; {address}"


def _text(value: bytes | None) -> str:
    return "" if value is None else unfold(value).decode("utf-8", "replace").strip()
