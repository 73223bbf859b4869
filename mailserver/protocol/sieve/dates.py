"""`date` and `currentdate` (RFC 5260 §4)."""

import re
from datetime import UTC, datetime, timedelta, timezone

from mailserver.protocol.mime.headers import sent_date
from mailserver.protocol.sieve.base_tests import at_index, check_names, index_of
from mailserver.protocol.sieve.compiler import Scope
from mailserver.protocol.sieve.errors import SieveError
from mailserver.protocol.sieve.forms import INDEX, MATCH, Call, Form, Kind, Option, TestForm
from mailserver.protocol.sieve.matching import matcher
from mailserver.protocol.sieve.run import Check, Run
from mailserver.protocol.sieve.texts import Text

_ZONE = re.compile(r"([+-])([0-9]{2})([0-5][0-9])\Z")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MODIFIED_JULIAN = datetime(1858, 11, 17, tzinfo=UTC).toordinal()
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = (
    *("Jan", "Feb", "Mar", "Apr", "May", "Jun"),
    *("Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)
PARTS = frozenset(
    {
        *("year", "month", "day", "date", "julian", "hour", "minute", "second", "time"),
        *("iso8601", "std11", "zone", "weekday"),
    }
)


def zone(text: str) -> timezone | None:
    """Read `+hhmm`; None where it is no zone (RFC 5260 §4)."""
    found = _ZONE.match(text)
    if found is None or int(found[2]) > 23:
        return None
    minutes = int(found[2]) * 60 + int(found[3])
    return timezone(timedelta(minutes=-minutes if found[1] == "-" else minutes))


def part_of_date(at: datetime, part: str) -> str:
    """Return one part of an instant in its own zone (RFC 5260 §4.2); `part` in lower case."""
    offset = at.utcoffset() or timedelta()
    minutes = int(abs(offset).total_seconds()) // 60
    sign = "-" if offset < timedelta() else "+"
    hours, minutes = divmod(minutes, 60)
    match part:
        case "year":
            return f"{at.year:04}"
        case "month" | "day" | "hour" | "minute" | "second":
            return f"{getattr(at, part):02}"
        case "date":
            return f"{at:%Y-%m-%d}" if at.year >= 1000 else f"{at.year:04}-{at:%m-%d}"
        case "julian":
            return str(at.toordinal() - _MODIFIED_JULIAN)
        case "time":
            return f"{at:%H:%M:%S}"
        case "iso8601":
            return f"{at.year:04}-{at:%m-%dT%H:%M:%S}{sign}{hours:02}:{minutes:02}"
        case "std11":
            return (
                f"{_DAYS[at.weekday()]}, {at.day:02} {_MONTHS[at.month - 1]} {at.year:04}"
                f" {at:%H:%M:%S} {sign}{hours:02}{minutes:02}"
            )
        case "zone":
            return f"{sign}{hours:02}{minutes:02}"
        case "weekday":
            return str((at.weekday() + 1) % 7)
        case _:
            raise SieveError(0, 0, "there is no such part of a date")


def _zoned(at: datetime, given: Text | None, run: Run) -> datetime:
    """Move an instant to the zone a test names, or to the local one."""
    if given is None:
        return at.astimezone(run.facts.now.tzinfo)
    wanted = zone(given(run))
    if wanted is None:
        raise SieveError(0, 0, 'a zone is written like "+0100"')
    return at.astimezone(wanted)


def _check_parts(call: Call, part: Text, scope: Scope) -> None:
    if part.constant is not None and part.constant.lower() not in PARTS:
        raise scope.error(part.at, "there is no such part of a date")
    given = call.text("zone")
    if given is not None and given.constant is not None and zone(given.constant) is None:
        raise scope.error(given.at, 'a zone is written like "+0100"')


def _currentdate(call: Call, scope: Scope) -> Check:
    part, keys, given = call.only(0), call.texts(1), call.text("zone")
    _check_parts(call, part, scope)
    match = matcher(call, scope, keys)

    def currentdate(run: Run) -> bool:
        at = _zoned(run.facts.now, given, run)
        return match.any(run, [part_of_date(at, part(run).lower())])

    return currentdate


def _date(call: Call, scope: Scope) -> Check:
    name, part, keys = call.only(0), call.only(1), call.texts(2)
    check_names([name], scope)
    _check_parts(call, part, scope)
    match, index, given = matcher(call, scope, keys), index_of(call, scope), call.text("zone")
    original = call.has("originalzone")

    def date(run: Run) -> bool:
        values = at_index(run.message.values(name(run)), 1 if index is None else index)
        found = [_instant(value) for value in values]
        parts = [
            part_of_date(at if original else _zoned(at, given, run), part(run).lower())
            for at in found
            if at is not None
        ]
        return match.any(run, parts)

    return date


def _instant(value: str) -> datetime | None:
    """Read the date in a field: all of it, or what stands behind the last `;` (Received)."""
    read = sent_date(value.rpartition(";")[2].encode("utf-8", "replace"))
    if read is None:
        return None
    seconds, minutes = read
    try:
        return (_EPOCH + timedelta(seconds=seconds)).astimezone(
            timezone(timedelta(minutes=minutes))
        )
    except (OverflowError, ValueError):
        return None


_ZONES = {
    "zone": Option(Kind.STRING, group="zone"),
    "originalzone": Option(group="zone"),
}

TESTS: dict[str, TestForm] = {
    "date": (
        Form(
            needs=("date",),
            options={**MATCH, **INDEX, **_ZONES},
            arguments=(Kind.STRING, Kind.STRING, Kind.STRINGS),
        ),
        _date,
    ),
    "currentdate": (
        Form(
            needs=("date",),
            options={**MATCH, "zone": _ZONES["zone"]},
            arguments=(Kind.STRING, Kind.STRINGS),
        ),
        _currentdate,
    ),
}
