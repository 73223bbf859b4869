"""Real messages: our own under tests/corpus, and those of other projects where they are at hand."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

OWN = Path(__file__).resolve().parents[1] / "corpus"
SHARED = OWN.parents[2] / "shared" / "corpus"
"""Lent to the project, read where it lies and never copied."""

_BARE_LF = re.compile(rb"(?<!\r)\n")


@dataclass(frozen=True, slots=True)
class Letter:
    """A message as its file has it."""

    name: str
    octets: bytes

    @property
    def for_smtp(self) -> bytes:
        """The same with lines that end in CRLF, the last one too, as SMTP content has them."""
        content = _BARE_LF.sub(b"\r\n", self.octets)
        return content if content.endswith(b"\r\n") else content + b"\r\n"


@cache
def letters() -> tuple[Letter, ...]:
    """Return every message there is, by name."""
    files = [*OWN.glob("*.eml"), *SHARED.rglob("*.eml")]
    named = {f"{path.parent.name}/{path.name}": path for path in files}
    assert len(named) == len(files)
    return tuple(Letter(name, path.read_bytes()) for name, path in sorted(named.items()))
