"""The openspf.org test suite: scenarios of records, and what SPF is to say in each.

Source: tests/vectors/spf/LICENSE tells whose it is.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mailserver.model.address import Address
from tests.support.dns import Records, txt, written

SUITE = Path(__file__).resolve().parents[1] / "vectors" / "spf" / "rfc7208-tests.json"


@dataclass(frozen=True)
class Case:
    """One check and its allowed results."""

    name: str
    ip: str
    helo: str
    mailfrom: str
    results: tuple[str, ...]
    explanation: str | None

    @property
    def sender(self) -> Address | None:
        """The reverse path, taken apart without any check, as the suite means it."""
        if not self.mailfrom:
            return None
        local, _, domain = self.mailfrom.rpartition("@")
        return Address(local, domain)


@dataclass(frozen=True)
class Scenario:
    """Records, and the cases that are checked against them."""

    title: str
    records: Records
    unanswered: tuple[str, ...]
    """Names for which the suite wants a timeout."""
    cases: tuple[Case, ...]


def scenarios() -> list[Scenario]:
    """Read the suite."""
    return [_scenario(one) for one in json.loads(SUITE.read_text(encoding="ascii"))]


def _scenario(text: Mapping[str, Any]) -> Scenario:
    records = {name: _records(entries) for name, entries in text["zonedata"].items()}
    return Scenario(
        text["description"],
        records,
        tuple(
            name
            for name, entries in text["zonedata"].items()
            if "TIMEOUT" in entries and not records[name]
        ),
        tuple(_case(name, entry) for name, entry in text["tests"].items()),
    )


def _case(name: str, entry: Mapping[str, Any]) -> Case:
    result = entry["result"]
    return Case(
        name,
        entry["host"],
        entry["helo"],
        entry["mailfrom"],
        tuple(result) if isinstance(result, list) else (result,),
        entry.get("explanation"),
    )


def _records(entries: list[Any]) -> list[str]:
    """Write records as zone-file lines; a record of type SPF is TXT where there are none."""
    pairs = [pair for entry in entries if isinstance(entry, dict) for pair in entry.items()]
    has_txt = any(kind == "TXT" for kind, _ in pairs)
    lines = []
    for kind, value in pairs:
        if kind in {"TXT", "SPF"}:
            if value != "NONE" and (kind == "TXT" or not has_txt):
                lines.append(_text(value))
        elif kind == "MX":
            lines.append(f"MX {value[0]} {_host(value[1])}")
        elif kind in {"PTR", "CNAME"}:
            lines.append(f"{kind} {_host(value)}")
        else:
            lines.append(f"{kind} {value}")
    return lines


def _host(name: str) -> str:
    return written(name.rstrip(".")) + "."


def _text(value: str | list[str]) -> str:
    strings = [value] if isinstance(value, str) else value
    return txt("".join(strings))
