"""What the queue's guarded octets say: JSON, for it is read far less often than it is guarded."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mailserver.model.address import Address
from mailserver.model.envelope import Envelope, Notify, Onward, RemoteReply, Ret
from mailserver.model.errors import Condition, Corrupt

_VERSION = 1


@dataclass(frozen=True, slots=True)
class Submitted:
    """A submission's envelope, as it was handed over."""

    envelope: Envelope
    recipients: int
    """How many it had, so that an undo knows whether all of them are still here."""


@dataclass(frozen=True, slots=True)
class Item:
    """One recipient, and how it went so far."""

    recipient: Onward
    released_at: datetime
    """From when on it is tried; delays are counted from here."""
    warned: bool = False
    """Its sender was told of the delay."""
    last: RemoteReply | None = None
    """What became of the last attempt."""


def encode_submitted(submitted: Submitted) -> bytes:
    """Write a submission's envelope."""
    envelope = submitted.envelope
    return _written(
        {
            "from": _pair(envelope.sender) if envelope.sender else None,
            "ret": envelope.ret.value if envelope.ret else None,
            "envid": envelope.envid,
            "tls": envelope.require_tls,
            "utf8": envelope.smtputf8,
            "recipients": submitted.recipients,
        }
    )


def decode_submitted(octets: bytes) -> Submitted:
    """Read a submission's envelope. Raises Corrupt."""
    try:
        said = _read(octets)
        envelope = Envelope(
            sender=Address(*said["from"]) if said["from"] else None,
            ret=Ret(said["ret"]) if said["ret"] else None,
            envid=said["envid"],
            require_tls=said["tls"],
            smtputf8=said["utf8"],
        )
        return Submitted(envelope, said["recipients"])
    except (ValueError, KeyError, TypeError):
        raise _damaged() from None


def encode_item(item: Item) -> bytes:
    """Write a recipient."""
    last = item.last
    return _written(
        {
            "to": _pair(item.recipient.address),
            "notify": None if item.recipient.notify is None else int(item.recipient.notify),
            "orcpt": item.recipient.orcpt,
            "released": item.released_at.timestamp(),
            "warned": item.warned,
            "last": [last.text, last.code, last.status, last.host] if last else None,
        }
    )


def decode_item(octets: bytes) -> Item:
    """Read a recipient. Raises Corrupt."""
    try:
        said = _read(octets)
        notify = said["notify"]
        return Item(
            Onward(Address(*said["to"]), None if notify is None else Notify(notify), said["orcpt"]),
            datetime.fromtimestamp(said["released"], UTC),
            said["warned"],
            RemoteReply(*said["last"]) if said["last"] else None,
        )
    except (ValueError, KeyError, TypeError):
        raise _damaged() from None


def _pair(address: Address) -> list[str]:
    return [address.local, address.domain]


def _written(fields: dict[str, object]) -> bytes:
    return json.dumps({"v": _VERSION, **fields}, separators=(",", ":")).encode()


def _read(octets: bytes) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(octets)
    if said["v"] != _VERSION:
        raise _damaged()
    return said


def _damaged() -> Corrupt:
    return Corrupt(Condition.DAMAGED, "an entry of the queue is damaged")
