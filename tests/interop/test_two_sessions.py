"""Two sessions on one mailbox at once: what one does, the other sees, idle or asking."""

import imaplib
import re
import time
from collections.abc import Callable, Iterator
from functools import partial

import pytest
from imapclient import DELETED, FLAGGED, SEEN, IMAPClient

from tests.support.mail_clients import User, letter

ROUNDS = 3
SOON_SECONDS = 1.0  # in the best of the rounds: in others the machine may be busy elsewhere
PATIENCE_SECONDS = 30.0
HERE, THERE = "Here", "There"  # new for each test, so that UIDs begin at 1

Told = tuple[object, ...]


@pytest.fixture
def actor(user: User) -> Iterator[IMAPClient]:
    """The session that changes things; three letters are there."""
    with user.imapclient() as client:
        for name in (HERE, THERE):
            client.create_folder(name)
        client.multiappend(HERE, [letter(f"Letter {number}") for number in range(3)])
        client.select_folder(HERE)
        yield client


@pytest.fixture
def watcher(user: User, actor: IMAPClient) -> Iterator[IMAPClient]:
    """The session that looks on."""
    with user.imapclient() as client:
        client.select_folder(HERE)
        yield client


def expunge(actor: IMAPClient, uid: int) -> None:
    actor.delete_messages([uid])
    actor.expunge([uid])


def told_after(watcher: IMAPClient, act: Callable[[], object], expected: Told) -> float:
    """Return how many seconds after `act` an idle session was told `expected`."""
    watcher.idle()
    act()
    done_at = time.monotonic()
    told: list[Told] = []
    while not any(one[:2] == expected for one in told):
        left = PATIENCE_SECONDS - (time.monotonic() - done_at)
        assert left > 0, f"not told, only {told}"
        told += watcher.idle_check(timeout=left)
    took = time.monotonic() - done_at
    watcher.idle_done()
    return took


Change = Callable[[IMAPClient, int], object]

# Each is made in rounds, and is told with a number that a round moves on by so much.
CHANGES: dict[str, tuple[Change, tuple[int, bytes], int]] = {
    "an append": (lambda actor, _: actor.append(HERE, letter("New")), (4, b"EXISTS"), 1),
    "flags": (lambda actor, n: actor.add_flags([n], [FLAGGED]), (1, b"FETCH"), 1),
    "an expunge": (expunge, (1, b"EXPUNGE"), 0),
    "a move": (lambda actor, n: actor.move([n], THERE), (1, b"EXPUNGE"), 0),
    "a copy": (lambda actor, _: actor.copy([1], HERE), (4, b"EXISTS"), 1),
}


@pytest.mark.parametrize("change", CHANGES)
def test_idle_is_told_within_a_second(actor: IMAPClient, watcher: IMAPClient, change: str) -> None:
    act, (number, what), step = CHANGES[change]
    took = [
        told_after(watcher, partial(act, actor, n + 1), (number + n * step, what))
        for n in range(ROUNDS)
    ]
    assert min(took) < SOON_SECONDS


def test_idle_is_told_of_a_delivery(user: User) -> None:
    with user.imapclient() as client:
        client.select_folder("INBOX")
        deliver = partial(user.deliver, letter("New"))
        took = [told_after(client, deliver, (n + 1, b"EXISTS")) for n in range(ROUNDS)]
    assert min(took) < SOON_SECONDS


def test_many_changes_while_one_idles_leave_both_of_one_mind(
    user: User, actor: IMAPClient, watcher: IMAPClient
) -> None:
    watcher.idle()
    for number in range(40):
        actor.append(HERE, letter(f"More {number}"))
        if number % 3 == 0:
            actor.move([number + 1], THERE)
        if number % 4 == 0:
            actor.add_flags([number + 2], [SEEN])
    watcher.idle_done()
    watcher.noop()
    found = watcher.fetch(watcher.search("ALL"), ["FLAGS"])
    assert found.keys() == set(actor.search("ALL")) == set(watcher.search("ALL"))
    flags = actor.fetch(sorted(found), ["FLAGS"])
    for uid in found:
        assert (SEEN in found[uid][b"FLAGS"]) is (SEEN in flags[uid][b"FLAGS"])


def test_expunge_waits_for_a_command_that_may_tell_it(
    actor: IMAPClient, watcher: IMAPClient
) -> None:
    """Numbers stay while FETCH, STORE and SEARCH run by number. Source: RFC 9051 §7.5.1."""
    expunge(actor, 2)
    assert watcher._imap.fetch("3", "(UID)")[1] == [b"3 (UID 3)"]
    assert watcher._imap.search(None, "ALL")[1][0].split()[-1] == b"3"
    told = watcher.noop()[1]
    assert (2, b"EXPUNGE") in told
    assert watcher._imap.fetch("2", "(UID)")[1] == [b"2 (UID 3)"]


def modseq(client: imaplib.IMAP4, uid: int) -> int:
    line = b" ".join(client.uid("FETCH", str(uid), "(MODSEQ)")[1])
    found = re.search(rb"MODSEQ \((\d+)\)", line)
    assert found, line
    return int(found.group(1))


def test_condstore_keeps_one_from_undoing_the_other(user: User, actor: IMAPClient) -> None:
    """Source: RFC 7162 §3.1.3."""
    with user.imaplib() as other:
        assert other.enable("CONDSTORE")[0] == "OK"
        other.select(HERE)
        assert int(other.response("HIGHESTMODSEQ")[1][0]) >= modseq(other, 3)
        before = modseq(other, 1)
        actor.add_flags([1], [FLAGGED])
        assert modseq(other, 1) > before
        refused = other.uid("STORE", "1,2", f"(UNCHANGEDSINCE {before})", "+FLAGS", r"(\Seen)")
        assert other.response("MODIFIED")[1] == [b"1"]
        assert refused[0] in ("OK", "NO")
        changed = {
            uid: values[b"FLAGS"]
            for uid, values in actor.fetch(
                actor.search("ALL"), ["FLAGS"], [f"CHANGEDSINCE {before}"]
            ).items()
        }
        assert FLAGGED in changed[1]
        assert SEEN not in changed[1]
        assert SEEN in changed[2]
        assert 3 not in changed
        after = modseq(other, 1)
        assert other.uid("SEARCH", "MODSEQ", str(after))[1][0].split()[0] == b"1"


def test_uidplus_says_what_became_of_each(user: User, actor: IMAPClient) -> None:
    """Source: RFC 4315."""
    with user.imaplib() as other:
        other.select(HERE)
        other.uid("COPY", "1,3", THERE)
        validity, came, became = other.response("COPYUID")[1][0].split()
        assert (came, became) == (b"1,3", b"1:2")
        archive = actor.folder_status(THERE, ["UIDVALIDITY"])
        assert int(validity) == archive[b"UIDVALIDITY"]
        other.append(THERE, "", "", letter("Appended"))
        assert other.response("APPENDUID")[1] == [validity + b" 3"]
        other.uid("STORE", "1:3", "+FLAGS", r"(\Deleted)")
        other.uid("EXPUNGE", "2")
        assert other.uid("SEARCH", "ALL")[1] == [b"1 3"]


def test_multiappend_is_all_or_nothing(actor: IMAPClient) -> None:
    """Source: RFC 3502."""
    messages = [
        {"msg": letter("One"), "flags": [SEEN]},
        {"msg": letter("Two"), "flags": [FLAGGED, "$Label1"]},
    ]
    assert b"APPENDUID" in actor.multiappend(THERE, messages)[1][0]
    assert actor.multiappend("Nowhere", [letter("Three"), letter("Four")])[0] == "NO"
    assert actor.folder_status(THERE, ["MESSAGES"])[b"MESSAGES"] == 2
    actor.select_folder(THERE)
    flags = {
        uid: values[b"FLAGS"] for uid, values in actor.fetch(actor.search("ALL"), ["FLAGS"]).items()
    }
    assert SEEN in flags[1]
    assert {FLAGGED, b"$Label1"} <= set(flags[2])


def test_move_between_two_who_look(user: User, actor: IMAPClient) -> None:
    """Each message ends in one place, whoever moves it first. Source: RFC 6851."""
    with user.imaplib() as other:
        other.select(HERE)
        actor.move([1, 2], THERE)
        other.uid("MOVE", "1:3", THERE)
    subjects = []
    actor.select_folder(THERE)
    for values in actor.fetch(actor.search("ALL"), ["ENVELOPE"]).values():
        subjects.append(values[b"ENVELOPE"].subject)
    assert sorted(subjects) == [b"Letter 0", b"Letter 1", b"Letter 2"]
    actor.select_folder(HERE)
    actor.noop()
    assert actor.search("ALL") == []


def test_special_use_mailboxes_are_made_and_told(user: User, actor: IMAPClient) -> None:
    """Source: RFC 6154."""
    with user.imaplib() as other:
        other.delete("Archive")
        assert other.xatom("CREATE", "Cellar", r"(USE (\Archive))")[0] == "OK"
    special = {name: flags for flags, _, name in actor.list_folders()}
    assert b"\\Archive" in special["Cellar"]


def test_a_mailbox_that_is_deleted_under_its_reader(user: User, actor: IMAPClient) -> None:
    actor.create_folder("Brief")
    actor.append("Brief", letter("In Brief"))
    with user.imaplib() as other:
        other.select("Brief")
        actor.delete_folder("Brief")
        try:
            other.noop()
            other.uid("FETCH", "1", "(BODY.PEEK[])")
            other.select(HERE)
        except imaplib.IMAP4.abort:  # told to go away is an answer, too
            return
        assert other.uid("SEARCH", "ALL")[1] == [b"1 2 3"]


def test_deleted_flags_are_shared_and_expunged_once(actor: IMAPClient, watcher: IMAPClient) -> None:
    watcher.add_flags([1], [DELETED])
    actor.add_flags([2], [DELETED])
    actor.expunge()
    watcher.expunge()
    assert actor.search("ALL") == watcher.search("ALL") == [3]
