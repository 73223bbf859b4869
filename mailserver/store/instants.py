"""Instants as the database holds them: whole microseconds since 1970, UTC, in 63 bits.

Integers, because both engines store, compare and index them alike, and a list of 10,000 rows
makes no datetime until somebody asks for one.
"""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_microseconds(at: datetime) -> int:
    """Turn an aware instant into microseconds; exact, unlike a float timestamp."""
    return (at - _EPOCH) // _MICROSECOND


def from_microseconds(microseconds: int) -> datetime:
    """Turn microseconds into an aware instant, UTC."""
    return _EPOCH + timedelta(microseconds=microseconds)
