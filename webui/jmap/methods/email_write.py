"""Email/set, Email/import and Email/copy (RFC 8621 §4.6 to §4.8)."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from mailserver.model.errors import Absent, MailError
from mailserver.protocol.mime.headers import Field, first, sent_date, unfold
from webui.jmap import blobs, email_set, ids
from webui.jmap.context import Context
from webui.jmap.copying import Copy, copy
from webui.jmap.errors import SetError
from webui.jmap.message_header import header_of
from webui.jmap.methods.mail_capability import MAIL
from webui.jmap.registry import Method, Module, OfAccount, Properties
from webui.jmap.setting import Outcomes, Set, begin, wrong

_IMPORTED = frozenset({"blobId", "mailboxIds", "keywords", "receivedAt"})


class Import(OfAccount):
    """The arguments of Email/import."""

    emails: dict[str, dict[str, Any]]
    if_in_state: str | None = None


async def _set(context: Context, arguments: Set) -> Properties:
    return await email_set.set_emails(context, arguments)


async def _import(context: Context, arguments: Import) -> Properties:
    before = await email_set.state_of(context)
    named = await email_set.named_state(context, arguments.if_in_state, before)
    begin(Set(account_id="", if_in_state=arguments.if_in_state, create=arguments.emails), named)
    outcomes = Outcomes()
    for creation, given in arguments.emails.items():
        try:
            email = await _imported(context, given)
        except (SetError, MailError) as error:
            outcomes.not_created[creation] = email_set.refused(error)
            continue
        outcomes.created[creation] = email_set.shown(email)
        context.created_ids[creation] = ids.of_email(email.id)
    whole = outcomes.response(context, before, await email_set.state_of(context))
    names = ("accountId", "oldState", "newState", "created", "notCreated")
    return {name: whole[name] for name in names}


async def _imported(context: Context, given: dict[str, Any]) -> Any:
    for name in given:
        if name not in _IMPORTED:
            raise wrong(name, "there is no such property")
    blob_id = given.get("blobId")
    if not isinstance(blob_id, str):
        raise wrong("blobId", "an import has a blob")
    try:
        octets = await blobs.octets_of(context, blob_id)
    except Absent:
        raise wrong("blobId", "there is no such blob") from None
    fields = header_of(octets.reveal())
    if not fields:
        raise SetError("invalidEmail", "this is not a message")
    came_at = _came_at(fields)
    if came_at is not None and came_at < context.services.clock.now():
        given = {"receivedAt": f"{came_at:%Y-%m-%dT%H:%M:%SZ}", **given}
    return await email_set.store(context, octets, given)


def _came_at(fields: Sequence[Field]) -> datetime | None:
    """Return when the last server on the way took a message, as its header says."""
    stamp = first(fields, b"received")
    read = None if stamp is None else sent_date(unfold(stamp).rpartition(b";")[2])
    if read is None or read[0] < 0:  # nobody received mail before 1970
        return None
    try:
        return datetime.fromtimestamp(read[0], UTC)
    except (ValueError, OverflowError):
        return None  # after the last year there is


MODULE = Module(
    MAIL,
    (
        Method("Email/set", Set, _set),
        Method("Email/import", Import, _import),
        Method("Email/copy", Copy, copy),
    ),
)
