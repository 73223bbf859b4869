"""What ends by age: each category at its second, held and restricted ones not, none waiting."""

import secrets
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from mailserver.audit.entry import Event, decode
from mailserver.model.errors import Condition, Conflict, PeerFault, Transient
from mailserver.model.ids import ModSeq, new_object_id
from mailserver.model.message import Flag, StoreMode
from mailserver.model.sealed import Sealed
from mailserver.privacy.holds import EVERYTHING
from mailserver.privacy.retention import EVERY, REPORTED_AFTER, Category, Held, Retention
from mailserver.privacy.retention_rows import KEPT_AS
from mailserver.runtime.clock import ManualClock
from mailserver.runtime.settings import load
from mailserver.store import keystore_tables, schema
from mailserver.store.accounts import AccountState
from tests.support.ageing import ALICE, CASES, DAY, HOUR, SECOND, date_back, tossed, trash
from tests.support.books import books_of, count
from tests.support.mail import MailNode, append, letter, messages, open_mail


@pytest.fixture
async def mail(mail_url: str, keystore_url: str, tmp_path: Path) -> AsyncIterator[MailNode]:
    async with open_mail(mail_url, keystore_url, tmp_path, ManualClock()) as node:
        yield node


@pytest.mark.long
@pytest.mark.parametrize("name", CASES)
async def test_t_ret_1_each_category_ends_at_its_second(mail: MailNode, name: str) -> None:
    case, retention = CASES[name], books_of(mail.node).retention
    await case.fill(mail)
    before = await case.left(mail.node)
    assert before > 0
    mail.node.clock.advance(case.kept - SECOND)
    await retention.run()
    assert await case.left(mail.node) == before
    mail.node.clock.advance(2 * SECOND)
    dry = {one.category.name: one.found for one in await retention.run(dry=True)}
    assert await case.left(mail.node) == before
    assert dry[name] in (None, before)
    await retention.run()
    assert await case.left(mail.node) == 0
    assert await mail.node.store.check() == []


@pytest.mark.long
async def test_t_ret_1_a_hash_ends_with_its_conversation(mail: MailNode) -> None:
    retention = books_of(mail.node, retention__trash_days=1).retention
    await trash(mail)
    await retention.run()
    assert await count(mail.node, "thread_hashes") == 1
    mail.node.clock.advance(DAY)
    await retention.run()
    assert await count(mail.node, "thread_hashes") == 0


@pytest.mark.long
async def test_t_ret_1_an_object_that_no_row_names_ends_after_a_day(
    mail: MailNode, tmp_path: Path
) -> None:
    retention, store, name = books_of(mail.node).retention, mail.node.store, new_object_id()
    await tossed(mail, "INBOX", body=secrets.token_hex(150_000))
    kept = set(store.blob_store.stored())
    assert len(kept) == 1
    store.blob_store.put(name, Sealed(b"left over by a crash"))
    date_back(tmp_path, mail.node.clock.now())
    for wait, left in ((DAY - SECOND, kept | {name}), (2 * SECOND, kept)):
        mail.node.clock.advance(wait)
        await retention.run()
        assert set(store.blob_store.stored()) == left


async def test_old_changes_go_and_mail_stays(mail: MailNode) -> None:
    account, retention = await mail.account(), books_of(mail.node).retention
    await append(account, letter(), letter())
    inbox = await account.mailboxes.named("INBOX")
    await account.messages.store(inbox.id, [(1, 1)], StoreMode.ADD, Flag.DELETED, frozenset())
    await account.messages.expunge(inbox.id)
    entries = mail.node.store.entries
    for days, complete in ((29, True), (2, False)):
        mail.node.clock.advance(days * DAY)
        await retention.run()
        changed = await entries.changed_since(account.account_id, inbox.id, ModSeq(1))
        assert changed.complete is complete
    assert [message.uid for message in await messages(account)] == [2]


async def test_t_ret_1_each_category_that_ends_here_has_its_case(mail: MailNode) -> None:
    ours = {one.name for one in books_of(mail.node).retention.categories if one.end}
    others = {"threads", "blobs", "opt-ins", "consents", *KEPT_AS["register"]}
    assert ours == {*CASES, *others} - {"registers"}


async def test_t_ret_2_a_restricted_account_keeps_what_it_has(mail: MailNode) -> None:
    retention = books_of(mail.node).retention
    await trash(mail)
    account_id = await mail.node.store.accounts.by_address(ALICE.key)
    assert account_id is not None
    await mail.node.store.accounts.set_state(account_id, AccountState.FROZEN)
    mail.node.clock.advance(60 * DAY)
    await retention.run()
    assert await count(mail.node, "entries") == 1
    await mail.node.store.accounts.set_state(account_id, AccountState.ACTIVE)
    await retention.run()
    assert await count(mail.node, "entries") == 0


@pytest.mark.parametrize("of", ["account", "category", "both"])
async def test_t_ret_2_a_legal_hold_keeps_what_it_covers_until_it_is_lifted(
    mail: MailNode, of: str
) -> None:
    books, clock = books_of(mail.node), mail.node.clock
    await trash(mail)
    account_id = await mail.node.store.accounts.by_address(ALICE.key)
    number = await books.holds.add(
        "order of a court",
        clock.now(),
        category=EVERYTHING if of == "account" else "trash",
        account_id=None if of == "category" else account_id,
    )
    clock.advance(60 * DAY)
    await books.retention.run()
    assert await count(mail.node, "entries") == 1
    await books.holds.lift(number, clock.now())
    await books.retention.run()
    assert await count(mail.node, "entries") == 0
    with pytest.raises(Conflict):
        await books.holds.lift(number, clock.now())


async def test_t_ret_2_a_hold_needs_a_reason_and_a_scope_and_ends_in_time(mail: MailNode) -> None:
    books, now = books_of(mail.node), mail.node.clock.now()
    for reason, category in (("", "trash"), ("a claim", EVERYTHING)):
        with pytest.raises(PeerFault) as raised:
            await books.holds.add(reason, now, category=category)
        assert raised.value.condition is Condition.BAD_SYNTAX
    await books.holds.add("a claim", now, category="trash", until=now + DAY)
    assert len(await books.holds.standing(now + DAY - SECOND)) == 1
    assert await books.holds.standing(now + DAY) == []


def test_t_ret_3_every_personal_column_has_a_row() -> None:
    columns = [
        column
        for metadata in (schema.metadata, keystore_tables.metadata)
        for table in metadata.sorted_tables
        for column in table.columns
        if column.info["pd"] != "none"
    ]
    unkept = {column.info["retention"] for column in columns} - KEPT_AS.keys()
    assert unkept == set()


async def test_t_ret_3_what_columns_name_is_in_the_table(mail: MailNode) -> None:
    table = {one.name for one in books_of(mail.node).retention.categories}
    assert {name for names in KEPT_AS.values() for name in names} <= table


async def test_periods_are_within_their_bounds(mail: MailNode) -> None:
    for one in books_of(mail.node).retention.categories:
        assert one.period <= one.bound, one.name
    assert load(None, {}, {}).retention.audit_days == 365


async def test_it_comes_once_a_day_and_is_written_down_first(mail: MailNode) -> None:
    retention = books_of(mail.node).retention
    await trash(mail)
    assert await retention.tend()
    mail.node.clock.advance(EVERY - SECOND)
    assert await books_of(mail.node).retention.tend() == []  # after a restart as well
    mail.node.clock.advance(30 * DAY)
    assert await retention.tend()
    rows = [decode(row.entry) for row in await mail.node.store.audit.rows(0, 1_000)]
    runs = [row for row in rows if row.event is Event.RETENTION_RUN]
    assert [run.facts.get("trash") for run in runs] == [None, 1]


async def test_what_cannot_be_written_down_does_not_end(mail: MailNode) -> None:
    retention = books_of(mail.node).retention
    await trash(mail)
    mail.node.clock.advance(60 * DAY)
    database = mail.node.store.database
    await database.write(lambda c: c.execute(text("ALTER TABLE audit RENAME TO audit_away")))
    with pytest.raises(Exception, match="audit"):
        await retention.run()
    await database.write(lambda c: c.execute(text("ALTER TABLE audit_away RENAME TO audit")))
    assert await count(mail.node, "entries") == 1


@pytest.mark.long
async def test_a_category_that_fails_holds_up_no_other_and_is_reported(mail: MailNode) -> None:
    ended: list[datetime] = []

    async def fails(_before: datetime, _held: Held) -> int:
        raise Transient(Condition.UNAVAILABLE, "not now")

    async def ends(before: datetime, _held: Held) -> int:
        ended.append(before)
        return 1

    books, clock = books_of(mail.node), mail.node.clock
    rows = [
        Category("bad", "fails", DAY, DAY, end=fails),
        Category("good", "ends", DAY, DAY, end=ends),
    ]
    parts = (mail.node.store, books.ledger, books.holds, mail.node.chain, clock)
    retention = Retention(rows, *parts)
    first = clock.now()
    assert [one.failed for one in await retention.tend()] == [True, False]
    assert ended == [first - DAY]
    while clock.now() < first + REPORTED_AFTER:
        clock.advance(HOUR)
        assert (await retention.tend())[0].category.name == "bad"
    assert len(ended) == 3
    await retention.tend()
    entries = [decode(row.entry) for row in await mail.node.store.audit.rows(0, 1_000)]
    assert [entry.facts.get("failing") for entry in entries].count("bad") == 1
    assert (await retention.state())["bad"]["failing"] == first.isoformat()
