"""Notices are sent when their reader asks, once; messages in blobs are parsed (RFC 9007, 8621)."""

from typing import Any

from mailserver.app.doors import Hall
from tests.support.jmap_calls import Client, person

_DISPOSITION = {
    "actionMode": "manual-action",
    "sendingMode": "mdn-sent-manually",
    "type": "displayed",
}


async def _letter(client: Client, **more: Any) -> dict[str, Any]:
    given = {
        "mailboxIds": {await client.mailbox("inbox"): True},
        "from": [{"email": "bob@example.test"}],
        "to": [{"email": "ann@example.test"}],
        "subject": "Grüße",
        "textBody": [{"partId": "t"}],
        "bodyValues": {"t": {"value": "Hello"}},
        **more,
    }
    answer = await client.call("Email/set", create={"k": given})
    made: dict[str, Any] = answer["created"]["k"]
    return made


async def test_a_notice_goes_once_to_who_asked(ann: Client, hall: Hall) -> None:
    async with person(hall, "bob") as bob:
        asks = {"header:Disposition-Notification-To:asText": "bob@example.test"}
        letter, plain = await _letter(ann, **asks), await _letter(ann)
        identity = (await ann.call("Identity/get", ids=None))["list"][0]["id"]
        notice = {"forEmailId": letter["id"], "subject": "Read", "disposition": _DISPOSITION}
        automatic = {**_DISPOSITION, "sendingMode": "mdn-sent-automatically"}
        send = {
            "a": notice,
            "b": {**notice, "forEmailId": plain["id"]},
            "c": {**notice, "forEmailId": "M99"},
            "d": {**notice, "disposition": automatic},
            "e": {**notice, "disposition": {}},
        }
        first, second = await ann.request(("MDN/send", {"identityId": identity, "send": send}))
        assert first[1]["sent"] == {"a": {"finalRecipient": "rfc822; ann@example.test"}}
        assert {name: each["type"] for name, each in first[1]["notSent"].items()} == {
            "b": "forbidden",
            "c": "invalidProperties",
            "d": "forbidden",
            "e": "invalidProperties",
        }
        assert second[1]["updated"] == {letter["id"]: None}
        again = await ann.call("MDN/send", identityId=identity, send={"a": notice})
        assert again["notSent"]["a"]["type"] == "mdnAlreadySent"
        error = await ann.call("MDN/send", identityId="I99", send={})
        assert error["error"] == "invalidArguments"
        ids = (await bob.call("Email/query", filter=None))["ids"]
        (came,) = (await bob.call("Email/get", ids=ids, properties=["blobId"]))["list"]
        read = await bob.call("MDN/parse", blobIds=[came["blobId"], "B99", f"{came['blobId']}-1"])
        parsed = read["parsed"][came["blobId"]]
        assert parsed["disposition"] == _DISPOSITION
        assert parsed["finalRecipient"] == "rfc822; ann@example.test"
        assert parsed["originalMessageId"].startswith("<")
        assert read["notFound"] == ["B99"]
        assert read["notParsable"] == [f"{came['blobId']}-1"]


async def test_an_attached_message_is_shown_as_an_email(ann: Client) -> None:
    inner = await _letter(ann)
    attached = [{"blobId": inner["blobId"], "type": "message/rfc822"}]
    outer = await _letter(ann, subject="Outer", attachments=attached)
    (shown,) = (await ann.call("Email/get", ids=[outer["id"]]))["list"]
    (part,) = shown["attachments"]
    answer = await ann.call(
        "Email/parse", blobIds=[part["blobId"], "B99"], fetchTextBodyValues=True
    )
    parsed = answer["parsed"][part["blobId"]]
    assert parsed["subject"] == "Grüße"
    assert parsed["preview"].startswith("Hello")
    assert next(iter(parsed["bodyValues"].values()))["value"].startswith("Hello")
    assert "id" not in parsed
    assert answer["notFound"] == ["B99"]
    some = await ann.call("Email/parse", blobIds=[part["blobId"]], properties=["id", "subject"])
    assert some["parsed"][part["blobId"]] == {"id": None, "subject": "Grüße"}
