"""Emails to be set: made, imported, changed, destroyed, for every method that does so.

Email/set, Email/import and what a submission does to its draft share this (RFC 8621 §4.6, §4.8,
§7.5).
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from mailserver.mail.arranging import NewEmail, Order
from mailserver.mail.state import Cursor
from mailserver.model.email import Email
from mailserver.model.errors import Condition, MailError
from mailserver.model.sealed import Plaintext
from webui.jmap import blobs, ids
from webui.jmap.context import Context
from webui.jmap.email_create import message_of
from webui.jmap.email_patch import mailboxes_of, marks_of, order_of
from webui.jmap.errors import SetError
from webui.jmap.header_forms import instant
from webui.jmap.registry import Properties
from webui.jmap.setting import Outcomes, Set, begin, refusal, wrong


async def state_of(context: Context) -> str:
    """Return the state of Emails."""
    return str(await context.account.emails.state())


async def set_emails(context: Context, arguments: Set) -> Properties:
    """Answer an Email/set."""
    before = await state_of(context)
    begin(arguments, await named_state(context, arguments.if_in_state, before))
    outcomes = Outcomes()
    for creation, given in (arguments.create or {}).items():
        try:
            email = await _created(context, given)
        except (SetError, MailError) as error:
            outcomes.not_created[creation] = refused(error)
            continue
        outcomes.created[creation] = shown(email)
        context.created_ids[creation] = ids.of_email(email.id)
    await _change(context, arguments, outcomes)
    return outcomes.response(context, before, await state_of(context))


async def named_state(context: Context, named: str | None, state: str) -> str:
    """Return the state that a client named where no email changed since, else `state`.

    The counter behind it is shared by all that an account has.
    """
    at = None if named is None else Cursor.parse(named)
    if named is None or at is None or named == state:
        return state
    answer = await context.account.email_changes.emails(at, None)
    unchanged = answer is not None and not answer.changed.numbers() and not answer.more
    return named if unchanged else state


async def store(context: Context, octets: Plaintext, given: Mapping[str, Any]) -> Email:
    """Store a message where `mailboxIds`, `keywords` and `receivedAt` of `given` say.

    Raises:
        SetError: invalidProperties, tooManyKeywords, tooLarge.
        MailError: as `Arranging.create`.
    """
    mailboxes = mailboxes_of(given.get("mailboxIds"), context.real_id)
    most = context.services.settings.limits.message_octets
    if len(octets) > most:
        raise SetError("tooLarge", maxSize=most)
    return await context.account.arranging.create(
        NewEmail(octets, mailboxes, marks_of(given.get("keywords")), _received(given))
    )


def shown(email: Email) -> Properties:
    """Return what the client of a new email must be told."""
    return {
        "id": ids.of_email(email.id),
        "blobId": blobs.of_email(email.id),
        "threadId": ids.of_thread(email.thread_id),
        "size": email.size_octets,
    }


def refused(error: MailError | SetError) -> SetError:
    """Return what is said of an email that `error` kept from being stored or changed."""
    if isinstance(error, MailError):
        if error.condition is Condition.NO_SUCH_MAILBOX:
            return wrong("mailboxIds", error.text)
        if error.condition is Condition.BAD_SYNTAX:
            return wrong("mailboxIds", error.text)
        if error.condition is Condition.LIMIT:
            return SetError("tooManyKeywords", error.text)
    return refusal(error)


async def _created(context: Context, given: Mapping[str, Any]) -> Email:
    mailboxes_of(given.get("mailboxIds"), context.real_id)  # before anything is composed
    marks_of(given.get("keywords"))
    _received(given)

    async def blob(blob_id: str) -> Plaintext:
        return await blobs.octets_of(context, blob_id)

    domain = context.account.address.rpartition("@")[2]
    return await store(context, await message_of(given, blob, domain=domain), given)


async def _change(context: Context, arguments: Set, outcomes: Outcomes) -> None:
    """Carry out updates and destructions, each email whole or not at all."""
    destroyed = [(name, _real(context, name)) for name in dict.fromkeys(arguments.destroy or [])]
    doomed = {real for _, real in destroyed}
    named: list[str] = []
    orders: list[Order] = []
    for name, patch in (arguments.update or {}).items():
        try:
            order = _order(context, name, patch, doomed)
            if any(each.email_id == order.email_id for each in orders):
                raise SetError("invalidPatch", "this email is set twice")
        except SetError as error:
            outcomes.not_updated[name] = error
            continue
        named.append(name)
        orders.append(order)
    await _carry_out(context, named, orders, outcomes)
    named, orders = [], []
    for name, real in destroyed:
        number = ids.email(real)
        if number is None or any(order.email_id == number for order in orders):
            outcomes.not_destroyed[name] = SetError("notFound")
            continue
        named.append(name)
        orders.append(Order(number, destroy=True))
    await _carry_out(context, named, orders, outcomes)


def _order(context: Context, name: str, patch: Mapping[str, Any], doomed: set[str]) -> Order:
    real = _real(context, name)
    number = ids.email(real)
    if number is None:
        raise SetError("notFound")
    if real in doomed:
        raise SetError("willDestroy")
    return order_of(number, patch, context.real_id)


async def _carry_out(
    context: Context, named: Sequence[str], orders: Sequence[Order], outcomes: Outcomes
) -> None:
    if not orders:
        return
    done = await context.account.arranging.change(orders)
    for name, order, error in zip(named, orders, done, strict=True):
        if order.destroy and error is None:
            outcomes.destroyed.append(name)
        elif order.destroy and error is not None:
            outcomes.not_destroyed[name] = refused(error)
        elif error is None:
            outcomes.updated[name] = None
        else:
            outcomes.not_updated[name] = refused(error)


def _real(context: Context, name: str) -> str:
    try:
        return context.real_id(name)
    except SetError:
        return ""  # nobody's id: it is not found


def _received(given: Mapping[str, Any]) -> datetime | None:
    value = given.get("receivedAt")
    if value is None:
        return None
    try:
        return instant(value).astimezone(UTC)
    except (ValueError, OverflowError):
        raise wrong("receivedAt", "this is not a date") from None
