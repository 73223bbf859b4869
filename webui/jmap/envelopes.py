"""The envelope of a submission: as a client gives it, or as the header says (RFC 8621 §7).

Parameters are those of SMTP, with the same meaning and the same limits (RFC 3461, 4865, 8689).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from mailserver.model.address import Address
from mailserver.model.envelope import Asked, Onward
from mailserver.model.errors import PeerFault
from mailserver.protocol.mime.addresses import addresses
from mailserver.protocol.mime.headers import Field, unfold
from mailserver.protocol.smtp.parameters import (
    MailExtras,
    Offers,
    rcpt_extras,
    release_at,
)
from webui.jmap.errors import SetError
from webui.jmap.setting import wrong

RECIPIENTS = 1_000
_IGNORED = frozenset({"SIZE", "BODY", "SMTPUTF8"})  # the server finds out for itself
_TO = (b"to", b"cc", b"bcc")

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Addressed:
    """Who sends, to whom, and what they asked."""

    sender: Address
    asked: Asked
    json: Json
    """As it is kept and shown."""


def given(value: Any, now: datetime, hold: timedelta | None) -> Addressed:
    """Read an Envelope object; `hold` is for how long mail may be held back at most.

    Raises:
        SetError: invalidProperties, noRecipients, tooManyRecipients, invalidRecipients.
    """
    if not isinstance(value, dict) or not value.keys() <= {"mailFrom", "rcptTo"}:
        raise wrong("envelope", "an envelope has mailFrom and rcptTo")
    offers = Offers(dsn=True, require_tls=True, hold=hold)
    sender, said = _sender(value.get("mailFrom"), offers)
    listed = value.get("rcptTo")
    if not isinstance(listed, list):
        raise wrong("envelope/rcptTo", "this is a list")
    onward = _recipients(listed, offers)
    try:
        held = release_at(said.hold, now, hold)
    except PeerFault as error:
        raise wrong("envelope/mailFrom", error.text) from None
    utf8 = not all(str(each.address).isascii() for each in onward) or not str(sender).isascii()
    asked = Asked(said.ret, said.envid, said.require_tls, utf8, held, onward)
    return Addressed(sender, asked, value)


def of_header(fields: list[Field], fallback: str) -> Json:
    """Return the Envelope object that a message's header stands for; `fallback` is a sender."""
    senders = _in(fields, (b"sender",)) or _in(fields, (b"from",))
    sender = senders[0] if len(senders) == 1 else fallback
    recipients = list(dict.fromkeys(_in(fields, _TO)))
    return {
        "mailFrom": {"email": sender, "parameters": None},
        "rcptTo": [{"email": each, "parameters": None} for each in recipients],
    }


def _in(fields: list[Field], names: tuple[bytes, ...]) -> list[str]:
    found = []
    for name, value, _ in fields:
        if name in names:
            for each in addresses(unfold(value)):
                if each.local is not None and each.domain:
                    local = each.local.decode("utf-8", "replace")
                    found.append(f"{local}@{each.domain.decode('utf-8', 'replace')}")
    return found


def _sender(value: Any, offers: Offers) -> tuple[Address, MailExtras]:
    email, parameters = _address("envelope/mailFrom", value)
    extras = MailExtras()
    try:
        for keyword, each in parameters.items():
            if keyword not in _IGNORED:
                extras.take(keyword, each, offers)
        return Address.parse(email), extras
    except PeerFault as error:
        raise wrong("envelope/mailFrom", error.text) from None


def _recipients(listed: list[Any], offers: Offers) -> tuple[Onward, ...]:
    if not listed:
        raise SetError("noRecipients")
    if len(listed) > RECIPIENTS:
        raise SetError("tooManyRecipients", maxRecipients=RECIPIENTS)
    found: dict[str, Onward] = {}
    refused = []
    for each in listed:
        email, parameters = _address("envelope/rcptTo", each)
        try:
            address = Address.parse(email)
            notify, orcpt = rcpt_extras(parameters, offers)
        except PeerFault:
            refused.append(email)
            continue
        found.setdefault(address.key, Onward(address, notify, orcpt))
    if refused:
        raise SetError("invalidRecipients", invalidRecipients=refused)
    return tuple(found.values())


def _address(where: str, value: Any) -> tuple[str, dict[str, str]]:
    if not isinstance(value, dict) or not isinstance(value.get("email"), str):
        raise wrong(where, "an address has an email")
    told = value.get("parameters")
    if told is not None and not isinstance(told, Mapping):
        raise wrong(where, "parameters are an object")
    parameters = {}
    for keyword, each in (told or {}).items():
        if each is not None and not isinstance(each, str):
            raise wrong(where, "a parameter is a text or null")
        parameters[keyword.upper()] = each or ""
    return value["email"], parameters
