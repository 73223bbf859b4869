"""Whatever IMAP, JMAP and delivery do to an account, in whatever order: who follows is right.

Clients that apply `/changes` and `/queryChanges`, and clients that poll by MODSEQ, hold exactly
what a client fetches that comes new; and what IMAP shows and what JMAP shows is one thing.
"""

import asyncio
import smtplib
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from tests.support.followers import ImapFollower, JmapFollower, QueryFollower
from tests.support.jmap_wire import Json, jmap
from tests.support.mail_clients import HOST, PATIENCE_SECONDS, SENDER, User, letter
from tests.support.server import databases, serving
from tests.support.wire import quoted, signed_in

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]

EXAMPLES = 12
STEPS = 40
KEYWORDS = ("$seen", "$flagged", "$draft", "own", "other")
FLAGS = (b"\\Seen", b"\\Flagged", b"\\Deleted", b"\\Deleted", b"own", b"other")
FLAG_OF = {"$seen": b"\\Seen", "$flagged": b"\\Flagged", "$draft": b"\\Draft"}

some = st.integers(0, 30)
"""Chooses one of what there is, by its remainder."""
few = st.lists(some, min_size=1, max_size=4)


class Life(RuleBasedStateMachine):
    """An account that is changed from three sides, and those who follow it."""

    user: User

    @initialize()
    def begin(self) -> None:
        self.user.wipe()
        self._stack = ExitStack()
        self._letters = 0
        self.jmap = self._stack.enter_context(jmap(self.user))
        watching = self._stack.enter_context(jmap(self.user))  # maybe in another process
        address, login = self.user.server.address("imap"), (self.user.address, self.user.password)
        wires = [self._stack.enter_context(signed_in(address, login)) for _ in range(3)]
        self.imap = wires[0]
        self.lmtp = smtplib.LMTP(HOST, self.user.server.port("lmtp"), timeout=PATIENCE_SECONDS)
        self._stack.callback(self.lmtp.close)
        self.emails = JmapFollower(watching)
        inbox = {"inMailbox": next(b["id"] for b in self.jmap.mailboxes() if b["role"] == "inbox")}
        unread = {"operator": "AND", "conditions": [inbox, {"notKeyword": "$seen"}]}
        flagged = {"someInThreadHaveKeyword": "$flagged"}
        by_mark = [{"property": "hasKeyword", "keyword": "$flagged"}, {"property": "receivedAt"}]
        self.lists = [
            QueryFollower(watching, filter=unread),
            QueryFollower(watching, filter=inbox, collapseThreads=True),
            QueryFollower(watching, filter=flagged, sort=by_mark),
            QueryFollower(watching, sort=[{"property": "size"}, {"property": "receivedAt"}]),
        ]
        self.readers = [
            ImapFollower(wires[1], by_search=True),
            ImapFollower(wires[2], by_search=False),
        ]

    def teardown(self) -> None:
        if hasattr(self, "_stack"):
            self._stack.close()

    # ------------------------------------------------------------ what there is

    def _names(self) -> list[str]:
        return sorted(self.readers[0].mailbox_ids())

    def _box(self, n: int) -> str:
        names = self._names()
        return names[n % len(names)]

    def _ids(self) -> list[str]:
        return list(self.jmap.call("Email/query", filter=None)["ids"])

    def _select(self, n: int) -> list[bytes]:
        """Select a mailbox; return its UIDs."""
        assert self.imap.tagged(b"SELECT " + quoted(self._box(n))).startswith(b"t OK")
        self.imap.send(b"t UID SEARCH ALL\r\n")
        (found,) = [line for line in self.imap.until(b"t ") if line.startswith(b"* SEARCH")]
        return found.split()[2:]

    def _some(self, uids: list[bytes], chosen: list[int]) -> bytes:
        return b",".join({uids[n % len(uids)] for n in chosen})

    def _letter(self, answers: int) -> bytes:
        self._letters += 1
        n, to = self._letters, answers % (self._letters + 1)
        return letter(f"Letter {n}", "x" * (n * 7), Message_ID=f"<{n}@x>", References=f"<{to}@x>")

    # ------------------------------------------------------------ delivery

    @rule(answers=some, count=st.integers(1, 3))
    def deliver(self, answers: int, count: int) -> None:
        for _ in range(count):
            self.lmtp.sendmail(SENDER, [self.user.address], self._letter(answers))

    # ------------------------------------------------------------ IMAP

    @rule(box=some, answers=some, flag=st.sampled_from(FLAGS))
    def append(self, box: int, answers: int, flag: bytes) -> None:
        octets = self._letter(answers)
        command = b"APPEND %b (%b) {%d+}\r\n%b"
        said = self.imap.tagged(command % (quoted(self._box(box)), flag, len(octets), octets))
        assert said.startswith(b"t OK"), said

    @rule(box=some, chosen=few, flag=st.sampled_from(FLAGS), how=st.sampled_from("+-="))
    def store(self, box: int, chosen: list[int], flag: bytes, how: str) -> None:
        if uids := self._select(box):
            sign = b"" if how == "=" else how.encode()
            words = b"UID STORE %b %bFLAGS (%b)" % (self._some(uids, chosen), sign, flag)
            assert self.imap.tagged(words).startswith(b"t OK")

    @rule(box=some, other=some, chosen=few, verb=st.sampled_from([b"COPY", b"MOVE"]))
    def copy_or_move(self, box: int, other: int, chosen: list[int], verb: bytes) -> None:
        if uids := self._select(box):
            to = quoted(self._box(other))
            words = b"UID %b %b %b" % (verb, self._some(uids, chosen), to)
            assert self.imap.tagged(words).startswith(b"t OK")

    @rule(box=some)
    def expunge(self, box: int) -> None:
        self._select(box)
        assert self.imap.tagged(b"EXPUNGE").startswith(b"t OK")

    @rule(verb=st.sampled_from([b"CREATE", b"DELETE", b"SUBSCRIBE", b"UNSUBSCRIBE"]),
          n=st.integers(1, 3))  # fmt: skip
    def change_mailbox(self, verb: bytes, n: int) -> None:
        self.imap.tagged(b"UNSELECT")
        self.imap.tagged(b"%b Box%d" % (verb, n))  # a refusal changes nothing, which is right, too

    @rule(n=st.integers(1, 3), m=st.integers(1, 4))
    def rename(self, n: int, m: int) -> None:
        self.imap.tagged(b"UNSELECT")
        self.imap.tagged(b"RENAME Box%d Box%d" % (n, m))

    # ------------------------------------------------------------ JMAP

    def _set(self, **orders: Any) -> Json:
        answer = self.jmap.call("Email/set", **orders)
        for part in ("notUpdated", "notDestroyed"):  # what it did say it has not done
            refused = (answer[part] or {}).values()
            assert {each["type"] for each in refused} <= {"invalidProperties"}, refused
        return answer

    @rule(chosen=few, keyword=st.sampled_from(KEYWORDS), value=st.sampled_from([True, None]))
    def mark(self, chosen: list[int], keyword: str, value: bool | None) -> None:
        if ids := self._ids():
            patch = {f"keywords/{keyword}": value}
            self._set(update={ids[n % len(ids)]: patch for n in chosen})

    @rule(chosen=few, box=some, how=st.sampled_from(["only", "also", "not"]))
    def file(self, chosen: list[int], box: int, how: str) -> None:
        boxes = self.jmap.mailboxes()
        mailbox_id = boxes[box % len(boxes)]["id"]
        patch: Json = {f"mailboxIds/{mailbox_id}": True if how == "also" else None}
        if how == "only":
            patch = {"mailboxIds": {mailbox_id: True}}
        if ids := self._ids():
            self._set(update={ids[n % len(ids)]: patch for n in chosen})

    @rule(boxes=st.lists(some, min_size=1, max_size=2), keyword=st.sampled_from(KEYWORDS))
    def write(self, boxes: list[int], keyword: str) -> None:
        there = self.jmap.mailboxes()
        mailbox_ids = {there[n % len(there)]["id"]: True for n in boxes}
        email = {"mailboxIds": mailbox_ids, "keywords": {keyword: True}, "subject": "Draft"}
        assert self._set(create={"k": email})["created"]

    @rule(chosen=few)
    def destroy(self, chosen: list[int]) -> None:
        if ids := self._ids():
            self._set(destroy=list({ids[n % len(ids)] for n in chosen}))

    @rule(n=st.integers(1, 3), how=st.sampled_from(["create", "rename", "below", "destroy"]))
    def set_mailbox(self, n: int, how: str) -> None:
        there = {box["name"]: box["id"] for box in self.jmap.mailboxes()}
        mine, other = there.get(f"Box{n}"), there.get(f"Box{n % 3 + 1}")
        if how == "create":
            self.jmap.call("Mailbox/set", create={"k": {"name": f"Box{n}", "isSubscribed": True}})
        elif mine is not None and how == "destroy":
            self.jmap.call("Mailbox/set", destroy=[mine], onDestroyRemoveEmails=True)
        elif mine is not None:
            patch: Json = {"parentId": other} if how == "below" else {"name": f"Box{n}x"}
            self.jmap.call("Mailbox/set", update={mine: patch})

    # ------------------------------------------------------------ those who follow

    @rule(max_changes=st.sampled_from([None, None, 1, 2, 5]))
    def follow_by_changes(self, max_changes: int | None) -> None:
        self.emails.follow(max_changes)
        for kind, held in self.emails.truth().items():
            assert self.emails.copies[kind] == held, kind

    @rule(n=st.integers(0, 3))
    def follow_by_query_changes(self, n: int) -> None:
        self.lists[n].follow()
        assert self.lists[n].ids == self.lists[n].truth()

    @rule(n=st.integers(0, 1))
    def follow_by_modseq(self, n: int) -> None:
        self.readers[n].follow()
        assert self.readers[n].copy() == self.readers[n].truth()

    @rule()
    def imap_shows_what_jmap_shows(self) -> None:
        """An email is in the mailboxes where it has an entry that is not marked deleted."""
        entries, numbers = self.readers[0].truth(), self.readers[0].mailbox_ids()
        shown: dict[str, tuple[set[str], set[bytes]]] = {}
        for name, box in entries.items():
            for flags, email_id in box.values():
                if b"\\Deleted" not in flags:
                    boxes, marks = shown.setdefault(email_id.decode(), (set(), set()))
                    boxes.add(numbers[name])
                    marks |= flags
        told = self.jmap.call("Email/get", ids=None, properties=["mailboxIds", "keywords"])["list"]
        assert {
            each["id"]: (
                set(each["mailboxIds"]),
                {FLAG_OF.get(word, word.encode()) for word in each["keywords"]},
            )
            for each in told
        } == shown


def live(user: User, examples: int = EXAMPLES) -> None:
    """Live so often on this account."""

    class Lived(Life):
        pass

    Lived.user = user
    run_state_machine_as_test(
        Lived,
        settings=settings(
            max_examples=examples,
            stateful_step_count=STEPS,
            derandomize=True,  # the same every time; what it found stays found
            deadline=None,
            database=None,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_whoever_follows_holds_what_a_new_client_fetches(user: User) -> None:
    live(user)


def test_so_they_do_where_each_connection_may_come_to_another_process(tmp_path: Path) -> None:
    with asyncio.Runner() as runner:
        bases = databases("postgresql")
        options = runner.run(bases.__aenter__())
        with serving(tmp_path, *options, "--workers", "2") as server:
            live(User(server, *server.user()), examples=EXAMPLES // 2)
        runner.run(bases.__aexit__(None, None, None))
    assert '"level":"error"' not in server.words()
