"""Errors and limits that a server can be brought to, each by the name the RFCs give it."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from mailserver.app.doors import Hall
from mailserver.model.errors import Condition, Refused, Transient
from mailserver.model.message import KEYWORDS_PER_ACCOUNT
from mailserver.store.driver import Sql, run
from tests.support.jmap_calls import Client, hall_in, person
from tests.webui.jmap.test_mail_reading import plain, put
from webui.jmap import limits
from webui.jmap.email_objects import DAMAGED
from webui.jmap.errors import set_error


async def _ids(client: Client, **arguments: Any) -> list[str]:
    found: list[str] = (await client.call("Email/query", **arguments))["ids"]
    return found


async def _uploaded(client: Client, octets: bytes) -> str:
    (made,) = (
        await client.call("Blob/upload", create={"b": {"data": [{"data:asText": octets.decode()}]}})
    )["created"].values()
    return str(made["id"])


def _draft(drafts: str, **more: Any) -> dict[str, Any]:
    return {
        "mailboxIds": {drafts: True},
        "subject": "Words",
        "textBody": [{"partId": "t"}],
        "bodyValues": {"t": {"value": "Hello"}},
        **more,
    }


async def test_more_objects_than_said_are_not_set(ann: Client) -> None:
    create = {f"k{n}": {"name": f"n{n}"} for n in range(limits.OBJECTS_IN_SET + 1)}
    assert (await ann.call("Mailbox/set", create=create))["error"] == "requestTooLarge"
    destroy = [f"M{n}" for n in range(1, limits.OBJECTS_IN_SET + 2)]
    assert (await ann.call("Email/set", destroy=destroy))["error"] == "requestTooLarge"


@pytest.mark.parametrize("kind", ["Thread", "Email", "Mailbox", "Identity", "ContactCard"])
async def test_more_objects_than_said_are_not_given(ann: Client, kind: str) -> None:
    names = [f"X{n}" for n in range(limits.OBJECTS_IN_GET + 1)]
    assert (await ann.call(f"{kind}/get", ids=names))["error"] == "requestTooLarge"


async def test_all_mailboxes_are_given_as_long_as_they_are_not_too_many(ann: Client) -> None:
    there = len((await ann.call("Mailbox/get", ids=None))["list"])
    create = {f"k{n}": {"name": f"n{n}"} for n in range(limits.OBJECTS_IN_GET - there)}
    assert (await ann.call("Mailbox/set", create=create))["notCreated"] is None
    everything = await ann.call("Mailbox/get", ids=None)
    assert len(everything["list"]) == limits.OBJECTS_IN_GET
    await ann.call("Mailbox/set", create={"k": {"name": "one more"}})
    assert (await ann.call("Mailbox/get", ids=None))["error"] == "requestTooLarge"
    assert len((await ann.call("Mailbox/query"))["ids"]) == limits.OBJECTS_IN_GET + 1


async def test_keywords_beyond_all_measure_are_too_many(ann: Client) -> None:
    await put(ann, plain("one"))
    (email,) = await _ids(ann)
    many = {f"k{n}": True for n in range(KEYWORDS_PER_ACCOUNT + 1)}
    answer = await ann.call("Email/set", update={email: {"keywords": many}})
    assert answer["notUpdated"][email]["type"] == "tooManyKeywords"
    drafts = await ann.mailbox("drafts")
    answer = await ann.call("Email/set", create={"k": _draft(drafts, keywords=many)})
    assert answer["notCreated"]["k"]["type"] == "tooManyKeywords"


async def test_a_message_over_the_limit_is_too_large_however_it_comes(tmp_path: Path) -> None:
    async with (
        hall_in(tmp_path, limits__message_octets=64 * 1024) as hall,
        person(hall) as ann,
    ):
        drafts = await ann.mailbox("drafts")
        long = _draft(drafts, bodyValues={"t": {"value": "x" * 70_000}})
        answer = await ann.call("Email/set", create={"k": long})
        assert answer["notCreated"]["k"]["type"] == "tooLarge"
        assert answer["notCreated"]["k"]["maxSize"] == 64 * 1024
        blob = await _uploaded(ann, plain("one", "x" * 70_000))
        given = {"i": {"blobId": blob, "mailboxIds": {drafts: True}}}
        answer = await ann.call("Email/import", emails=given)
        assert answer["notCreated"]["i"]["type"] == "tooLarge"
        session = ann.context.services.settings.limits.message_octets
        most = session * 57 // 78
        blob = await _uploaded(ann, b"x" * (most + 1))
        attached = _draft(drafts, attachments=[{"blobId": blob, "type": "application/x"}])
        answer = await ann.call("Email/set", create={"k": attached})
        assert answer["notCreated"]["k"]["type"] == "tooLarge", "maxSizeAttachmentsPerEmail"


async def test_a_full_account_takes_nothing_more(ann: Client, hall: Hall) -> None:
    drafts = await ann.mailbox("drafts")
    blob = await _uploaded(ann, plain("one"))
    (account,) = await hall.house.store.accounts.listing()
    await hall.house.store.accounts.set_quota(account.account_id, 10)
    answer = await ann.call("Email/set", create={"k": _draft(drafts)})
    assert answer["notCreated"]["k"]["type"] == "overQuota"
    given = {"i": {"blobId": blob, "mailboxIds": {drafts: True}}}
    answer = await ann.call("Email/import", emails=given)
    assert answer["notCreated"]["i"]["type"] == "overQuota"


def test_a_full_server_is_told_from_a_full_account() -> None:
    full = set_error(Transient(Condition.STORAGE_FULL, "no room"))
    assert full.members == {"type": "overQuota", "description": "no room", "isServerFull": True}
    mine = set_error(Refused(Condition.OVER_QUOTA, "no room"))
    assert mine.members == {"type": "overQuota", "description": "no room"}


async def test_what_is_no_message_is_not_imported(ann: Client) -> None:
    blob = await _uploaded(ann, b"\r\nno header at all\r\n")
    given = {"i": {"blobId": blob, "mailboxIds": {await ann.mailbox("drafts"): True}}}
    answer = await ann.call("Email/import", emails=given)
    assert answer["notCreated"]["i"]["type"] == "invalidEmail"


async def test_one_damaged_letter_keeps_no_other_from_its_reader(ann: Client, hall: Hall) -> None:
    await put(ann, plain("one", "First words."), plain("two", "Second words."))
    first, second = sorted(await _ids(ann))
    await hall.house.store.database.write(
        lambda connection: run(
            connection,
            Sql(
                "UPDATE blobs SET data = (SELECT b.data FROM blobs b WHERE b.blob_id = 2)"
                " WHERE blob_id = 1"
            ),
        )
    )
    names = ["subject", "size", "bodyValues", "textBody", "header:X-None", "isDamaged"]
    wanted = {"ids": [first, second], "properties": names, "fetchTextBodyValues": True}
    damaged, sound = (await ann.call("Email/get", **wanted))["list"]
    assert (damaged["isDamaged"], sound["isDamaged"]) == (True, False)
    assert (damaged["size"] > 0, damaged["subject"]) == (True, None)
    (said,) = damaged["bodyValues"].values()
    assert said["value"].strip() == DAMAGED.format(first)
    assert "Second words." in str(sound["bodyValues"])
    listed = (await ann.call("Email/get", ids=[first, second], properties=["subject"]))["list"]
    assert [each["subject"] for each in listed] == ["one", "two"], "which the summary tells"


async def test_a_list_shows_the_others_though_one_summary_is_damaged(
    ann: Client, hall: Hall
) -> None:
    await put(ann, plain("one"), plain("two"))
    first, second = sorted(await _ids(ann))
    await hall.house.store.database.write(
        lambda connection: run(
            connection,
            Sql(
                "UPDATE emails SET summary ="
                " (SELECT e.summary FROM emails e WHERE e.account_id = emails.account_id"
                " AND e.email_id = ?) WHERE email_id = ?"
            ),
            (int(second[1:]), int(first[1:])),
        )
    )
    names = ["subject", "preview", "from", "hasAttachment", "mailboxIds", "isDamaged"]
    damaged, sound = (await ann.call("Email/get", ids=[first, second], properties=names))["list"]
    assert (damaged["isDamaged"], damaged["subject"], damaged["from"]) == (True, None, None)
    assert (damaged["preview"], damaged["hasAttachment"]) == (DAMAGED.format(first), False)
    assert damaged["mailboxIds"] == sound["mailboxIds"]
    assert sound["subject"] == "two"


async def test_another_accounts_ids_are_nobodys(ann: Client, hall: Hall) -> None:
    async with person(hall, "bob") as bob:
        await put(bob, plain("his one"), plain("his two"), plain("his three"))
        await put(ann, plain("hers"))
        his = sorted(await _ids(bob))
        (mine,) = await _ids(ann)
        got = await bob.call("Email/get", ids=his, properties=["blobId"])
        blobs = [each["blobId"] for each in got["list"]]
        (_, refused), *_ = await ann.raw(
            ("Email/get", {"accountId": bob.account_id, "ids": his, "properties": ["subject"]})
        )
        assert refused["type"] == "accountNotFound"
        seen = await ann.call("Email/get", ids=his, properties=["subject"])
        assert {each["subject"] for each in seen["list"]} <= {"hers"}
        assert set(seen["notFound"]) == set(his) - {mine}
        taken = await ann.call("Blob/get", ids=blobs)
        assert all("his" not in str(each) for each in taken["list"])
        made = await ann.call(
            "Email/import",
            emails={
                f"i{n}": {"blobId": blob, "mailboxIds": {await ann.mailbox("drafts"): True}}
                for n, blob in enumerate(blobs)
            },
        )
        subjects = await ann.call(
            "Email/get",
            ids=[each["id"] for each in (made["created"] or {}).values()],
            properties=["subject"],
        )
        assert all("his" not in each["subject"] for each in subjects["list"])


@pytest.mark.long
async def test_while_nothing_can_be_written_the_server_is_unavailable(tmp_path: Path) -> None:
    async with hall_in(tmp_path) as hall, person(hall) as ann:
        path = hall.house.settings.database_url.removeprefix("sqlite:///")
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        create = {"k": {"name": "Later"}}
        answer = await ann.call("Mailbox/set", create=create)
        other.close()
        refused = answer.get("error") or answer["notCreated"]["k"]["type"]
        assert refused == "serverUnavailable"
        assert (await ann.call("Mailbox/set", create=create))["created"]
