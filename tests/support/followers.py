"""Clients that keep a copy of an account by what they are told of changes, each in its own way.

Every follower can also fetch everything anew: `truth` is what its copy must be equal to.
"""

import re
from typing import Any

from tests.support.jmap_wire import JmapWire, Json
from tests.support.wire import RawWire, quoted

_EMAIL = ["mailboxIds", "keywords", "threadId", "size", "receivedAt", "subject"]

Copy = dict[str, Any]


class JmapFollower:
    """Keeps emails, threads and mailboxes by /changes (RFC 8620 §5.2)."""

    def __init__(self, wire: JmapWire) -> None:
        self._wire = wire
        self.copies: dict[str, Copy] = {}
        self.states: dict[str, str] = {}
        for kind in ("Email", "Thread", "Mailbox"):
            got = self._wire.call(f"{kind}/get", ids=None, **self._properties(kind))
            self.copies[kind] = {each["id"]: each for each in got["list"]}
            self.states[kind] = got["state"]

    @staticmethod
    def _properties(kind: str) -> Json:
        return {"properties": _EMAIL} if kind == "Email" else {}

    def follow(self, max_changes: int | None) -> None:
        """Take over whatever changed, `max_changes` at a time."""
        for kind in self.copies:
            more = True
            while more:
                told = self._wire.call(
                    f"{kind}/changes", sinceState=self.states[kind], maxChanges=max_changes
                )
                self._check(told, max_changes)
                self._apply(kind, told)
                assert not told["hasMoreChanges"] or told["newState"] != self.states[kind]
                self.states[kind], more = told["newState"], told["hasMoreChanges"]

    @staticmethod
    def _check(told: Json, max_changes: int | None) -> None:
        """See that an id is told once, and no more of them than were asked for."""
        ids = [*told["created"], *told["updated"], *told["destroyed"]]
        assert len(ids) == len(set(ids))
        assert max_changes is None or len(ids) <= max_changes

    def _apply(self, kind: str, told: Json) -> None:
        copy = self.copies[kind]
        for gone in told["destroyed"]:
            copy.pop(gone, None)
        only = told.get("updatedProperties")
        got = self._wire.call(f"{kind}/get", ids=told["created"], **self._properties(kind))
        copy |= {each["id"]: each for each in got["list"]}
        properties = self._properties(kind) if only is None else {"properties": only}
        got = self._wire.call(f"{kind}/get", ids=told["updated"], **properties)
        for each in got["list"]:
            if only is not None:
                assert each["id"] in copy, "an object that is not known was updated in part"
            copy[each["id"]] = {**copy.get(each["id"], {}), **each}

    def truth(self) -> dict[str, Copy]:
        """Return what a client that comes now fetches."""
        return JmapFollower(self._wire).copies


class QueryFollower:
    """Keeps a list of emails by Email/queryChanges (RFC 8620 §5.6)."""

    def __init__(self, wire: JmapWire, **query: Any) -> None:
        self._wire = wire
        self._query = query
        self.ids, self._state = self._asked()

    def _asked(self) -> tuple[list[str], str]:
        got = self._wire.call("Email/query", **self._query)
        assert got["canCalculateChanges"]
        return list(got["ids"]), str(got["queryState"])

    def follow(self) -> None:
        """Take over whatever changed: first what went, then what came, from the front."""
        told = self._wire.call("Email/queryChanges", sinceQueryState=self._state, **self._query)
        self.ids = [each for each in self.ids if each not in set(told["removed"])]
        for added in sorted(told["added"], key=lambda each: int(each["index"])):
            assert added["id"] not in self.ids
            self.ids.insert(added["index"], added["id"])
        self._state = told["newQueryState"]

    def truth(self) -> list[str]:
        """Return what a client that comes now is told."""
        return self._asked()[0]


Entries = dict[int, tuple[frozenset[bytes], bytes]]
"""By UID: flags, and the email's id."""


class _Box:
    """One mailbox as an IMAP client keeps it."""

    def __init__(self, validity: int) -> None:
        self.validity = validity
        self.modseq = 0
        self.counts = b""
        self.entries: Entries = {}


class ImapFollower:
    """Keeps every mailbox by MODSEQ (RFC 7162).

    Once by FETCH CHANGEDSINCE in every mailbox; or `by_search`: by SEARCH MODSEQ in those whose
    STATUS is another.
    """

    def __init__(self, wire: RawWire, *, by_search: bool) -> None:
        self._wire = wire
        self._by_search = by_search
        self._boxes: dict[str, _Box] = {}
        self.follow()

    def follow(self) -> None:
        """Take over whatever changed."""
        names = self._names()
        self._boxes = {name: box for name, box in self._boxes.items() if name in names}
        for name in names:
            self._follow(name)

    def _names(self) -> set[str]:
        found = (re.fullmatch(rb'\* LIST \([^)]*\) "/" "?(.+?)"?', each) for each in
                 self._ask(b'LIST "" "*"'))  # fmt: skip
        return {match[1].decode() for match in found if match}

    def _follow(self, name: str) -> None:
        known = self._boxes.get(name)
        counts = self._status(name, b"MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ")
        if self._by_search and known is not None and known.counts == counts:
            return
        said = self._ask(b"EXAMINE " + quoted(name) + b" (CONDSTORE)")
        validity, modseq = _number(said, b"UIDVALIDITY"), _number(said, b"HIGHESTMODSEQ")
        if known is None or known.validity != validity:
            known = self._boxes[name] = _Box(validity)
            known.entries = self._fetched(b"1:*")
        else:
            known.entries |= self._changed(known)
            there = set(self._searched(b"ALL"))
            known.entries = {uid: each for uid, each in known.entries.items() if uid in there}
        known.modseq, known.counts = modseq, counts

    def _changed(self, box: _Box) -> Entries:
        if not self._by_search:
            return self._fetched(b"1:*", b" (CHANGEDSINCE %d)" % box.modseq)
        uids = self._searched(b"MODSEQ %d" % (box.modseq + 1))
        return self._fetched(b",".join(b"%d" % uid for uid in uids)) if uids else {}

    def _searched(self, key: bytes) -> list[int]:
        found = (re.match(rb"\* SEARCH([ 0-9]*)", line) for line in self._ask(b"UID SEARCH " + key))
        return [int(each) for match in found if match for each in match[1].split()]

    def _fetched(self, uids: bytes, modifier: bytes = b"") -> Entries:
        entries: Entries = {}
        for line in self._ask(b"UID FETCH %b (FLAGS EMAILID)%b" % (uids, modifier)):
            if line.startswith(b"* ") and b" FETCH (" in line:
                found = [
                    re.search(pattern, line)
                    for pattern in (
                        rb"\bUID (\d+)",
                        rb"\bFLAGS \(([^)]*)",
                        rb"\bEMAILID \((\S+?)\)",
                    )
                ]
                uid, flags, email_id = (match[1] for match in found if match)
                entries[int(uid)] = (frozenset(flags.split()) - {b"\\Recent"}, email_id)
        return entries

    def _ask(self, command: bytes) -> list[bytes]:
        self._wire.send(b"f " + command + b"\r\n")
        said = self._wire.until(b"f ")
        assert said[-1].startswith(b"f OK"), said[-1]
        return said

    def _status(self, name: str, items: bytes) -> bytes:
        said = self._ask(b"STATUS %b (%b)" % (quoted(name), items))
        return next(line for line in said if line.startswith(b"* STATUS"))

    def truth(self) -> dict[str, Entries]:
        """Return what a client that comes now fetches."""
        found = {}
        for name in self._names():
            self._ask(b"EXAMINE " + quoted(name))
            found[name] = self._fetched(b"1:*")
        return found

    def copy(self) -> dict[str, Entries]:
        """Return what this one holds."""
        return {name: box.entries for name, box in self._boxes.items()}

    def mailbox_ids(self) -> dict[str, str]:
        """Return each mailbox's id (RFC 8474), by name."""
        found = {}
        for name in self._names():
            match = re.search(rb"MAILBOXID \((\S+?)\)", self._status(name, b"MAILBOXID"))
            assert match is not None
            found[name] = match[1].decode()
        return found


def _number(said: list[bytes], code: bytes) -> int:
    found = re.search(rb"\[" + code + rb" (\d+)\]", b"\n".join(said))
    assert found is not None, (code, said)
    return int(found[1])
