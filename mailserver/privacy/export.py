"""What a person gets beside his mail, when he asks for all that is held of him.

    contacts.vcf      contacts, for other address books
    contacts.json     the same, whole
    settings.json     addresses, identities, preferences, absence, forwarding, app passwords' names,
                      which apps are woken by which push service, whether custodians can open it
    rules/*.sieve     filters
    activity.json     sign-ins, and what the audit log says
    consents.json     what was consented to, and what was not
    processing.json   what for, how long, and which rights there are

Everything in them was opened by his own unlocked session, or is guarded for him; nothing of another
account is read. Secrets are left out: whoever finds an export must not sign in with it.
Source: GDPR Art. 13, 15, 20.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mailserver.accounts.app_passwords import AppPassword
from mailserver.accounts.escrow_wraps import State, Status
from mailserver.accounts.history import Entry as SignIn
from mailserver.audit.entry import decode
from mailserver.audit.subjects import Subject
from mailserver.mail.account import Account
from mailserver.mail.push_desk import PushSubscription
from mailserver.mail.rules import Rules
from mailserver.model.address import Address
from mailserver.model.errors import Corrupt
from mailserver.model.record import RecordKind
from mailserver.model.sealed import Plaintext
from mailserver.protocol.vcard.encode import encode
from mailserver.store.audit import AuditLog

AUDIT_ROWS = 500  # read at once
AUDIT_MOST = 100_000  # of an account, in a year
SCHEMA = 1

Documents = dict[str, Plaintext]
"""Files of an export by their path, `/` between its parts."""


@dataclass(frozen=True, slots=True, repr=False)
class Person:
    """What services know of the owner of an account, when he asks."""

    language: str
    forwards: Sequence[Address]
    app_passwords: Sequence[AppPassword]
    sign_ins: Sequence[SignIn]
    pushes: Sequence[PushSubscription]
    escrow: Status
    consents: Sequence[dict[str, Any]]
    """As `ConsentViews` tell them."""


async def documents(
    account: Account,
    rules: Rules,
    person: Person,
    log: AuditLog,
    information: dict[str, Any],
) -> Documents:
    """Return the documents of an export of an open account; `information` becomes one as it is.

    Raises:
        Corrupt: a setting was altered.
        Locked: the account was closed meanwhile.
    """
    _, cards = await account.records.all(RecordKind.CARD)
    _, books = await account.records.all(RecordKind.ADDRESS_BOOK)
    found: Documents = {
        "contacts.vcf": Plaintext(b"".join(map(encode, cards.values()))),
        "contacts.json": _json({"addressBooks": _listed(books), "cards": list(cards.values())}),
        "settings.json": _json(await _settings(account, rules, person)),
        "activity.json": _json(
            {"signIns": [_sign_in(one) for one in person.sign_ins], "log": await _log(account, log)}
        ),
        "consents.json": _json(list(person.consents)),
        "processing.json": _json(information),
    }
    for number, script in enumerate(await rules.scripts.listing(), 1):
        found[f"rules/{number:03}.sieve"] = await rules.scripts.get(script.name)
    return found


async def _settings(account: Account, rules: Rules, person: Person) -> dict[str, Any]:
    vacation = await rules.vacations.vacation()
    forwarding = await rules.vacations.forwarding()
    _, identities = await account.records.all(RecordKind.IDENTITY)
    _, preferences = await account.records.all(RecordKind.PREFERENCE)
    scripts = await rules.scripts.listing()
    return {
        "account": account.account_id.hex(),
        "addresses": list(account.addresses),
        "language": person.language,
        "identities": _listed(identities),
        "preferences": _listed(preferences),
        "vacation": {
            "enabled": vacation.enabled,
            "from": _instant(vacation.begins_at),
            "until": _instant(vacation.ends_at),
            "subject": vacation.subject,
            "text": vacation.text,
            "html": vacation.html,
            "days": vacation.days,
        },
        "forwarding": {
            "to": [str(target) for target in forwarding.targets],
            "keepsCopy": forwarding.keeps_copy,
            "approved": [str(target) for target in person.forwards],
        },
        "rules": [
            {"file": f"rules/{number:03}.sieve", "name": one.name, "active": one.active}
            for number, one in enumerate(scripts, 1)
        ],
        "mailboxes": [
            {"name": one.name, "subscribed": one.subscribed, "sortOrder": one.sort_order}
            for one in await account.mailboxes.listing()
        ],
        "appPasswords": [_app_password(one) for one in person.app_passwords],
        "pushSubscriptions": [_push(one) for one in person.pushes],
        "escrow": _escrow(person.escrow),
    }


def _app_password(one: AppPassword) -> dict[str, Any]:
    return {
        "label": one.label,
        "for": sorted(scope.name.lower() for scope in one.scopes),
        "networks": list(one.cidrs),
        "made": _instant(one.made_at),
        "expires": _instant(one.expires_at),
    }


def _escrow(status: Status) -> dict[str, Any]:
    """Say whether custodians of the organisation can open the account."""
    standing = status.standing
    if standing is None:
        return {"on": False}
    return {
        "on": status.state is State.ON,
        "state": status.state.value,
        "policy": standing.policy.policy,
        "reason": standing.policy.reason,
        "since": _instant(standing.policy.since),
        "seen": _instant(status.seen_at),
        "custodians": [
            {"name": one.name, "fingerprint": one.key.fingerprint} for one in standing.custodians
        ],
    }


def _push(one: PushSubscription) -> dict[str, Any]:
    return {
        "device": one.device,
        "service": one.service,
        "types": None if one.types is None else list(one.types),
        "expires": _instant(one.expires_at),
    }


async def _log(account: Account, log: AuditLog) -> list[dict[str, Any]]:
    """Return what the audit log says of an account, newest first; its personal fields opened."""
    subject = Subject(account.account_id, account.guard.audit_key)
    told: list[dict[str, Any]] = []
    before: int | None = None
    while len(told) < AUDIT_MOST:
        rows = await log.of_account(account.account_id, AUDIT_ROWS, before=before)
        for row in rows:
            entry = decode(row.entry)
            told.append(
                {
                    "at": _instant(entry.at),
                    "event": entry.event.value,
                    "by": "you" if entry.actor.startswith("account:") else entry.actor,
                    "facts": dict(entry.facts),
                    "details": _details(subject, entry.personal),
                }
            )
        if len(rows) < AUDIT_ROWS:
            break
        before = rows[-1].number
    return told


def _details(subject: Subject, personal: bytes) -> dict[str, str]:
    try:
        opened = subject.open(personal)
    except Corrupt:  # listed as what it is: the log's own verification says where it was altered
        return {"damaged": "yes"}
    return {name: text.reveal().decode("utf-8", "replace") for name, text in opened.items()}


def _sign_in(one: SignIn) -> dict[str, Any]:
    return {
        "at": _instant(one.at),
        "what": one.what,
        "from": one.peer,
        "with": one.agent,
        "times": one.times,
    }


def _listed(records: dict[Any, dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"id": str(number), **value} for number, value in records.items()]


def _instant(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _json(value: object) -> Plaintext:
    return Plaintext(json.dumps(value, ensure_ascii=False, indent=1).encode())
