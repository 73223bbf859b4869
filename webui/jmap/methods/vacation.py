"""VacationResponse/get and /set: the one answer of an account (RFC 8621 §8)."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from mailserver.mail.vacation import Vacation
from mailserver.model.errors import MailError
from webui.jmap.context import Context
from webui.jmap.errors import MethodError, SetError
from webui.jmap.getting import Get, chosen, wanted
from webui.jmap.header_forms import instant
from webui.jmap.registry import Capability, Method, Module, Properties
from webui.jmap.setting import Outcomes, Set, begin, patched, refusal, wrong

ID = "singleton"
_PROPERTIES = ("id", "isEnabled", "fromDate", "toDate", "subject", "textBody", "htmlBody")


def _shown(vacation: Vacation) -> Properties:
    return {
        "id": ID,
        "isEnabled": vacation.enabled,
        "fromDate": _date(vacation.begins_at),
        "toDate": _date(vacation.ends_at),
        "subject": vacation.subject,
        "textBody": vacation.text or None,
        "htmlBody": vacation.html or None,
    }


def _date(at: datetime | None) -> str | None:
    return None if at is None else f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _state(shown: Properties) -> str:
    return hashlib.sha256(msgspec.json.encode(shown)).hexdigest()[:16]


async def _get(context: Context, arguments: Get) -> Properties:
    names = chosen(arguments.properties, _PROPERTIES)
    shown = _shown(await context.services.rules_of(context.account).vacations.vacation())
    asked = wanted([ID] if arguments.ids is None else arguments.ids)
    return {
        "accountId": context.account_id,
        "state": _state(shown),
        "list": [{name: shown[name] for name in names} for each in asked if each == ID],
        "notFound": [each for each in asked if each != ID],
    }


async def _set(context: Context, arguments: Set) -> Properties:
    if context.by_password:
        raise MethodError("forbidden", "the vacation answer is set in the webmail")
    vacations = context.services.rules_of(context.account).vacations
    before = await vacations.vacation()
    old_state = _state(_shown(before))
    begin(arguments, old_state)
    outcomes = Outcomes()
    for creation in arguments.create or {}:
        outcomes.not_created[creation] = SetError("singleton")
    for name in arguments.destroy or []:
        outcomes.not_destroyed[name] = SetError("singleton")
    for name, patch in (arguments.update or {}).items():
        try:
            if name != ID:
                raise SetError("notFound")
            await vacations.set_vacation(_vacation(patched(_shown(before), patch), before))
            outcomes.updated[name] = None
        except (SetError, MailError) as error:
            outcomes.not_updated[name] = refusal(error)
    now = _state(_shown(await vacations.vacation()))
    return outcomes.response(context, old_state, now)


def _vacation(value: Mapping[str, Any], before: Vacation) -> Vacation:
    for name in value:
        if name not in _PROPERTIES:
            raise wrong(name, "there is no such property")
    if value.get("id") != ID:
        raise wrong("id", "this never changes")
    enabled = value.get("isEnabled", False)
    if not isinstance(enabled, bool):
        raise wrong("isEnabled", "this is true or false")
    for name in ("subject", "textBody", "htmlBody"):
        if not isinstance(value.get(name), str | None):
            raise wrong(name, "this is a text or null")
    return Vacation(
        enabled=enabled,
        begins_at=_instant(value, "fromDate"),
        ends_at=_instant(value, "toDate"),
        subject=value.get("subject"),
        text=value.get("textBody") or "",
        html=value.get("htmlBody") or "",
        days=before.days,
    )


def _instant(value: Mapping[str, Any], name: str) -> datetime | None:
    if value.get(name) is None:
        return None
    try:
        return instant(value[name])
    except ValueError:
        raise wrong(name, "this is not a date") from None


MODULE = Module(
    Capability("urn:ietf:params:jmap:vacationresponse"),
    (Method("VacationResponse/get", Get, _get), Method("VacationResponse/set", Set, _set)),
    types=("VacationResponse",),
)
