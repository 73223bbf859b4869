"""What a session believes of its mailbox moves only in the telling."""

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailserver.imap.updates import announcement
from mailserver.imap.view import View
from mailserver.model.change import Change, MailboxChange
from mailserver.model.errors import PeerFault
from mailserver.model.ids import AccountId, MailboxId, ModSeq, Uid
from mailserver.model.mailbox import Mailbox, MailboxView
from mailserver.model.message import NO_KEYWORDS, EntryFlags, Flag, Stored
from mailserver.protocol.imap.numset import SAVED, STAR, SequenceSet, UidSet

BOX = MailboxId(7)
ACCOUNT = AccountId(bytes(16))


def opened(*uids: int, recent_from: int = 1_000, modseq: int = 1) -> MailboxView:
    mailbox = Mailbox(
        BOX, "INBOX", None, 1, Uid(1_000), ModSeq(modseq), len(uids), 0, 0, 0, subscribed=True
    )
    return MailboxView(mailbox, array("I", uids), Uid(recent_from), None)


def view(*uids: int, recent_from: int = 1_000) -> View:
    return View(opened(*uids, recent_from=recent_from), writable=True)


def flags(uid: int, modseq: int, flag: Flag = Flag.SEEN) -> EntryFlags:
    return EntryFlags(Uid(uid), flag, NO_KEYWORDS, ModSeq(modseq))


def change(
    modseq: int,
    *,
    appeared: tuple[int, ...] = (),
    vanished: tuple[int, ...] = (),
    flagged: tuple[EntryFlags, ...] = (),
    mailbox_id: MailboxId = BOX,
) -> Change:
    entries = MailboxChange(
        mailbox_id, [Uid(u) for u in appeared], [Uid(u) for u in vanished], list(flagged)
    )
    return Change(ACCOUNT, ModSeq(modseq), [entries])


def told(view: View, *, expunges: bool = True, modseq: bool = False) -> bytes:
    return announcement(view, expunges=expunges, modseq=modseq)


def test_arrivals_are_told_once_with_the_new_total() -> None:
    seen = view(1, 2, recent_from=3)
    seen.note(change(5, appeared=(3, 4)))
    assert len(seen.uids) == 2
    assert told(seen) == b"* 4 EXISTS\r\n* 2 RECENT\r\n"
    assert told(seen) == b""


def test_expunges_are_told_highest_first_and_wait_where_they_may_not_be_told() -> None:
    seen = view(10, 20, 30, 40)
    seen.note(change(5, vanished=(10, 30)))
    assert told(seen, expunges=False) == b""
    assert list(seen.uids) == [10, 20, 30, 40]
    assert told(seen) == b"* 3 EXPUNGE\r\n* 1 EXPUNGE\r\n"
    assert list(seen.uids) == [20, 40]


def test_while_expunges_wait_arrivals_are_told_with_the_gone_still_counted() -> None:
    seen = view(10, 20)
    seen.note(change(5, vanished=(10,)))
    seen.note(change(6, appeared=(30,)))
    assert told(seen, expunges=False) == b"* 3 EXISTS\r\n* 0 RECENT\r\n"
    assert told(seen) == b"* 1 EXPUNGE\r\n"
    assert list(seen.uids) == [20, 30]


def test_a_message_that_came_and_went_unheard_is_never_told() -> None:
    seen = view(10)
    seen.note(change(5, appeared=(11, 12)))
    seen.note(change(6, vanished=(11,)))
    assert told(seen) == b"* 2 EXISTS\r\n* 0 RECENT\r\n"
    assert list(seen.uids) == [10, 12]


def test_flags_of_old_messages_are_told_at_their_new_position_those_of_new_ones_are_not() -> None:
    seen = view(10, 20)
    seen.note(change(5, vanished=(10,)))
    seen.note(change(6, appeared=(30,)))
    seen.note(change(7, flagged=(flags(20, 7), flags(30, 7))))
    assert told(seen).splitlines()[-1] == b"* 1 FETCH (FLAGS (\\Seen))"


def test_of_several_changes_the_last_flags_are_told_with_their_modseq() -> None:
    seen = view(10)
    seen.note(change(5, flagged=(flags(10, 5, Flag.DRAFT),)))
    seen.note(change(6, flagged=(flags(10, 6),)))
    assert told(seen, modseq=True) == b"* 1 FETCH (UID 10 FLAGS (\\Seen) MODSEQ (6))\r\n"


def test_flags_of_a_message_whose_expunge_waits_are_not_told() -> None:
    seen = view(10, 20)
    seen.note(change(5, vanished=(10,)))
    seen.note(change(6, flagged=(flags(10, 6),)))
    assert told(seen, expunges=False) == b""


def test_the_echo_of_ones_own_store_is_not_told_but_the_next_change_is() -> None:
    seen = view(10, 20)
    seen.note_stored(Stored([flags(10, 5)], [], ModSeq(5)))
    seen.note(change(5, flagged=(flags(10, 5),)))
    assert told(seen) == b""
    seen.note(change(6, flagged=(flags(10, 6),)))
    assert told(seen) == b"* 1 FETCH (FLAGS (\\Seen))\r\n"


def test_a_store_that_changed_nothing_hides_nobody_elses_change() -> None:
    seen = view(10, 20)
    seen.note_stored(Stored([], [], None))
    seen.note(change(5, flagged=(flags(20, 5),)))
    assert told(seen) == b"* 2 FETCH (FLAGS (\\Seen))\r\n"


def test_other_mailboxes_are_none_of_its_business() -> None:
    seen = view(10)
    seen.note(change(5, appeared=(11,), mailbox_id=MailboxId(8)))
    assert told(seen) == b""
    assert seen.modseq == 1


def test_a_change_that_comes_a_second_time_is_nothing() -> None:
    seen = view(10)
    for _ in range(2):
        seen.note(change(5, appeared=(11,)))
    assert told(seen) == b"* 2 EXISTS\r\n* 0 RECENT\r\n"
    seen.note(change(5, appeared=(11,)))
    assert told(seen) == b""


def test_resync_finds_what_was_lost() -> None:
    seen = view(10, 20, 30)
    seen.note(change(5, appeared=(40,)))
    seen.stale = True
    seen.resync(opened(20, 30, 50, modseq=9), [flags(30, 8)])
    assert not seen.stale
    assert seen.modseq == 9
    assert told(seen) == (
        b"* 1 EXPUNGE\r\n* 3 EXISTS\r\n* 0 RECENT\r\n* 2 FETCH (FLAGS (\\Seen))\r\n"
    )
    assert list(seen.uids) == [20, 30, 50]


def test_a_renamed_or_deleted_mailbox_is_stale() -> None:
    seen = view(10)
    seen.note(Change(ACCOUNT, ModSeq(5), mailboxes=[MailboxId(8)]))
    assert not seen.stale
    seen.note(Change(ACCOUNT, ModSeq(6), mailboxes=[BOX]))
    assert seen.stale


def test_sequence_numbers_become_uid_ranges() -> None:
    seen = view(10, 20, 30, 40)
    assert seen.uid_ranges(SequenceSet(((2, 3),))) == ((20, 30),)
    assert seen.uid_ranges(SequenceSet(((2, STAR),))) == ((20, 40),)
    assert seen.uid_ranges(SequenceSet(((STAR, STAR), (1, 1)))) == ((10, 10), (40, 40))


@pytest.mark.parametrize("ranges", [((5, 5),), ((1, 5),), ((5, STAR),)])
def test_a_sequence_number_above_the_total_is_a_fault(ranges: tuple[tuple[int, int], ...]) -> None:
    with pytest.raises(PeerFault):
        view(10, 20, 30, 40).uid_ranges(SequenceSet(ranges))


def test_star_is_a_fault_where_there_are_no_messages() -> None:
    with pytest.raises(PeerFault):
        view().uid_ranges(SequenceSet(((1, STAR),)))


def test_uids_that_the_client_does_not_know_of_are_left_out() -> None:
    seen = view(10, 20)
    assert seen.uid_ranges(UidSet(((15, STAR),))) == ((15, 20),)
    assert seen.uid_ranges(UidSet(((100, STAR),))) == ((20, 20),)  # RFC 9051: the last, always
    assert seen.uid_ranges(UidSet(((100, 200),))) == ()
    assert view().uid_ranges(UidSet(((1, STAR),))) == ()


def test_the_saved_result_stands_for_its_uids() -> None:
    seen = view(10, 20)
    assert seen.uid_ranges(UidSet(SAVED), ((20, 20),)) == ((20, 20),)
    assert seen.uid_ranges(SequenceSet(SAVED), ((20, 20),)) == ((20, 20),)


uid_sets = st.sets(st.integers(1, 60), max_size=30)


@given(uid_sets, uid_sets)
def test_positions_are_those_of_a_plain_list(known: set[int], asked: set[int]) -> None:
    seen = view(*sorted(known))
    order = sorted(known)
    assert seen.positions(sorted(asked)) == [order.index(u) + 1 for u in sorted(asked & known)]


@given(uid_sets, st.lists(st.tuples(st.sampled_from("+-"), st.integers(1, 60)), max_size=30))
def test_a_client_that_counts_along_ends_with_the_same_mailbox(
    start: set[int], events: list[tuple[str, int]]
) -> None:
    """The client keeps a list of positions only; after each telling it must be as long as ours."""
    seen, alive, count = view(*sorted(start)), sorted(start), len(start)
    for number, (kind, pick) in enumerate(events, 2):
        if kind == "+":
            new = 100 + number
            alive.append(new)
            seen.note(change(number, appeared=(new,)))
        elif alive:
            gone = alive.pop(pick % len(alive))
            seen.note(change(number, vanished=(gone,)))
        if pick % 3 == 0:
            for line in told(seen, expunges=pick % 2 == 0).splitlines():
                words = line.split()
                if words[2] == b"EXPUNGE":
                    assert int(words[1]) <= count
                    count -= 1
                elif words[2] == b"EXISTS":
                    assert int(words[1]) >= count
                    count = int(words[1])
            assert count == len(seen.uids)
    told(seen)
    assert list(seen.uids) == alive
