"""Vacation and forwarding for people without a script: two settings, run as generated Sieve.

They are guarded, for they work while their owner is away (PRIVACY §3). What they mean is a script
like any other, run behind the active one, so that there is one way in which mail is decided upon:
mail that the script refused or dropped is neither sent on nor answered, and a script's own vacation
comes before this one.
"""

import json
from base64 import encodebytes
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mailserver.audit.chain import Chain
from mailserver.audit.entry import Event, account_actor
from mailserver.model.address import Address
from mailserver.model.errors import Condition, Corrupt, PeerFault
from mailserver.model.ids import AccountId, ObjectId, new_object_id
from mailserver.model.sealed import Guarded, Plaintext
from mailserver.store.sieve import Setting, SettingRow
from mailserver.store.store import Store
from mailserver.vault.guard import AccountGuard, Kind

TEXT_OCTETS = 16 * 1024
SUBJECT_CHARACTERS = 200
TARGETS = 3
DAYS = 7
DAYS_MOST = 365
_BOUNDARY = "=_zegel_vacation"


@dataclass(frozen=True, slots=True, repr=False)
class Vacation:
    """What whoever writes is told meanwhile (RFC 8621 §8)."""

    enabled: bool = False
    begins_at: datetime | None = None
    """Aware; from now on, where None."""
    ends_at: datetime | None = None
    """Aware; until it is switched off, where None."""
    subject: str | None = None
    text: str = ""
    html: str = ""
    days: int = DAYS
    """How long the same sender gets no second answer."""


@dataclass(frozen=True, slots=True, repr=False)
class Forwarding:
    """Where mail is sent on to. Each target must be approved besides, or it is not (PRIVACY §3)."""

    targets: tuple[Address, ...] = ()
    keeps_copy: bool = True


@dataclass(frozen=True, slots=True, repr=False)
class Failure:
    """The last time a filter failed; its message was kept."""

    at: datetime
    text: Plaintext


class Vacations:
    """The settings of one account."""

    def __init__(
        self, store: Store, account_id: AccountId, guard: AccountGuard, chain: Chain
    ) -> None:
        """Keep them in `store` under `guard`; changes are told to `chain`."""
        self._store = store
        self._account_id = account_id
        self._guard = guard
        self._chain = chain

    async def vacation(self) -> Vacation:
        """Return the vacation setting."""
        row = await self._store.sieve.setting(self._account_id, Setting.VACATION)
        return Vacation() if row is None else read_vacation(self._guard, row)

    async def set_vacation(self, vacation: Vacation) -> None:
        """Make it the setting.

        Raises:
            PeerFault: BAD_SYNTAX, it ends before it begins, or is too long, or says nothing.
            Transient: it is not set.
        """
        _check(vacation)
        await self._set(Setting.VACATION, _vacation_fields(vacation))

    async def forwarding(self) -> Forwarding:
        """Return the forwarding setting."""
        row = await self._store.sieve.setting(self._account_id, Setting.FORWARDING)
        return Forwarding() if row is None else read_forwarding(self._guard, row)

    async def set_forwarding(self, forwarding: Forwarding) -> None:
        """Make it the setting. The caller has approved its targets, with a fresh second factor.

        Raises:
            PeerFault: TOO_MANY targets.
            Transient: it is not set.
        """
        if len(forwarding.targets) > TARGETS:
            raise PeerFault(Condition.TOO_MANY, f"mail is sent on to {TARGETS} addresses at most")
        fields = {
            "targets": [str(target) for target in forwarding.targets],
            "keeps_copy": forwarding.keeps_copy,
        }
        await self._set(Setting.FORWARDING, fields)

    async def failure(self) -> Failure | None:
        """Return when and why a filter failed last; None where none did since it was cleared."""
        row = await self._store.sieve.setting(self._account_id, Setting.FAILURE)
        if row is None:
            return None
        fields = _opened(self._guard, row)
        return Failure(datetime.fromisoformat(fields["at"]), Plaintext(fields["text"].encode()))

    async def clear_failure(self) -> None:
        """Forget the last failure: its owner has seen it."""
        await self._store.sieve.set(self._account_id, Setting.FAILURE, None)

    async def _set(self, setting: Setting, fields: dict[str, Any]) -> None:
        await self._chain.record(
            Event.RULE_CHANGED,
            actor=account_actor(self._account_id),
            account_id=self._account_id,
            facts={"rule": setting.name.lower()},
        )
        value = sealed_setting(self._guard, setting, fields)
        await self._store.sieve.set(self._account_id, setting, value)


def sealed_setting(
    guard: AccountGuard, setting: Setting, fields: dict[str, Any]
) -> tuple[ObjectId, Guarded]:
    """Guard a setting's fields; it opens as nothing else."""
    object_id = new_object_id()
    octets = json.dumps({**fields, "setting": setting.name}, sort_keys=True).encode()
    return object_id, guard.seal(Kind.VACATION, object_id, octets)


def read_vacation(guard: AccountGuard, row: SettingRow) -> Vacation:
    """Open a vacation setting. Raises Corrupt."""
    fields = _opened(guard, row)
    return Vacation(
        enabled=fields["enabled"],
        begins_at=_instant(fields["begins_at"]),
        ends_at=_instant(fields["ends_at"]),
        subject=fields["subject"],
        text=fields["text"],
        html=fields["html"],
        days=fields["days"],
    )


def read_forwarding(guard: AccountGuard, row: SettingRow) -> Forwarding:
    """Open a forwarding setting. Raises Corrupt."""
    fields = _opened(guard, row)
    targets = tuple(Address.parse(target) for target in fields["targets"])
    return Forwarding(targets, fields["keeps_copy"])


def as_sieve(vacation: Vacation, forwarding: Forwarding) -> str:
    """Write the settings as a script; empty where they say nothing."""
    lines = []
    if vacation.enabled:
        lines.append(_vacation_line(vacation))
    copy = ":copy " if forwarding.keeps_copy else ""
    lines += [f"redirect {copy}{quoted(str(target))};" for target in forwarding.targets]
    if not lines:
        return ""
    return 'require ["copy", "date", "relational", "vacation"];\r\n' + "\r\n".join(lines) + "\r\n"


def quoted(text: str) -> str:
    """Write a string of Sieve (RFC 5228 §2.4.2)."""
    return '"' + text.replace("\0", "").replace("\\", "\\\\").replace('"', '\\"') + '"'


def _vacation_line(vacation: Vacation) -> str:
    subject = f" :subject {quoted(vacation.subject)}" if vacation.subject else ""
    text = vacation.text
    mime = ""
    if vacation.html:
        mime, text = " :mime", _alternatives(vacation.text, vacation.html)
    action = f"vacation :days {vacation.days} :handle {quoted('setting')}{subject}{mime}"
    tests = [
        f"currentdate :zone {quoted('+0000')} :value {quoted(relation)} {quoted('iso8601')}"
        f" {quoted(f'{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}+00:00')}"
        for relation, at in (("ge", vacation.begins_at), ("lt", vacation.ends_at))
        if at is not None
    ]
    whole = f"{action} {quoted(text)};"
    return f"if allof({', '.join(tests)}) {{ {whole} }}" if tests else whole


def _alternatives(text: str, html: str) -> str:
    """Write text and HTML as alternatives of each other (RFC 2046 §5.1.4)."""
    parts = []
    for kind, content in (("plain", text or "See the other part."), ("html", html)):
        # In base64 no line is too long, and none is the boundary.
        body = encodebytes(content.encode("utf-8", "replace")).decode()
        parts.append(
            f"--{_BOUNDARY}\r\nContent-Type: text/{kind}; charset=utf-8\r\n"
            f"Content-Transfer-Encoding: base64\r\n\r\n{body}\r\n"
        )
    head = f'Content-Type: multipart/alternative; boundary="{_BOUNDARY}"\r\n\r\n'
    return head + "".join(parts) + f"--{_BOUNDARY}--\r\n"


def _check(vacation: Vacation) -> None:
    begins, ends = vacation.begins_at, vacation.ends_at
    if begins is not None and ends is not None and ends <= begins:
        raise PeerFault(Condition.BAD_SYNTAX, "this vacation ends before it begins")
    if not 1 <= vacation.days <= DAYS_MOST:
        raise PeerFault(Condition.BAD_SYNTAX, f"an answer is repeated after 1 to {DAYS_MOST} days")
    if len(vacation.subject or "") > SUBJECT_CHARACTERS or not _fits(vacation):
        raise PeerFault(Condition.TOO_LARGE, "this answer is too long")
    if vacation.enabled and not (vacation.text.strip() or vacation.html.strip()):
        raise PeerFault(Condition.BAD_SYNTAX, "an answer says something")


def _fits(vacation: Vacation) -> bool:
    return len(vacation.text.encode()) + len(vacation.html.encode()) <= TEXT_OCTETS


def _vacation_fields(vacation: Vacation) -> dict[str, Any]:
    return {
        "enabled": vacation.enabled,
        "begins_at": None if vacation.begins_at is None else vacation.begins_at.isoformat(),
        "ends_at": None if vacation.ends_at is None else vacation.ends_at.isoformat(),
        "subject": vacation.subject,
        "text": vacation.text,
        "html": vacation.html,
        "days": vacation.days,
    }


def _opened(guard: AccountGuard, row: SettingRow) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads(guard.open(Kind.VACATION, row.object_id, row.value))
    if fields.get("setting") != row.setting.name:
        raise Corrupt(Condition.DAMAGED, "a setting stands in another's place")
    return fields


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
