"""Identity/get, /changes and /set (RFC 8621 §6).

What an owner has not written down yet is one identity for each of the account's addresses; it is
written when it is asked for first, so that it has an id for good.
"""

from typing import Any

from mailserver.mail.records import RecordsChange, Value
from mailserver.model.address import Address
from mailserver.model.errors import PeerFault
from mailserver.model.record import RecordKind
from webui.jmap import records
from webui.jmap.context import Context
from webui.jmap.errors import MethodError, SetError
from webui.jmap.getting import Get
from webui.jmap.methods.submission_capability import SUBMISSION
from webui.jmap.records import Changes, RecordType
from webui.jmap.registry import Method, Module, Properties
from webui.jmap.setting import Set, wrong

NAME_CHARACTERS = 500
SIGNATURE_CHARACTERS = 100 * 1024
_TEXTS = ("name", "textSignature", "htmlSignature")
_PROPERTIES = ("name", "email", "replyTo", "bcc", "textSignature", "htmlSignature", "mayDelete")


async def _checked(context: Context, given: Value, old: Value | None) -> Value:
    for name in given:
        if name not in _PROPERTIES:
            raise wrong(name, "there is no such property")
    value = {**_DEFAULTS, **given}
    if value.pop("mayDelete") is not True:
        raise wrong("mayDelete", "the server sets this")
    _check_texts(value)
    for name in ("replyTo", "bcc"):
        _check_addresses(name, value[name])
    _check_email(context, value.get("email"), old)
    return value


def _check_texts(value: Value) -> None:
    for name in _TEXTS:
        if not isinstance(value[name], str):
            raise wrong(name, "this is a text")
        if len(value[name]) > (NAME_CHARACTERS if name == "name" else SIGNATURE_CHARACTERS):
            raise wrong(name, "this is too long")


def _check_email(context: Context, email: Any, old: Value | None) -> None:
    if old is not None and email != old["email"]:
        raise wrong("email", "an identity keeps its address; make another")
    if not isinstance(email, str) or not email:
        raise wrong("email", "an identity has an address")
    try:
        mine = context.account.submitter.owns(Address.parse(email))
    except PeerFault:
        raise wrong("email", "this is not a mail address") from None
    if not mine:
        raise SetError("forbiddenFrom", "this address is not yours")


def _check_addresses(name: str, listed: Any) -> None:
    if listed is None:
        return
    if not isinstance(listed, list):
        raise wrong(name, "this is a list of addresses")
    for each in listed:
        if not isinstance(each, dict) or not isinstance(each.get("email"), str):
            raise wrong(name, "each has an email")
        if not isinstance(each.get("name"), str | None) or not each.keys() <= {"name", "email"}:
            raise wrong(name, "each has a name and an email")
        try:
            Address.parse(each["email"])
        except PeerFault:
            raise wrong(name, "this is not a mail address") from None


_DEFAULTS: Value = {
    "name": "",
    "replyTo": None,
    "bcc": None,
    "textSignature": "",
    "htmlSignature": "",
    "mayDelete": True,
}
IDENTITY = RecordType(RecordKind.IDENTITY, "I", _DEFAULTS, _checked, _PROPERTIES)


async def _begin(context: Context) -> None:
    """Write down an identity for each address, where there never was one."""
    state = await context.account.records.state(RecordKind.IDENTITY)
    if state.modseq == 0:
        first = [{**_DEFAULTS, "email": address} for address in context.account.addresses]
        for value in first:
            del value["mayDelete"]
        await context.account.records.write(
            RecordKind.IDENTITY, RecordsChange(create=first), expected=state.modseq
        )


async def _get(context: Context, arguments: Get) -> Properties:
    await _begin(context)
    return await records.get(context, arguments, IDENTITY)


async def _changes(context: Context, arguments: Changes) -> Properties:
    return await records.changes(context, arguments, IDENTITY)


async def _set(context: Context, arguments: Set) -> Properties:
    if context.by_password:
        raise MethodError("forbidden", "identities are changed in the webmail")
    await _begin(context)
    return await records.set_(context, arguments, IDENTITY)


MODULE = Module(
    SUBMISSION,
    (
        Method("Identity/get", Get, _get),
        Method("Identity/changes", Changes, _changes),
        Method("Identity/set", Set, _set),
    ),
    types=("Identity",),
)
