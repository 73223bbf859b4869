"""EmailSubmission/set: mail is sent, and taken back while it waits (RFC 8621 §7.5).

The rules are those of SMTP submission: the addresses are the sender's own, Bcc goes, nothing tells
where somebody sat. What has to wait (HOLDFOR, HOLDUNTIL) is queued whole and can be undone.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from mailserver.mail.incoming import Incoming
from mailserver.mail.records import RecordsChange, Value
from mailserver.mail.submission import Posting
from mailserver.model.email import Email
from mailserver.model.errors import Absent, Condition, MailError
from mailserver.model.ids import QueueId
from mailserver.model.record import RecordId, RecordKind
from mailserver.model.sealed import Plaintext
from mailserver.protocol.smtp.trace import received_from_user
from webui.jmap import envelopes, ids
from webui.jmap.context import Context
from webui.jmap.envelopes import Addressed
from webui.jmap.errors import SetError, set_error
from webui.jmap.message_header import header_of
from webui.jmap.methods.identity import IDENTITY
from webui.jmap.setting import Outcomes, wrong

_TAKEN = frozenset({"identityId", "emailId", "envelope", "undoStatus"})
_SERVERS = frozenset({"id", "threadId", "sendAt", "deliveryStatus", "dsnBlobIds", "mdnBlobIds"})


@dataclass(slots=True)
class Sent:
    """What a /set did, for what is to follow it."""

    outcomes: Outcomes = field(default_factory=Outcomes)
    emails: dict[str, str] = field(default_factory=dict)
    """The Email of each submission that was set, by its id and by `#` and its creation id."""
    canceled: list[str] = field(default_factory=list)


def longest_hold(context: Context) -> timedelta | None:
    """Return for how long mail may be held back; None: this server sends nothing on."""
    settings = context.services.settings
    if not settings.relays or not settings.queue.hold_seconds:
        return None
    return timedelta(seconds=settings.queue.hold_seconds)


def may_submit(context: Context) -> bool:
    """Say whether the credential covers sending (PRIVACY §3)."""
    scopes = context.account.scopes
    return scopes is None or "smtp" in scopes


async def create(context: Context, given: Mapping[str, Any]) -> tuple[RecordId, Value]:
    """Submit an email; return what is kept of it.

    Raises:
        SetError: what RFC 8621 §7.5 names.
    """
    if not may_submit(context):
        raise SetError("forbiddenToSend", "this app password is not for sending")
    for name in given:
        if name not in _TAKEN:
            raise wrong(name, "the server sets this" if name in _SERVERS else "there is none such")
    if given.get("undoStatus", "pending") not in ("pending", "final"):
        raise wrong("undoStatus", "what is sent is pending or final")
    identity = await _identity(context, given)
    email, octets = await _email(context, given)
    now = context.services.clock.now()
    most = context.services.settings.limits.message_octets
    if len(octets) > most:
        raise SetError("tooLarge", maxSize=most)
    envelope = given.get("envelope")
    if envelope is None:
        fields = header_of(octets.reveal())
        envelope = envelopes.of_header(fields, identity["email"])
    addressed = envelopes.given(envelope, now, longest_hold(context))
    if not context.account.submitter.owns(addressed.sender):
        raise SetError("forbiddenMailFrom", "this address is not yours")
    posting = await _post(context, addressed, octets, now)
    held = addressed.asked.hold_until
    waits = held is not None and bool(posting.queued)
    value: Value = {
        "identityId": context.real_id(given["identityId"]),
        "emailId": ids.of_email(email.id),
        "threadId": ids.of_thread(email.thread_id),
        "envelope": addressed.json,
        "sendAt": _utc(held or now),
        "undoStatus": "pending" if waits else "final",
        "queued": [each.hex() for each in posting.queued],
        "here": _here(addressed, posting),
    }
    (number,) = await context.account.records.write(
        RecordKind.SUBMISSION, RecordsChange(create=[value])
    )
    return number, value


async def cancel(context: Context, value: Value) -> Value:
    """Take a submission back. Raises SetError (cannotUnsend, forbidden)."""
    if not may_submit(context):
        raise SetError("forbidden", "this app password is not for sending")
    queued = [QueueId(bytes.fromhex(each)) for each in value["queued"]]
    try:
        undone = value["undoStatus"] == "pending" and await context.services.outgoing.undo(
            context.account.account_id, queued[0]
        )
    except Absent:
        undone = False
    if not undone:
        raise SetError("cannotUnsend", "it is on its way")
    return {**value, "undoStatus": "canceled", "queued": []}


async def _identity(context: Context, given: Mapping[str, Any]) -> Value:
    name = given.get("identityId")
    number = IDENTITY.number(context.real_id(name)) if isinstance(name, str) else None
    _, identities = await context.account.records.all(RecordKind.IDENTITY)
    if number is None or number not in identities:
        raise wrong("identityId", "there is no such identity")
    return identities[number]


async def _email(context: Context, given: Mapping[str, Any]) -> tuple[Email, Plaintext]:
    name = given.get("emailId")
    number = ids.email(context.real_id(name)) if isinstance(name, str) else None
    if number is not None:
        async for email in context.account.emails.get([number], content=True):
            if email.octets is not None:
                return email, email.octets
    raise wrong("emailId", "there is no such email")


async def _post(
    context: Context, addressed: Addressed, octets: Plaintext, now: datetime
) -> Posting:
    submission = context.services.submission
    recipients, refused = [], []
    for each in addressed.asked.recipients:
        try:
            recipients.append(await submission.recipient(each.address))
        except MailError:
            refused.append(str(each.address))
    if refused:
        raise SetError("invalidRecipients", invalidRecipients=refused)
    received = received_from_user("HTTPS", token=secrets.token_hex(8), at=now)
    message = Incoming(octets, addressed.sender, received, asked=addressed.asked)
    try:
        posting = await submission.post(context.account.submitter, message, recipients)
    except MailError as error:
        raise _refused(error, len(recipients)) from None
    failed = [outcome for outcome in posting.outcomes if outcome is not None]
    if len(failed) == len(recipients):
        raise SetError("forbiddenToSend", failed[0].text)
    return posting


def _refused(error: MailError, recipients: int) -> SetError:
    match error.condition:
        case Condition.SENDER_NOT_YOURS:
            return SetError("forbiddenFrom", error.text)
        case Condition.BAD_MESSAGE:
            return SetError("invalidEmail", error.text, properties=["from"])
        case Condition.TOO_MANY:
            return SetError("tooManyRecipients", error.text, maxRecipients=max(recipients - 1, 1))
        case Condition.NOT_PERMITTED:
            return SetError("forbiddenToSend", error.text)
        case _:
            return set_error(error)


def _here(addressed: Addressed, posting: Posting) -> dict[str, str]:
    """Say what became of those whose copies did not have to wait, by address."""
    said = {}
    for each, outcome in zip(addressed.asked.recipients, posting.outcomes, strict=True):
        said[str(each.address)] = "" if outcome is None else outcome.text
    return said


def _utc(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"
