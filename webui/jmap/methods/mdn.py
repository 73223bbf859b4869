"""MDN/send and MDN/parse (RFC 9007): asked for by its reader, never sent by itself.

A notice goes to the one address that asked for it (RFC 8098 §2.1), from the null sender, and once:
the keyword $mdnsent says that it went.
"""

import secrets
from typing import Any

from mailserver.mail.incoming import Incoming
from mailserver.model.address import Address
from mailserver.model.errors import Absent, MailError, PeerFault
from mailserver.model.record import RecordKind
from mailserver.model.sealed import Plaintext
from mailserver.protocol.mime import fields, mdn
from mailserver.protocol.mime.addresses import addresses
from mailserver.protocol.mime.compose import compose
from mailserver.protocol.mime.headers import first, unfold
from mailserver.protocol.smtp.trace import date_time, received_from_user
from webui.jmap import blobs, email_set, ids
from webui.jmap.context import Context
from webui.jmap.errors import MethodError, SetError, invalid
from webui.jmap.getting import wanted
from webui.jmap.message_header import header_of
from webui.jmap.methods.identity import IDENTITY
from webui.jmap.registry import Capability, Method, Module, OfAccount, Properties
from webui.jmap.setting import Set, refusal, wrong
from webui.jmap.submitting import may_submit

SENT = "$mdnsent"
_TAKEN = frozenset(
    {"forEmailId", "subject", "textBody", "includeOriginalMessage", "reportingUA", "disposition"}
    | {"finalRecipient"}
)


class Send(OfAccount):
    """The arguments of MDN/send."""

    identity_id: str
    send: dict[str, dict[str, Any]]
    on_success_update_email: dict[str, dict[str, Any]] | None = None


class Parse(OfAccount):
    """The arguments of MDN/parse."""

    blob_ids: list[str]


async def _send(context: Context, arguments: Send) -> Properties:
    if not may_submit(context):
        raise MethodError("forbidden", "this app password is not for sending")
    number = IDENTITY.number(arguments.identity_id)
    _, identities = await context.account.records.all(RecordKind.IDENTITY)
    if number is None or number not in identities:
        raise invalid("there is no such identity")
    sent: dict[str, Properties] = {}
    failed: dict[str, Properties] = {}
    about: dict[str, str] = {}
    for creation, given in arguments.send.items():
        try:
            about[f"#{creation}"] = await _notify(context, identities[number], given)
        except (SetError, MailError) as error:
            failed[creation] = refusal(error).members
            continue
        sent[creation] = {"finalRecipient": f"rfc822; {identities[number]['email']}"}
    update = {
        about[name]: patch
        for name, patch in (arguments.on_success_update_email or {}).items()
        if name in about
    }
    for email_id in about.values():
        update.setdefault(email_id, {f"keywords/{SENT}": True})
    if update:
        implied = Set(account_id=context.account_id, update=update)
        context.also.append(("Email/set", await email_set.set_emails(context, implied)))
    return {"accountId": context.account_id, "sent": sent or None, "notSent": failed or None}


async def _notify(context: Context, identity: Properties, given: dict[str, Any]) -> str:
    """Send one notice; return the id of the email it is about."""
    for name in given:
        if name not in _TAKEN:
            raise wrong(name, "the server sets this")
    disposition = _disposition(given.get("disposition"))
    email_id = given.get("forEmailId")
    number = ids.email(email_id) if isinstance(email_id, str) else None
    if number is None:
        raise wrong("forEmailId", "there is no such email")
    async for email in context.account.emails.get([number], content=True):
        if SENT in {word.casefold() for word in email.keywords}:
            raise SetError("mdnAlreadySent")
        if email.octets is None:
            break
        await _post(context, identity, given, disposition, email.octets.reveal())
        return ids.of_email(number)
    raise wrong("forEmailId", "there is no such email")


async def _post(
    context: Context,
    identity: Properties,
    given: dict[str, Any],
    disposition: dict[str, str],
    original: bytes,
) -> None:
    header = header_of(original)
    asked = [
        f"{(each.local or b'').decode('utf-8', 'replace')}@{each.domain.decode('utf-8', 'replace')}"
        for each in addresses(unfold(first(header, b"disposition-notification-to") or b""))
        if each.domain
    ]
    if len(asked) != 1:  # RFC 8098 §2.1: several, or nobody, are not answered
        raise SetError("forbidden", "this message asks for no notice")
    subject, text = given.get("subject"), given.get("textBody")
    notice = mdn.Notification(
        final_recipient=identity["email"],
        action=disposition["actionMode"],
        sending=disposition["sendingMode"],
        type=disposition["type"],
        original_message_id=unfold(first(header, b"message-id") or b"").decode("ascii", "replace"),
        text=text if isinstance(text, str) else "This message was shown.\n",
    )
    try:
        recipient = Address.parse(asked[0])
        lines = [
            fields.addresses("From", [fields.Named(identity["name"], identity["email"])]),
            fields.addresses("To", [fields.Named("", asked[0])]),
            fields.text("Subject", subject if isinstance(subject, str) else "Read"),
            fields.raw("Date", date_time(context.services.clock.now())),
            fields.raw("Auto-Submitted", "auto-replied"),
        ]
        whole = original if given.get("includeOriginalMessage") is True else None
        message = compose(lines, mdn.outline(notice, whole))
    except PeerFault as error:
        raise SetError("invalidProperties", error.text) from None
    submission = context.services.submission
    now = context.services.clock.now()
    received = received_from_user("HTTPS", token=secrets.token_hex(8), at=now)
    incoming = Incoming(Plaintext(message), None, received)
    found = await submission.recipient(recipient)
    (outcome,) = await submission.submit(context.account.submitter, incoming, [found])
    if outcome is not None:
        raise outcome


def _disposition(value: Any) -> dict[str, str]:
    said = value if isinstance(value, dict) else {}
    modes = {"actionMode": mdn.ACTIONS, "sendingMode": mdn.SENDINGS, "type": mdn.TYPES}
    if said.keys() != modes.keys() or any(said[name] not in modes[name] for name in modes):
        raise wrong("disposition", "it has an actionMode, a sendingMode and a type")
    if said["sendingMode"] == "mdn-sent-automatically":
        raise SetError("forbidden", "notices are sent by people here")
    return said


async def _parse(context: Context, arguments: Parse) -> Properties:
    parsed: dict[str, Properties] = {}
    not_parsable, not_found = list[str](), list[str]()
    for blob_id in wanted(arguments.blob_ids):
        try:
            octets = (await blobs.octets_of(context, blob_id)).reveal()
        except Absent:
            not_found.append(blob_id)
            continue
        notice = mdn.parse(octets)
        if notice is None:
            not_parsable.append(blob_id)
        else:
            parsed[blob_id] = _shown(notice, octets)
    return {
        "accountId": context.account_id,
        "parsed": parsed or None,
        "notParsable": not_parsable or None,
        "notFound": not_found or None,
    }


def _shown(notice: mdn.Notification, octets: bytes) -> Properties:
    subject = first(header_of(octets), b"subject")
    return {
        "forEmailId": None,
        "subject": None if subject is None else unfold(subject).decode("utf-8", "replace").strip(),
        "textBody": notice.text,
        "includeOriginalMessage": False,
        "reportingUA": notice.reporting_ua,
        "disposition": {
            "actionMode": notice.action,
            "sendingMode": notice.sending,
            "type": notice.type,
        },
        "mdnGateway": notice.gateway,
        "originalRecipient": notice.original_recipient,
        "finalRecipient": notice.final_recipient,
        "originalMessageId": notice.original_message_id,
        "error": list(notice.errors) or None,
        "extensionFields": None,
    }


MODULE = Module(
    Capability("urn:ietf:params:jmap:mdn"),
    (Method("MDN/send", Send, _send), Method("MDN/parse", Parse, _parse)),
)
