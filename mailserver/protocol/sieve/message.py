"""The message as a script sees it: fields decoded, and edited where it says so (RFC 5293)."""

import re
from collections.abc import Sequence

from mailserver.model.address import Address
from mailserver.model.errors import PeerFault
from mailserver.protocol.mime import fields
from mailserver.protocol.mime.addresses import addresses
from mailserver.protocol.mime.headers import Field, header_fields, text_of, unfold
from mailserver.protocol.mime.scan import Part, scan
from mailserver.protocol.sieve.errors import SieveError

FIELD_NAME = re.compile(r"[!-9;-~]{1,70}\Z")
"""RFC 5322 §2.2: printable US-ASCII but the colon."""


class Message:
    """One message and its header's edits; made anew for each run."""

    __slots__ = (
        "_added",
        "_addresses",
        "_block_end",
        "_edited",
        "_fields",
        "_root",
        "_values",
        "octets",
        "read",
    )

    def __init__(self, octets: bytes) -> None:
        """Look at the message's header; its body is looked at when asked for."""
        self.octets = octets
        self._root: Part | None = None
        self._block_end = _header_end(octets)
        self._fields = header_fields(octets[: self._block_end])
        self._values: dict[bytes, list[str]] = {}
        self._addresses: dict[tuple[bytes, int | None], list[Address]] = {}
        self.read: dict[tuple[str, ...], list[str]] = {}
        """What was read out of the body, by how it was asked for: edits do not touch it."""
        self._edited: bytes | None = None
        self._added = 0

    @property
    def size_octets(self) -> int:
        """The size of the message as it came; edits do not count (RFC 5293 §6)."""
        return len(self.octets)

    @property
    def is_scanned(self) -> bool:
        """Whether `root` is at hand."""
        return self._root is not None

    @property
    def root(self) -> Part:
        """The message scanned into its parts."""
        if self._root is None:
            self._root = scan(self.octets)
        return self._root

    @property
    def names(self) -> frozenset[bytes]:
        """The names of the header's fields, in lower case."""
        return frozenset(lower for lower, _, _ in self._fields)

    def first(self, name: str) -> bytes:
        """Return the first field of that name, unfolded but not decoded; empty where none is."""
        key = name.encode()
        return next((unfold(value) for lower, value, _ in self._fields if lower == key), b"")

    def values(self, name: str) -> list[str]:
        """Return every field of that name, unfolded and decoded (RFC 5228 §5.7)."""
        try:
            key = name.lower().encode("ascii")
        except UnicodeEncodeError:
            return []
        known = self._values.get(key)
        if known is None:
            known = [text_of(unfold(value)) for lower, value, _ in self._fields if lower == key]
            self._values[key] = known
        return known

    def addresses(self, name: str, index: int | None = None) -> list[Address]:
        """Return the addresses in fields of that name; what is none is left out.

        `index` counts the field from 1, from the end where it is negative (RFC 5260 §6).
        """
        key = name.lower().encode("ascii", "replace")
        known = self._addresses.get((key, index))
        if known is not None:
            return known
        values = [unfold(value) for lower, value, _ in self._fields if lower == key]
        found = [
            _address(mailbox.local, mailbox.domain)
            for value in (values if index is None else pick(values, index))
            for mailbox in addresses(value)
            if mailbox.local and mailbox.domain
        ]
        self._addresses[key, index] = found
        return found

    def add(self, name: str, value: str, *, last: bool, most: int) -> None:
        """Add a field at the top of the header, or at its end.

        Raises:
            SieveError: the script added too many.
        """
        self._added += 1
        if self._added > most:
            raise SieveError(0, 0, "this script adds too many header fields")
        octets = fields.text(name, " ".join(value.split()))
        _, _, rest = octets.partition(b":")
        field: Field = (name.lower().encode(), rest, octets)
        if last:
            if self._fields and not self._fields[-1][2].endswith(b"\n"):
                lower, text, whole = self._fields[-1]
                self._fields[-1] = (lower, text, whole + b"\r\n")
            self._fields.append(field)
        else:
            self._fields.insert(0, field)
        self._changed(name)

    def named(self, name: str) -> list[int]:
        """Return the places of the fields of that name, to be passed to `remove`."""
        key = name.lower().encode()
        return [at for at, (lower, _, _) in enumerate(self._fields) if lower == key]

    def text_at(self, at: int) -> str:
        """Return the decoded value of the field at a place."""
        return text_of(unfold(self._fields[at][1]))

    def remove(self, places: Sequence[int], name: str) -> None:
        """Delete the fields at these places, all of that name."""
        gone = set(places)
        if gone:
            self._fields = [f for at, f in enumerate(self._fields) if at not in gone]
            self._changed(name)

    def edited(self) -> bytes | None:
        """Return the message with its header as it is now; None where nothing was edited."""
        if self._edited == b"":
            header = b"".join(whole for _, _, whole in self._fields)
            rest = self.octets[self._block_end :]
            self._edited = header + (rest or b"\r\n")
        return self._edited

    def _changed(self, name: str) -> None:
        self._edited = b""
        self._values.pop(name.lower().encode(), None)
        self._addresses.clear()


def pick(values: list[bytes], index: int) -> list[bytes]:
    """Return the one value that `index` names, from 1, or from the end where it is negative."""
    at = index - 1 if index > 0 else len(values) + index
    return values[at : at + 1] if 0 <= at < len(values) else []


def _header_end(octets: bytes) -> int:
    """Find where the header's fields end: the empty line belongs to the rest."""
    if octets.startswith((b"\r\n", b"\n")):
        return 0
    crlf, lone = octets.find(b"\n\r\n"), octets.find(b"\n\n")
    ends = [end + 1 for end in (crlf, lone) if end >= 0]
    return min(ends) if ends else len(octets)


def _address(local: bytes, domain: bytes) -> Address:
    """Make an address of what a header says, as leniently as a test must read it."""
    text, host = local.decode("utf-8", "replace"), domain.decode("utf-8", "replace")
    try:
        return Address(text, Address.parse(f"a@{host}").domain)
    except PeerFault:
        return Address(text, host.lower())
