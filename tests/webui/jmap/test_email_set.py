"""Email/set and Email/import do what RFC 8621 §4.6 to §4.8 say, and say what they cannot."""

from typing import Any

from mailserver.app.doors import Hall
from mailserver.model.message import Flag, StoreMode
from mailserver.protocol.mime.scan import scan
from tests.support.jmap_calls import Client
from webui.jmap import ids


async def _octets(client: Client, email_id: str) -> bytes:
    number = ids.email(email_id)
    assert number is not None
    return (await client.account.emails.content(number)).reveal()


async def _draft(client: Client, **more: Any) -> dict[str, Any]:
    """Make an email and return what the response said of it."""
    given = {
        "mailboxIds": {await client.mailbox("drafts"): True},
        "keywords": {"$draft": True},
        "from": [{"name": "Ann Ä.", "email": "ann@example.test"}],
        "to": [{"name": None, "email": "bob@example.test"}],
        "bcc": [{"email": "eve@example.test"}],
        "subject": "Grüße",
        "textBody": [{"partId": "t", "type": "text/plain"}],
        "bodyValues": {"t": {"value": "Hallo Wörld\n"}},
        **more,
    }
    answer = await client.call("Email/set", create={"k": given})
    assert answer["notCreated"] is None, answer
    made: dict[str, Any] = answer["created"]["k"]
    return made


async def test_an_email_is_made_as_it_was_described(ann: Client) -> None:
    made = await _draft(ann)
    assert set(made) == {"id", "blobId", "threadId", "size"}
    octets = await _octets(ann, made["id"])
    assert made["size"] == len(octets)
    assert b"Subject: =?utf-8?B?R3LDvMOfZQ==?=\r\n" in octets
    assert b"Message-ID: <" in octets
    assert b"Date: " in octets
    assert b"Bcc: eve@example.test\r\n" in octets
    assert b"Content-Type: text/plain; charset=utf-8\r\n" in octets


async def test_text_html_and_attachments_become_a_tree(ann: Client) -> None:
    attached = await _draft(ann)
    made = await _draft(
        ann,
        htmlBody=[{"partId": "h", "type": "text/html"}],
        bodyValues={"t": {"value": "text"}, "h": {"value": "<p>html</p>"}},
        attachments=[
            {"blobId": attached["blobId"], "type": "message/rfc822", "name": "old.eml"},
            {
                "blobId": attached["blobId"],
                "type": "image/png",
                "cid": "pic@x",
                "disposition": "inline",
            },
        ],
    )
    root = scan(await _octets(ann, made["id"]))
    assert root.subtype == b"mixed"
    alternative, message = root.children
    assert [part.subtype for part in alternative.children] == [b"plain", b"related"]
    assert [part.subtype for part in alternative.children[1].children] == [b"html", b"png"]
    assert message.type == b"message"


async def test_a_body_structure_is_taken_as_it_is(ann: Client) -> None:
    structure = {
        "type": "multipart/signed",
        "subParts": [
            {"partId": "a", "type": "text/plain", "header:X-Part": "one"},
            {"partId": "b", "type": "text/x-note", "disposition": "attachment", "name": "ü.txt"},
        ],
    }
    made = await _draft(
        ann,
        textBody=None,
        bodyStructure=structure,
        bodyValues={"a": {"value": "a"}, "b": {"value": "b"}},
    )
    octets = await _octets(ann, made["id"])
    assert scan(octets).subtype == b"signed"
    assert b"X-Part: one\r\n" in octets


_REFUSED: list[tuple[dict[str, Any], str, str | None]] = [
    ({"mailboxIds": {}}, "invalidProperties", "mailboxIds"),
    ({"mailboxIds": {"F999": True}}, "invalidProperties", "mailboxIds"),
    ({"mailboxIds": {"#nobody": True}}, "invalidProperties", None),
    ({"keywords": {"a b": True}}, "invalidProperties", "keywords"),
    ({"keywords": {"$seen": False}}, "invalidProperties", "keywords"),
    ({"receivedAt": "yesterday"}, "invalidProperties", "receivedAt"),
    ({"id": "M1"}, "invalidProperties", "id"),
    ({"headers": []}, "invalidProperties", "headers"),
    ({"colour": "red"}, "invalidProperties", "colour"),
    ({"header:Subject": "twice"}, "invalidProperties", "header:Subject"),
    ({"header:X-A": "a\r\nBcc: x@y"}, "invalidProperties", "header:X-A"),
    ({"header:Content-Type": "text/html"}, "invalidProperties", "header:Content-Type"),
    ({"header:Subject:asDate": None}, "invalidProperties", "header:Subject:asDate"),
    ({"to": [{"email": "nobody"}]}, "invalidProperties", "to"),
    ({"bodyStructure": {"partId": "t"}}, "invalidProperties", "textBody"),
    ({"textBody": [{"partId": "x"}]}, "invalidProperties", "textBody/partId"),
    ({"textBody": [{"partId": "t", "charset": "x"}]}, "invalidProperties", "textBody/charset"),
    ({"textBody": [{"partId": "t", "type": "text/html"}]}, "invalidProperties", "textBody"),
    ({"bodyValues": {"t": {"value": "x", "isTruncated": True}}}, "invalidProperties", None),
    ({"attachments": [{"blobId": "B99"}]}, "blobNotFound", None),
]


async def test_what_cannot_be_made_is_said(ann: Client) -> None:
    drafts = await ann.mailbox("drafts")
    whole = {
        "mailboxIds": {drafts: True},
        "subject": "x",
        "textBody": [{"partId": "t"}],
        "bodyValues": {"t": {"value": "x"}},
    }
    create = {f"k{n}": {**whole, **change} for n, (change, _, _) in enumerate(_REFUSED)}
    answer = await ann.call("Email/set", create=create)
    assert answer["created"] is None
    for n, (change, kind, at) in enumerate(_REFUSED):
        error = answer["notCreated"][f"k{n}"]
        assert error["type"] == kind, change
        assert at is None or error["properties"] == [at], change
        assert kind != "blobNotFound" or error["notFound"] == ["B99"]


async def test_patches_move_and_mark_one_email(ann: Client, hall: Hall) -> None:
    made = await _draft(ann)
    drafts, sent = await ann.mailbox("drafts"), await ann.mailbox("sent")
    patch = {
        f"mailboxIds/{drafts}": None,
        f"mailboxIds/{sent}": True,
        "keywords/$draft": None,
        "keywords/$seen": True,
        "keywords/custom": True,
    }
    answer = await ann.call("Email/set", update={made["id"]: patch})
    assert answer["updated"] == {made["id"]: None}
    assert answer["oldState"] != answer["newState"]
    number = ids.email(made["id"])
    assert number is not None
    (email,) = [each async for each in ann.account.emails.get([number])]
    assert {ids.of_mailbox(each) for each in email.mailboxes} == {sent}
    assert (email.flags, email.keywords) == (Flag.SEEN, frozenset({"custom"}))
    whole = {"mailboxIds": {drafts: True, sent: True}, "keywords": {"$flagged": True}}
    answer = await ann.call("Email/set", update={made["id"]: whole})
    (email,) = [each async for each in ann.account.emails.get([number])]
    assert {ids.of_mailbox(each) for each in email.mailboxes} == {sent, drafts}
    assert (email.flags, email.keywords) == (Flag.FLAGGED, frozenset())
    assert await hall.house.store.check(quiet=True) == []


async def test_what_cannot_be_patched_is_said(ann: Client) -> None:
    made = await _draft(ann)
    refused: list[tuple[dict[str, Any], str]] = [
        ({"subject": "x"}, "invalidProperties"),
        ({"mailboxIds": {}}, "invalidProperties"),
        ({"mailboxIds/F999": True}, "invalidProperties"),
        ({"keywords/$seen": False}, "invalidProperties"),
        ({"keywords": {}, "keywords/$seen": True}, "invalidPatch"),
    ]
    for patch, kind in refused:
        answer = await ann.call("Email/set", update={made["id"]: patch})
        assert answer["updated"] is None, patch
        assert answer["notUpdated"][made["id"]]["type"] == kind, patch


async def test_out_of_its_last_mailbox_an_email_does_not_go(ann: Client) -> None:
    made = await _draft(ann)
    patch = {f"mailboxIds/{await ann.mailbox('drafts')}": None}
    answer = await ann.call("Email/set", update={made["id"]: patch})
    assert answer["notUpdated"][made["id"]]["properties"] == ["mailboxIds"]


async def test_destroyed_is_gone_and_what_is_gone_is_not_found(ann: Client, hall: Hall) -> None:
    made = await _draft(ann)
    update = {made["id"]: {"keywords/$seen": True}, "M78": {"keywords/$seen": True}}
    answer = await ann.call("Email/set", update=update, destroy=[made["id"], "M77", "x"])
    assert answer["destroyed"] == [made["id"]]
    assert answer["notUpdated"][made["id"]]["type"] == "willDestroy"
    assert answer["notUpdated"]["M78"]["type"] == "notFound"
    assert {name: each["type"] for name, each in answer["notDestroyed"].items()} == {
        "M77": "notFound",
        "x": "notFound",
    }
    assert await hall.house.store.check(quiet=True) == []


async def test_another_state_sets_nothing(ann: Client) -> None:
    made = await _draft(ann)
    answer = await ann.call("Email/set", ifInState="1.1.1.1", destroy=[made["id"]])
    assert answer["error"] == "stateMismatch"
    state = (await ann.call("Email/set"))["oldState"]
    answer = await ann.call("Email/set", ifInState=state, destroy=[made["id"]])
    assert answer["destroyed"] == [made["id"]]


async def test_a_request_names_what_it_made(ann: Client) -> None:
    drafts = await ann.mailbox("drafts")
    create = {"k": {"mailboxIds": {drafts: True}, "subject": "x"}}
    first, second = await ann.request(
        ("Email/set", {"create": create}),
        ("Email/set", {"update": {"#k": {"keywords/$seen": True}}, "destroy": ["#gone"]}),
    )
    assert second[1]["updated"] == {"#k": None}
    assert second[1]["notDestroyed"]["#gone"]["type"] == "notFound"
    assert first[1]["created"]["k"]["id"].startswith("M")


async def test_what_imap_deletes_meanwhile_is_not_found(ann: Client) -> None:
    made = await _draft(ann)
    number = ids.email(made["id"])
    assert number is not None
    ((mailbox, uid),) = await ann.account.emails.places(number)
    await ann.account.messages.store(
        mailbox, [(uid, uid)], StoreMode.ADD, Flag.DELETED, frozenset()
    )
    answer = await ann.call("Email/set", destroy=[made["id"]])
    assert answer["notDestroyed"][made["id"]]["type"] == "notFound"


async def test_a_message_is_imported_with_its_date_and_marks(ann: Client) -> None:
    made = await _draft(ann)
    inbox = await ann.mailbox("inbox")
    given = {
        "blobId": made["blobId"],
        "mailboxIds": {inbox: True},
        "keywords": {"$seen": True},
        "receivedAt": "2020-02-03T04:05:06Z",
    }
    answer = await ann.call(
        "Email/import",
        emails={"a": given, "b": {**given, "blobId": "B99"}, "c": {**given, "mailboxIds": {}}},
    )
    assert answer["created"] is not None, answer
    assert set(answer["created"]) == {"a"}
    assert {name: each["properties"] for name, each in answer["notCreated"].items()} == {
        "b": ["blobId"],
        "c": ["mailboxIds"],
    }
    octets = await _octets(ann, answer["created"]["a"]["id"])
    assert octets == await _octets(ann, made["id"])
    assert answer["created"]["a"]["threadId"] == made["threadId"]


async def test_copies_come_from_other_accounts_and_there_are_none(ann: Client) -> None:
    answer = await ann.call("Email/copy", fromAccountId="Aother", create={})
    assert answer["error"] == "fromAccountNotFound"
    answer = await ann.call("Email/copy", fromAccountId=ann.account_id, create={})
    assert answer["error"] == "invalidArguments"


async def test_destroyed_is_gone_where_imap_marked_it_deleted_too(ann: Client, hall: Hall) -> None:
    both = {await ann.mailbox("drafts"): True, await ann.mailbox("trash"): True}
    made = await _draft(ann, mailboxIds=both)
    number = ids.email(made["id"])
    assert number is not None
    (mailbox, uid), _ = await ann.account.emails.places(number)
    await ann.account.messages.store(
        mailbox, [(uid, uid)], StoreMode.ADD, Flag.DELETED, frozenset()
    )
    answer = await ann.call("Email/set", destroy=[made["id"]])
    assert answer["destroyed"] == [made["id"]]
    assert await ann.account.messages.flags(mailbox, [(1, 1_000)]) == []
    assert await hall.house.store.check(quiet=True) == []
