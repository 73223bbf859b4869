"""What a server's parent and its workers say to each other: a line each way, in JSON.

The parent writes `Orders` to the worker's standard input and leaves it open: when it closes, the
parent is gone. The worker answers on its standard output, once. No key is ever said: a worker reads
the master key and opens the databases itself.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from mailserver.model.errors import Condition, MailError, Misconfigured, Transient
from mailserver.runtime.door import Door
from mailserver.runtime.settings import Endpoint, Settings, Tls


@dataclass(frozen=True, slots=True)
class Part:
    """Which of a server's processes this is."""

    number: int = 0
    of: int = 1

    @property
    def shares_ports(self) -> bool:
        """Whether others listen on the same ports."""
        return self.of > 1

    @property
    def sweeps(self) -> bool:
        """Whether the daily work is this one's; twice would do no harm, and no good."""
        return self.number == 0


@dataclass(frozen=True, slots=True)
class Orders:
    """What a worker is to do."""

    part: Part
    settings: Settings

    def encode(self) -> bytes:
        """Write them as a line."""
        settings = self.settings.model_dump(mode="json")
        told = {"number": self.part.number, "of": self.part.of, "settings": settings}
        return json.dumps(told).encode() + b"\n"

    @classmethod
    def decode(cls, line: bytes) -> Self:
        """Read what `encode` wrote."""
        told = json.loads(line)
        settings = Settings.model_validate(told["settings"])
        return cls(Part(told["number"], told["of"]), settings)


def encode_doors(doors: Sequence[Door]) -> bytes:
    """Say as a line that all listeners answer, and where they are."""
    told = [[door.name, door.address.host, door.address.port, door.tls.value] for door in doors]
    return json.dumps({"doors": told}).encode() + b"\n"


def encode_refusal(error: MailError) -> bytes:
    """Say as a line why the worker cannot begin."""
    return json.dumps({"refused": error.text, "condition": error.condition.name}).encode() + b"\n"


def decode_answer(line: bytes) -> list[Door]:
    """Read what a worker said.

    Raises:
        MailError: it cannot begin; Transient where it may be able to later, else Misconfigured.
    """
    told = json.loads(line)
    if "refused" in told:
        condition = Condition[told["condition"]]
        if condition in (Condition.UNAVAILABLE, Condition.BUSY, Condition.STORAGE_FULL):
            raise Transient(condition, told["refused"])
        raise Misconfigured(told["refused"])
    return [
        Door(name, Endpoint(host=host, port=port), Tls(tls))
        for name, host, port, tls in told["doors"]
    ]
