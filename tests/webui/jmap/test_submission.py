"""EmailSubmission sends by SMTP's rules, and what waits can be taken back (RFC 8621 §7)."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from mailserver.app.doors import Hall
from mailserver.vault.records import Scope
from tests.support.jmap_calls import Client, hall_in, person


@pytest.fixture
async def hall(tmp_path: Path, database_url: str) -> AsyncIterator[Hall]:
    """A server that sends mail on."""
    other: dict[str, Any] = {"relay__enabled": True}
    if not database_url.startswith("sqlite"):
        other["database__url"] = database_url
    async with hall_in(tmp_path, **other) as made:
        yield made


async def _draft(client: Client, **more: Any) -> str:
    given = {
        "mailboxIds": {await client.mailbox("drafts"): True},
        "keywords": {"$draft": True},
        "from": [{"email": client.account.address}],
        "to": [{"email": "bob@example.test"}],
        "bcc": [{"email": "eve@elsewhere.test"}],
        "subject": "Hello",
        "textBody": [{"partId": "t"}],
        "bodyValues": {"t": {"value": "Hello"}},
        **more,
    }
    answer = await client.call("Email/set", create={"k": given})
    return str(answer["created"]["k"]["id"])


async def _identity(client: Client) -> str:
    return str((await client.call("Identity/get", ids=None))["list"][0]["id"])


def _held(client: Client, seconds: int) -> dict[str, Any]:
    return {
        "mailFrom": {"email": client.account.address, "parameters": {"HOLDFOR": str(seconds)}},
        "rcptTo": [{"email": "ann@example.test"}, {"email": "x@elsewhere.test"}],
    }


async def _of(client: Client, email_id: str, *names: str) -> dict[str, Any]:
    answer = await client.call("Email/get", ids=[email_id], properties=["id", *names])
    found: dict[str, Any] = answer["list"][0]
    return found


async def test_a_draft_is_sent_and_filed(ann: Client, hall: Hall) -> None:
    async with person(hall, "bob") as bob:
        email_id, sent = await _draft(ann), await ann.mailbox("sent")
        drafts = await ann.mailbox("drafts")
        create = {"s": {"identityId": await _identity(ann), "emailId": email_id}}
        patch = {f"mailboxIds/{drafts}": None, f"mailboxIds/{sent}": True, "keywords/$draft": None}
        first, second = await ann.request(
            ("EmailSubmission/set", {"create": create, "onSuccessUpdateEmail": {"#s": patch}})
        )
        made = first[1]["created"]["s"]
        assert made["undoStatus"] == "final"
        assert [each["email"] for each in made["envelope"]["rcptTo"]] == [
            "bob@example.test",
            "eve@elsewhere.test",
        ]
        assert second[0] == "Email/set"
        assert second[1]["updated"] == {email_id: None}
        assert (await _of(ann, email_id, "mailboxIds"))["mailboxIds"] == {sent: True}
        got = (await ann.call("EmailSubmission/get", ids=[made["id"]]))["list"][0]
        assert got["deliveryStatus"]["eve@elsewhere.test"]["delivered"] == "queued"
        inbox = await bob.mailbox("inbox")
        (came,) = (await bob.call("Email/query", filter={"inMailbox": inbox}))["ids"]
        listed = [each async for each in bob.account.emails.get([int(came[1:])], content=True)]  # type: ignore[list-item]  # its number
        assert listed[0].octets is not None
        octets = listed[0].octets.reveal()
        assert b"127.0.0.1" not in octets
        assert b"eve@" not in octets
        assert b"with HTTPS id" in octets
        assert await hall.house.store.check(quiet=True) == []


async def test_what_waits_is_taken_back_and_a_draft_again(ann: Client, hall: Hall) -> None:
    email_id, sent = await _draft(ann), await ann.mailbox("sent")
    create = {
        "s": {
            "identityId": await _identity(ann),
            "emailId": email_id,
            "envelope": _held(ann, 60),
        }
    }
    filed = {"mailboxIds": {sent: True}, "keywords": {"$seen": True}}
    answer = await ann.call(
        "EmailSubmission/set", create=create, onSuccessUpdateEmail={"#s": filed}
    )
    made = answer["created"]["s"]
    assert made["undoStatus"] == "pending"
    answer = await ann.call("EmailSubmission/set", update={made["id"]: {"undoStatus": "canceled"}})
    assert answer["updated"] == {made["id"]: None}
    again = await _of(ann, email_id, "mailboxIds", "keywords")
    assert again["mailboxIds"] == {await ann.mailbox("drafts"): True}
    assert again["keywords"] == {"$seen": True, "$draft": True}
    assert [each async for each in hall.house.queue_desk.listing()] == []
    told = await ann.call("EmailSubmission/changes", sinceState=answer["oldState"])
    assert told["updated"] == [made["id"]]
    query = {"filter": {"undoStatus": "canceled"}, "calculateTotal": True}
    found = await ann.call("EmailSubmission/query", **query)
    assert (found["ids"], found["total"]) == ([made["id"]], 1)
    answer = await ann.call("EmailSubmission/set", destroy=[made["id"], "S9"])
    assert answer["destroyed"] == [made["id"]]
    assert answer["notDestroyed"]["S9"]["type"] == "notFound"


async def test_what_was_sent_is_not_unsent(ann: Client) -> None:
    email = await _draft(ann, to=[{"email": "ann@example.test"}])
    create = {"s": {"identityId": await _identity(ann), "emailId": email}}
    made = (await ann.call("EmailSubmission/set", create=create))["created"]["s"]
    refused = {"undoStatus": "canceled"}
    answer = await ann.call("EmailSubmission/set", update={made["id"]: refused})
    assert answer["notUpdated"][made["id"]]["type"] == "cannotUnsend"


async def test_what_cannot_be_sent_is_said(ann: Client) -> None:
    identity, email = await _identity(ann), await _draft(ann)
    to = [{"email": "x@elsewhere.test"}]
    other = await _draft(ann, **{"from": [{"email": "bob@example.test"}]})
    nobody = await _draft(ann, to=[], bcc=[])
    anonymous = await _draft(ann, **{"from": None})
    mine = {"email": "ann@example.test"}
    refused: list[tuple[dict[str, Any], str]] = [
        ({"identityId": "I99"}, "invalidProperties"),
        ({"emailId": "M99"}, "invalidProperties"),
        ({"sendAt": "2030-01-01T00:00:00Z"}, "invalidProperties"),
        ({"undoStatus": "canceled"}, "invalidProperties"),
        ({"envelope": {"mailFrom": mine, "rcptTo": []}}, "noRecipients"),
        ({"envelope": {"mailFrom": mine, "rcptTo": to * 1_001}}, "tooManyRecipients"),
        ({"envelope": {"mailFrom": mine, "rcptTo": [{"email": "x"}]}}, "invalidRecipients"),
        ({"envelope": {"mailFrom": to[0], "rcptTo": to}}, "forbiddenMailFrom"),
        ({"envelope": {"mailFrom": {"email": ""}, "rcptTo": to}}, "invalidProperties"),
        (
            {"envelope": {"mailFrom": {**mine, "parameters": {"X": "1"}}, "rcptTo": to}},
            "invalidProperties",
        ),
        ({"envelope": {"mailFrom": mine, "rcptTo": [{"email": "no@example.test"}]}},
         "invalidRecipients"),
        ({"emailId": other, "envelope": {"mailFrom": mine, "rcptTo": to}}, "forbiddenFrom"),
        ({"emailId": nobody}, "noRecipients"),
        ({"emailId": anonymous, "envelope": {"mailFrom": mine, "rcptTo": to}}, "invalidEmail"),
    ]  # fmt: skip
    create = {
        f"k{n}": {"identityId": identity, "emailId": email, **change}
        for n, (change, _) in enumerate(refused)
    }
    answer = await ann.call("EmailSubmission/set", create=create)
    assert answer["created"] is None
    for n, (change, kind) in enumerate(refused):
        assert answer["notCreated"][f"k{n}"]["type"] == kind, change


async def test_an_app_password_sends_only_with_the_scope_for_it(hall: Hall) -> None:
    async with person(hall, scopes=(Scope.JMAP,)) as reader:
        email = await _draft(reader)
        create = {"s": {"identityId": await _identity(reader), "emailId": email}}
        answer = await reader.call("EmailSubmission/set", create=create)
        assert answer["notCreated"]["s"]["type"] == "forbiddenToSend"
        made = {"k": {"name": "x", "email": "ann@example.test"}}
        assert (await reader.call("Identity/set", create=made))["error"] == "forbidden"
    async with person(hall, "cas", scopes=(Scope.JMAP, Scope.SMTP)) as writer:
        create = {"s": {"identityId": await _identity(writer), "emailId": await _draft(writer)}}
        answer = await writer.call("EmailSubmission/set", create=create)
        assert (
            answer["notCreated"] is None or answer["notCreated"]["s"]["type"] != "forbiddenToSend"
        )


async def test_who_sends_too_fast_is_told_to_wait_and_may_send_then(tmp_path: Path) -> None:
    async with (
        hall_in(tmp_path, limits__sending_messages_per_minute=1) as hall,
        person(hall, "bob"),
        person(hall) as ann,
    ):
        identity, emails = await _identity(ann), [await _draft(ann), await _draft(ann)]
        to = {"mailFrom": {"email": ann.account.address}, "rcptTo": [{"email": "bob@example.test"}]}
        sent, late = [
            await ann.call(
                "EmailSubmission/set",
                create={"s": {"identityId": identity, "emailId": email, "envelope": to}},
            )
            for email in emails
        ]
        assert sent["notCreated"] is None
        assert late["notCreated"]["s"]["type"] == "rateLimit"
        assert "seconds" in late["notCreated"]["s"]["description"]
        assert (await _of(ann, emails[1], "keywords"))["keywords"] == {"$draft": True}


async def test_identities_have_the_accounts_own_addresses(ann: Client) -> None:
    listed = (await ann.call("Identity/get", ids=None))["list"]
    assert [each["email"] for each in listed] == ["ann@example.test"]
    answer = await ann.call(
        "Identity/set",
        create={
            "a": {"name": "Ann", "email": "ann+x@example.test", "textSignature": "-- A"},
            "b": {"name": "Bob", "email": "bob@example.test"},
            "c": {"email": "nobody"},
            "d": {"email": "ann@example.test", "name": 7},
            "e": {"email": "ann@example.test", "replyTo": [{"email": "x"}]},
        },
        update={listed[0]["id"]: {"email": "ann+y@example.test"}},
    )
    assert set(answer["created"]) == {"a"}
    assert {name: each["type"] for name, each in answer["notCreated"].items()} == {
        "b": "forbiddenFrom",
        "c": "invalidProperties",
        "d": "invalidProperties",
        "e": "invalidProperties",
    }
    assert answer["notUpdated"][listed[0]["id"]]["type"] == "invalidProperties"
    name = answer["created"]["a"]["id"]
    second = await ann.call("Identity/set", update={name: {"name": "A."}}, destroy=["I77"])
    assert second["updated"] == {name: None}
    assert second["notDestroyed"]["I77"]["type"] == "notFound"
    told = await ann.call("Identity/changes", sinceState=answer["oldState"])
    assert told["created"] == [name]
    assert (await ann.call("Identity/changes", sinceState="x"))["error"] == "cannotCalculateChanges"
