"""Methods, filters and orders that no other test asks for (RFC 8621 §4.4, §7; RFC 9425, 9610)."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mailserver.app.doors import Hall
from mailserver.store.ageing import Aged
from tests.support.jmap_calls import Client, hall_in, person
from tests.webui.jmap.test_mail_reading import plain, put


async def _subjects(client: Client, **arguments: Any) -> list[str]:
    answer = await client.call("Email/query", **arguments)
    assert "error" not in answer, answer
    got = await client.call("Email/get", ids=answer["ids"], properties=["subject"])
    return [each["subject"] for each in got["list"]]


async def _three(client: Client) -> None:
    await put(
        client,
        plain("beta", "x" * 3_000, From="Carl <c@else.test>", To="Noor <noor@example.test>",
              Date="Wed, 4 Mar 2026 09:30:00 +0100"),
        plain("alpha", From="Ann <a@else.test>", To="Zoe <zoe@example.test>",
              Cc="Wim <wim@work.test>", Date="Fri, 6 Mar 2026 09:30:00 +0100"),
        plain("Gamma", From="bob <b@else.test>", To="Mia <mia@example.test>",
              Bcc="Secret <s@hidden.test>", Date="Thu, 5 Mar 2026 09:30:00 +0100"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"to": "zoe"}, ["alpha"]),
        ({"cc": "WIM"}, ["alpha"]),
        ({"bcc": "hidden"}, ["Gamma"]),
        ({"minSize": 3_000}, ["beta"]),
        ({"maxSize": 3_000}, ["Gamma", "alpha"]),
        ({"minSize": 10, "maxSize": 11}, []),
        ({"body": "words"}, ["Gamma", "alpha"]),
        ({"text": "wim"}, ["alpha"]),
    ],
)
async def test_emails_are_found_by(ann: Client, wanted: dict[str, Any], found: list[str]) -> None:
    await _three(ann)
    order = [{"property": "subject", "isAscending": True}]
    assert sorted(await _subjects(ann, filter=wanted, sort=order)) == found


@pytest.mark.parametrize(
    ("order", "found"),
    [
        ("from", ["alpha", "Gamma", "beta"]),
        ("to", ["Gamma", "beta", "alpha"]),
        ("subject", ["alpha", "beta", "Gamma"]),
        ("sentAt", ["beta", "Gamma", "alpha"]),
        ("size", ["alpha", "Gamma", "beta"]),
    ],
)
async def test_emails_are_listed_in_order_of(ann: Client, order: str, found: list[str]) -> None:
    await _three(ann)
    up = [{"property": order, "isAscending": True}]
    if order == "size":
        assert (await _subjects(ann, sort=up))[-1] == "beta"
        return
    assert await _subjects(ann, sort=up) == found
    down = [{"property": order, "isAscending": False}]
    assert await _subjects(ann, sort=down) == found[::-1]


async def test_a_collation_of_ours_is_taken_and_no_other(ann: Client) -> None:
    await _three(ann)
    sort = [{"property": "subject", "collation": "i;unicode-casemap"}]
    assert await _subjects(ann, sort=sort) == ["alpha", "beta", "Gamma"]
    sort = [{"property": "subject", "collation": "i;nonsense"}]
    assert (await ann.call("Email/query", sort=sort))["error"] == "unsupportedSort"


async def test_the_quotas_changes_are_told(ann: Client) -> None:
    before = await ann.call("Quota/get", ids=None)
    (quota,) = before["list"]
    same = await ann.call("Quota/changes", sinceState=before["state"])
    assert (same["updated"], same["newState"]) == ([], before["state"])
    await put(ann, plain("one"))
    told = await ann.call("Quota/changes", sinceState=before["state"])
    assert (told["created"], told["updated"], told["destroyed"]) == ([], [quota["id"]], [])
    assert told["updatedProperties"] == ["used"]
    assert (await ann.call("Quota/changes", sinceState="x"))["error"] == "cannotCalculateChanges"
    assert (await ann.call("Quota/query", filter={"type": "Email"}))["ids"] == [quota["id"]]
    assert (await ann.call("Quota/query", filter={"name": "Files"}))["ids"] == []
    assert (await ann.call("Quota/query", filter={"size": 1}))["error"] == "unsupportedFilter"
    since = await ann.call("Quota/queryChanges", sinceQueryState="x")
    assert since["error"] == "cannotCalculateChanges"


async def test_address_books_changes_are_told(ann: Client) -> None:
    before = (await ann.call("AddressBook/get", ids=None))["state"]
    made = await ann.call("AddressBook/set", create={"b": {"name": "Club"}})
    book = made["created"]["b"]["id"]
    told = await ann.call("AddressBook/changes", sinceState=before)
    assert (told["created"], told["updated"], told["destroyed"]) == ([book], [], [])
    await ann.call("AddressBook/set", update={book: {"name": "Clubs"}})
    later = await ann.call("AddressBook/changes", sinceState=told["newState"])
    assert (later["created"], later["updated"], later["destroyed"]) == ([], [book], [])
    await ann.call("AddressBook/set", destroy=[book])
    last = await ann.call("AddressBook/changes", sinceState=later["newState"])
    assert (last["created"], last["updated"], last["destroyed"]) == ([], [], [book])


@pytest.fixture
async def sender(tmp_path: Path) -> AsyncIterator[Client]:
    """Somebody whose server sends mail on."""
    async with hall_in(tmp_path, relay__enabled=True) as hall, person(hall) as client:
        yield client


async def _submitted(client: Client, email: str, identity: str, hold: str = "") -> dict[str, Any]:
    name, _, value = hold.partition("=")
    envelope = {
        "mailFrom": {
            "email": client.account.address,
            "parameters": {name: value} if hold else None,
        },
        "rcptTo": [{"email": "x@elsewhere.test"}],
    }
    made = {"s": {"identityId": identity, "emailId": email, "envelope": envelope}}
    answer = await client.call("EmailSubmission/set", create=made)
    assert answer["created"], answer
    found: dict[str, Any] = answer["created"]["s"]
    return found


async def _draft(client: Client, subject: str) -> tuple[str, str]:
    given = {
        "mailboxIds": {await client.mailbox("drafts"): True},
        "from": [{"email": client.account.address}],
        "subject": subject,
        "textBody": [{"partId": "t"}],
        "bodyValues": {"t": {"value": "Hello"}},
    }
    answer = await client.call("Email/set", create={"k": given})
    return answer["created"]["k"]["id"], answer["created"]["k"]["threadId"]


async def test_submissions_wait_until_an_instant_and_are_found_by_it(sender: Client) -> None:
    identity = str((await sender.call("Identity/get", ids=None))["list"][0]["id"])
    first, thread = await _draft(sender, "first")
    second, _ = await _draft(sender, "second")
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=5)
    late = await _submitted(sender, first, identity, f"HOLDUNTIL={until:%Y-%m-%dT%H:%M:%SZ}")
    assert late["sendAt"] == f"{until:%Y-%m-%dT%H:%M:%SZ}"
    assert late["undoStatus"] == "pending"
    state = (await sender.call("EmailSubmission/query"))["queryState"]
    soon = await _submitted(sender, second, identity, "HOLDFOR=60")
    between = f"{until - timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"
    for wanted, found in (
        ({"identityIds": [identity]}, {late["id"], soon["id"]}),
        ({"identityIds": ["I99"]}, set()),
        ({"threadIds": [thread]}, {late["id"]}),
        ({"emailIds": [second]}, {soon["id"]}),
        ({"before": between}, {soon["id"]}),
        ({"after": between}, {late["id"]}),
    ):
        answer = await sender.call("EmailSubmission/query", filter=wanted)
        assert set(answer["ids"]) == found, wanted
    told = await sender.call("EmailSubmission/queryChanges", sinceQueryState=state)
    assert [each["id"] for each in told["added"]] == [soon["id"]]
    past = await sender.call(
        "EmailSubmission/set",
        create={
            "s": {
                "identityId": identity,
                "emailId": second,
                "envelope": {
                    "mailFrom": {
                        "email": sender.account.address,
                        "parameters": {"HOLDUNTIL": "no date"},
                    },
                    "rcptTo": [{"email": "x@elsewhere.test"}],
                },
            }
        },
    )
    assert past["notCreated"]["s"]["type"] == "invalidProperties"


async def test_what_was_sent_may_be_destroyed_at_once(sender: Client) -> None:
    identity = str((await sender.call("Identity/get", ids=None))["list"][0]["id"])
    email, _ = await _draft(sender, "gone")
    made = {
        "s": {
            "identityId": identity,
            "emailId": email,
            "envelope": {
                "mailFrom": {"email": sender.account.address},
                "rcptTo": [{"email": "x@elsewhere.test"}],
            },
        }
    }
    first, second = await sender.request(
        ("EmailSubmission/set", {"create": made, "onSuccessDestroyEmail": ["#s"]})
    )
    assert first[1]["created"]
    assert second == ("Email/set", {**second[1], "destroyed": [email]})
    assert (await sender.call("Email/get", ids=[email]))["notFound"] == [email]


KINDS = ("Mailbox", "Email", "Thread", "Identity", "EmailSubmission", "ContactCard", "AddressBook")


@pytest.mark.parametrize("late", [False, True], ids=["in time", "a second late"])
async def test_changes_are_exact_for_thirty_days_and_then_cannot_be_told(
    ann: Client, hall: Hall, *, late: bool
) -> None:
    states = {kind: (await ann.call(f"{kind}/get", ids=[]))["state"] for kind in KINDS}
    query = (await ann.call("Email/query"))["queryState"]
    await put(ann, plain("one"))
    await ann.call("ContactCard/set", create={"c": await _card(ann)})
    await ann.call("AddressBook/set", create={"b": {"name": "Club"}})
    (last,) = (await ann.call("Email/query"))["ids"]
    await ann.call("Email/set", destroy=[last])
    second = timedelta(seconds=1)
    until = datetime.now(UTC) + (60 * second if late else -60 * second)
    await hall.house.store.ageing.end(Aged.CHANGES, until)
    wanted = "cannotCalculateChanges" if late else None
    for kind in ("Mailbox", "Email", "Thread", "ContactCard", "AddressBook"):
        answer = await ann.call(f"{kind}/changes", sinceState=states[kind])
        assert answer.get("error") == wanted, kind
    answer = await ann.call("Email/queryChanges", sinceQueryState=query)
    assert answer.get("error") == wanted


async def _card(client: Client) -> dict[str, Any]:
    (book,) = (await client.call("AddressBook/get", ids=None))["list"]
    return {"addressBookIds": {book["id"]: True}, "name": {"full": "Eve"}}
