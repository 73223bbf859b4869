"""Append: numbers that only rise, all or nothing, refusals that touch nobody else."""

import asyncio
import os

import pytest

from mailserver.model.errors import Absent, Condition, Refused
from mailserver.model.ids import EmailId, MailboxId, new_account_id
from mailserver.model.message import Flag
from mailserver.store.changes import AccountChange
from mailserver.store.store import ROW_OCTETS, Store
from tests.support.store import NOW, House, build


async def test_a_message_comes_back_as_it_was_stored(house: House) -> None:
    email = house.email(b"b" * 500, flags=Flag.SEEN | Flag.DRAFT, keywords=(7, 300))
    appended = await house.store.emails.append(email)
    [row] = await house.store.entries.rows(
        house.account, house.inbox, None, summary=True, body=True
    )
    assert (row.uid, row.email_id, row.flags, row.modseq) == (
        appended.uid,
        appended.email_id,
        Flag.SEEN | Flag.DRAFT,
        appended.modseq,
    )
    assert (row.summary, row.body) == (email.summary, email.body)
    assert (row.object_id, row.epoch, row.size_octets) == (email.object_id, house.epoch, 1_000)
    assert (row.keywords, row.internaldate, row.saved_at) == ((7, 300), NOW, NOW)
    [tail] = await house.store.tails.tails(house.account)
    assert (tail.email_id, tail.object_id, tail.tail) == (row.email_id, row.object_id, email.tail)


async def test_uids_and_modseqs_rise_and_counts_follow(house: House) -> None:
    before = await house.store.mailboxes.get(house.account, house.inbox)
    first = await house.store.emails.append(house.email(size=10))
    second = await house.store.emails.append(house.email(size=20, flags=Flag.SEEN | Flag.DELETED))
    assert (first.uid, second.uid) == (1, 2)
    assert first.uid_validity == second.uid_validity == before.uid_validity
    assert before.highest_modseq < first.modseq < second.modseq
    after = await house.store.mailboxes.get(house.account, house.inbox)
    assert after.uid_next == 3
    assert (after.total, after.unseen, after.deleted, after.octets) == (2, 1, 1, 30)
    assert after.highest_modseq == second.modseq
    assert (await house.store.accounts.get(house.account)).used_octets == 30


async def test_concurrent_appends_share_commits_and_never_numbers(store: Store) -> None:
    houses = [await build(store, name) for name in ("ann", "bob", "cyd")]
    told: list[AccountChange] = []
    store.on_change = told.append

    async def append(house: House) -> tuple[int, int]:
        done = await house.store.emails.append(house.email())
        return done.uid, done.email_id

    for house in houses:
        numbers = await asyncio.gather(*[append(house) for _ in range(40)])
        assert sorted(numbers) == [(n, n) for n in range(1, 41)]
    for house in houses:
        mine = [change for change in told if change.account_id == house.account]
        modseqs = [change.modseq for change in mine]
        assert modseqs == sorted(set(modseqs))
        uids = [uid for change in mine for part in change.entries for uid in part.appeared]
        assert uids == list(range(1, 41))


async def test_many_accounts_at_once_do_not_meet(store: Store) -> None:
    houses = [await build(store, f"user{n}") for n in range(12)]
    await asyncio.gather(*[h.store.emails.append(h.email()) for h in houses for _ in range(5)])
    for house in houses:
        row = await store.mailboxes.get(house.account, house.inbox)
        assert (row.total, row.uid_next) == (5, 6)


async def test_a_full_account_refuses_only_its_own(store: Store) -> None:
    full, other = await build(store, "full", quota=2_500), await build(store, "other")
    outcomes = await asyncio.gather(
        *[house.store.emails.append(house.email()) for house in (full, other) for _ in range(4)],
        return_exceptions=True,
    )
    refused = [each for each in outcomes if isinstance(each, Refused)]
    assert [each.condition for each in refused] == [Condition.OVER_QUOTA] * 2
    assert (await store.mailboxes.get(full.account, full.inbox)).total == 2
    assert (await store.mailboxes.get(other.account, other.inbox)).total == 4
    await store.emails.append(full.email(quota=False))
    assert (await store.accounts.get(full.account)).used_octets == 3_000


async def test_several_messages_are_stored_whole_or_not_at_all(store: Store) -> None:
    house = await build(store, quota=2_500)
    with pytest.raises(Refused) as refused:
        await house.fill(3)
    assert refused.value.condition is Condition.OVER_QUOTA
    assert (await store.mailboxes.get(house.account, house.inbox)).total == 0
    done = await store.emails.append_all([house.email(), house.email(mailbox=house.archive)])
    assert [each.uid for each in done] == [1, 1]
    assert done[0].modseq == done[1].modseq
    assert await store.emails.append_all([]) == []


async def test_one_append_is_one_accounts(store: Store) -> None:
    ann, bob = await build(store, "ann"), await build(store, "bob")
    with pytest.raises(ValueError, match="one account"):
        await store.emails.append_all([ann.email(), bob.email()])


async def test_a_missing_mailbox_or_account_is_absent(house: House) -> None:
    with pytest.raises(Absent) as no_mailbox:
        await house.store.emails.append(house.email(mailbox=MailboxId(99)))
    assert no_mailbox.value.condition is Condition.NO_SUCH_MAILBOX
    stranger = House(house.store, new_account_id(), house.inbox, house.archive, house.epoch)
    with pytest.raises(Absent) as no_account:
        await house.store.emails.append(stranger.email())
    assert no_account.value.condition is Condition.NO_SUCH_USER


async def test_large_bodies_go_to_files_and_come_back(house: House) -> None:
    limit = ROW_OCTETS[house.store.database.kind]
    large, small = os.urandom(limit + 1), os.urandom(limit)
    await house.store.emails.append_all([house.email(large), house.email(small)])
    assert len(list(house.store.blob_store.stored())) == 1
    rows = await house.store.entries.rows(house.account, house.inbox, None, body=True)
    assert [row.body for row in rows] == [large, small]
    blobs = await house.store.emails.blob(house.account, [EmailId(2), EmailId(1), EmailId(9)])
    assert [(blob.email_id, blob.body) for blob in blobs] == [(1, large), (2, small)]
    assert {blob.epoch for blob in blobs} == {house.epoch}


async def test_a_refused_message_leaves_no_file(store: Store) -> None:
    house = await build(store, quota=10)
    with pytest.raises(Refused):
        await store.emails.append(house.email(os.urandom(100_000)))
    assert list(store.blob_store.stored()) == []


async def test_replies_find_their_thread_even_in_the_same_commit(house: House) -> None:
    first, second, other = b"a" * 16, b"b" * 16, b"c" * 16
    emails = [
        house.email(hashes=(first,)),
        house.email(hashes=(second, first)),
        house.email(hashes=(other,)),
        house.email(hashes=()),
    ]
    await house.store.emails.append_all(emails)
    await house.store.emails.append(house.email(hashes=(b"d" * 16, b"unknown-16-bytes", second)))
    rows = await house.store.entries.rows(house.account, house.inbox, None)
    threads = [row.thread_id for row in rows]
    assert threads[0] == threads[1] == threads[4]
    assert len(set(threads)) == 3


async def test_threads_of_one_account_are_not_anothers(store: Store) -> None:
    ann, bob = await build(store, "ann"), await build(store, "bob")
    await ann.fill(3)
    await asyncio.gather(
        *[store.emails.append(house.email(hashes=(b"same-for-both-16",))) for house in (ann, bob)]
    )
    [row] = await store.entries.rows(bob.account, bob.inbox, None)
    assert row.thread_id == 1


async def test_a_cancelled_caller_loses_nothing_that_was_told(house: House) -> None:
    told: list[AccountChange] = []
    house.store.on_change = told.append
    tasks = [asyncio.ensure_future(house.store.emails.append(house.email())) for _ in range(20)]
    await asyncio.sleep(0)
    for task in tasks[::2]:
        task.cancel()
    done = await asyncio.gather(*tasks, return_exceptions=True)
    kept = {each.uid for each in done if not isinstance(each, BaseException)}
    assert len(kept) == 10
    uids = await house.store.mailboxes.select(house.account, house.inbox, writable=False)
    assert kept <= set(uids.uids)
    appeared = [uid for change in told for part in change.entries for uid in part.appeared]
    assert sorted(appeared) == list(uids.uids)
