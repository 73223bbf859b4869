"""Data types whose objects are records of the account: /get, /changes and /set of them.

An object is kept as its client wrote it. Its state is the counter at which its kind changed last;
a list of changes that is cut short ends within one counter, and its cursor says where.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from mailserver.mail.records import RecordsChange, RecordState, Value
from mailserver.model.errors import MailError
from mailserver.model.ids import ModSeq
from mailserver.model.record import RecordId, RecordKind
from webui.jmap.context import Context
from webui.jmap.errors import MethodError, SetError, invalid
from webui.jmap.getting import Get, chosen, wanted
from webui.jmap.registry import OfAccount, Properties
from webui.jmap.setting import Outcomes, Set, begin, patched, refusal

_CURSOR = re.compile(r"([0-9]{1,18})(?:\.([0-9]{1,18}))?\Z")
_EVERYTHING = 1 << 63


class Changes(OfAccount):
    """The arguments of a /changes."""

    since_state: str
    max_changes: int | None = None


class Cursor(NamedTuple):
    """All was told that is at or before this."""

    modseq: int
    record: int = _EVERYTHING

    @classmethod
    def parse(cls, text: str) -> "Cursor | None":
        """Read what `str` wrote; None where it is nothing of ours."""
        found = _CURSOR.match(text)
        if found is None:
            return None
        return cls(int(found.group(1)), int(found.group(2)) if found.group(2) else _EVERYTHING)

    def __str__(self) -> str:
        """Write it as clients get it."""
        return f"{self.modseq}" if self.record == _EVERYTHING else f"{self.modseq}.{self.record}"


Check = Callable[[Context, Value, Value | None], Awaitable[Value]]
"""Takes an object as a client wants it, and as it was; returns it as it is kept, or raises."""


@dataclass(frozen=True, slots=True)
class RecordType:
    """What is particular to one data type."""

    kind: RecordKind
    letter: str
    """Begins its ids."""
    defaults: Mapping[str, Any]
    """What an object has where its client said nothing."""
    check: Check
    properties: tuple[str, ...] | None = None
    """All it may have, `id` left out; None: whatever there is."""

    def id_of(self, number: RecordId) -> str:
        """Write an id."""
        return f"{self.letter}{number}"

    def number(self, text: str) -> RecordId | None:
        """Read an id."""
        digits = text.removeprefix(self.letter)
        plain = text.startswith(self.letter) and digits.isascii() and digits.isdecimal()
        return RecordId(int(digits)) if plain and len(digits) < 18 else None

    def shown(self, number: RecordId, value: Value) -> Properties:
        """Return an object as clients get it."""
        return {**self.defaults, **value, "id": self.id_of(number)}


async def get(context: Context, arguments: Get, what: RecordType) -> Properties:
    """Answer a /get."""
    state, values = await context.account.records.all(what.kind)
    known = None if what.properties is None else ["id", *what.properties]
    names = None if arguments.properties is None else arguments.properties
    if known is not None:
        names = chosen(arguments.properties, known)
    ids = [what.id_of(number) for number in values]
    asked = wanted(ids if arguments.ids is None else arguments.ids)
    found, missing = [], []
    for each in asked:
        real = context.created_ids.get(each[1:], "") if each.startswith("#") else each
        number = what.number(real)
        if number is None or number not in values:
            missing.append(each)
            continue
        shown = what.shown(number, values[number])
        if names is not None:
            shown = {name: shown[name] for name in ("id", *names) if name in shown}
        found.append(shown)
    return {
        "accountId": context.account_id,
        "state": str(state.modseq),
        "list": found,
        "notFound": missing,
    }


async def changes(context: Context, arguments: Changes, what: RecordType) -> Properties:
    """Answer a /changes (RFC 8620 §5.2)."""
    most = arguments.max_changes
    if most is not None and most <= 0:
        raise invalid("maxChanges is above 0")
    since = Cursor.parse(arguments.since_state)
    if since is None:
        raise MethodError("cannotCalculateChanges")
    state, told = await context.account.records.changes(what.kind, ModSeq(max(since.modseq - 1, 0)))
    if since.modseq > state.modseq or (since.modseq < min(state.pruned, state.modseq)):
        raise MethodError("cannotCalculateChanges")
    new = [each for each in told if (each.modseq, each.record_id) > since]
    more = most is not None and len(new) > most
    if more:
        new = new[:most]
    cursor = Cursor(new[-1].modseq, new[-1].record_id) if more else Cursor(state.modseq)
    created, updated, destroyed = list[str](), list[str](), list[str]()
    for each in new:
        is_new = (each.created_modseq, each.record_id) > since
        if not (each.destroyed and is_new):
            where = destroyed if each.destroyed else created if is_new else updated
            where.append(what.id_of(each.record_id))
    return {
        "accountId": context.account_id,
        "oldState": arguments.since_state,
        "newState": str(cursor),
        "hasMoreChanges": more,
        "created": created,
        "updated": updated,
        "destroyed": destroyed,
    }


class _Work(NamedTuple):
    """A /set on its way."""

    context: Context
    what: RecordType
    values: dict[RecordId, Value]
    outcomes: Outcomes
    change: RecordsChange
    new: list[tuple[str, Value]]


async def set_(context: Context, arguments: Set, what: RecordType) -> Properties:
    """Answer a /set; what is not refused is written as one."""
    state, values = await context.account.records.all(what.kind)
    begin(arguments, str(state.modseq))
    work = _Work(context, what, values, Outcomes(), RecordsChange(), [])
    for creation, given in (arguments.create or {}).items():
        await _create(work, creation, given)
    for name, patch in (arguments.update or {}).items():
        await _update(work, name, patch)
    for name in arguments.destroy or []:
        _destroy(work, name)
    new = await written(context, work.change, what, state)
    for (creation, value), number in zip(work.new, new, strict=True):
        name = what.id_of(number)
        context.created_ids[creation] = name
        given = (arguments.create or {})[creation]
        shown = what.shown(number, value)
        work.outcomes.created[creation] = {
            key: each for key, each in shown.items() if key not in given or given[key] != each
        }
    now = await context.account.records.state(what.kind)
    return work.outcomes.response(context, str(state.modseq), str(now.modseq))


async def written(
    context: Context, change: RecordsChange, what: RecordType, state: RecordState
) -> list[RecordId]:
    """Write `change`, which was made of what stood at `state`."""
    return await context.account.records.write(what.kind, change, expected=state.modseq)


async def _create(work: _Work, creation: str, given: Value) -> None:
    try:
        if "id" in given:
            raise SetError("invalidProperties", "ids are the server's", properties=["id"])
        value = await work.what.check(work.context, given, None)
    except (SetError, MailError) as error:
        work.outcomes.not_created[creation] = refusal(error)
        return
    work.change.create.append(value)
    work.new.append((creation, value))


async def _update(work: _Work, name: str, patch: Value) -> None:
    try:
        name, number, old = _there(work, name)
        wanted_value = patched({**work.what.defaults, **old}, patch)
        if wanted_value.pop("id", name) != name:
            raise SetError("invalidProperties", "ids never change", properties=["id"])
        work.change.update[number] = await work.what.check(work.context, wanted_value, old)
    except (SetError, MailError) as error:
        work.outcomes.not_updated[name] = refusal(error)
        return
    work.outcomes.updated[name] = None


def _destroy(work: _Work, name: str) -> None:
    try:
        name, number, _ = _there(work, name)
    except SetError as error:
        work.outcomes.not_destroyed[name] = error
        return
    if number in work.change.destroy:
        return
    if number in work.change.update:
        del work.change.update[number]
        work.outcomes.updated.pop(name, None)
        work.outcomes.not_updated[name] = SetError("willDestroy")
    work.change.destroy.append(number)
    work.outcomes.destroyed.append(name)


def _there(work: _Work, name: str) -> tuple[str, RecordId, Value]:
    try:
        real = work.context.real_id(name)
    except SetError:
        raise SetError("notFound") from None
    number = work.what.number(real)
    if number is None or number not in work.values:
        raise SetError("notFound")
    return real, number, work.values[number]
