"""Reading mail by JMAP: emails, queries, snippets, threads, mailboxes, blobs and quotas."""

import base64
from typing import Any

import pytest

from mailserver.model.message import NewMessage
from mailserver.model.sealed import Plaintext
from tests.support.jmap_calls import Client

MIXED = b"""From: =?utf-8?q?Zo=C3=AB?= <zoe@else.test>, Group: a@x.test, "B" <b@x.test>;
To: noor@example.test
Subject: =?utf-8?q?Pl=C3=A4ne?=
Date: Wed, 4 Mar 2026 09:30:00 +0100
Message-ID: <one@else.test>
References: <zero@else.test> <half@else.test>
List-Unsubscribe: <https://else.test/u>, <mailto:u@else.test>
X-Twice: first
X-Twice: second
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=m

--m
Content-Type: multipart/alternative; boundary=a

--a
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

Strudel und K=C3=A4se
--a
Content-Type: text/html; charset=utf-8

<p>Strudel <b>und</b> K\xc3\xa4se</p>
--a--
--m
Content-Type: application/pdf; name=plan.pdf
Content-Disposition: attachment; filename=plan.pdf
Content-Transfer-Encoding: base64

JVBERi0xLjQ=
--m--
""".replace(b"\n", b"\r\n")


def plain(subject: str, words: str = "Words.", **fields: str) -> bytes:
    """Write a small message."""
    head = {"From": "Bob <bob@else.test>", "Subject": subject, **fields}
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in head.items()]
    return ("\r\n".join(lines) + f"\r\n\r\n{words}\r\n").encode()


async def put(client: Client, *octets: bytes, name: str = "INBOX") -> None:
    """Append messages as IMAP does."""
    mailbox = await client.account.mailboxes.named(name)
    new = [NewMessage(Plaintext(each)) for each in octets]
    await client.account.messages.append(mailbox.id, new)


@pytest.fixture
def client(ann: Client) -> Client:
    """Somebody signed in."""
    return ann


async def get(client: Client, *properties: str, **more: Any) -> dict[str, Any]:
    """Return the first email with some properties."""
    answer = await client.call("Email/get", ids=["M1"], properties=list(properties), **more)
    assert answer.get("list"), answer
    email: dict[str, Any] = answer["list"][0]
    return email


async def test_headers_come_in_the_form_that_is_asked_for(client: Client) -> None:
    await put(client, MIXED)
    email = await get(
        client, "subject", "messageId", "references", "sentAt", "inReplyTo",
        "header:From:asGroupedAddresses", "header:Subject", "header:X-Twice:asText",
        "header:X-Twice:asText:all", "header:List-Unsubscribe:asURLs", "header:X-Not:all",
        "header:X-Not", "from",
    )  # fmt: skip
    assert email["subject"] == "Pläne"
    assert email["messageId"] == ["one@else.test"]
    assert email["references"] == ["zero@else.test", "half@else.test"]
    assert email["inReplyTo"] is None
    assert email["sentAt"] == "2026-03-04T09:30:00+01:00"
    assert email["header:Subject"] == " =?utf-8?q?Pl=C3=A4ne?="
    assert email["header:X-Twice:asText"] == "second"
    assert email["header:X-Twice:asText:all"] == ["first", "second"]
    assert email["header:List-Unsubscribe:asURLs"] == ["https://else.test/u", "mailto:u@else.test"]
    assert (email["header:X-Not:all"], email["header:X-Not"]) == ([], None)
    assert [each["email"] for each in email["from"]] == ["zoe@else.test", "a@x.test", "b@x.test"]
    assert email["header:From:asGroupedAddresses"] == [
        {"name": None, "addresses": [{"name": "Zoë", "email": "zoe@else.test"}]},
        {
            "name": "Group",
            "addresses": [
                {"name": None, "email": "a@x.test"},
                {"name": "B", "email": "b@x.test"},
            ],
        },
    ]


@pytest.mark.parametrize(
    "name", ["colour", "header:", "header:Subject:asDate", "header:From:asURLs", "header:a b"]
)
async def test_a_property_that_is_none_is_invalid(client: Client, name: str) -> None:
    answer = await client.call("Email/get", ids=[], properties=[name])
    assert answer["error"] == "invalidArguments"


async def test_bodies_are_sorted_into_text_html_and_attachments(client: Client) -> None:
    await put(client, MIXED)
    email = await get(
        client, "textBody", "htmlBody", "attachments", "bodyValues", "hasAttachment", "preview",
        "bodyStructure", "size", "keywords",
        bodyProperties=["partId", "type", "name", "blobId", "size", "header:Content-Type:asText"],
        fetchTextBodyValues=True, fetchHTMLBodyValues=True,
    )  # fmt: skip
    (text,), (html,), (pdf,) = email["textBody"], email["htmlBody"], email["attachments"]
    assert (text["partId"], html["partId"], pdf["partId"]) == ("1.1", "1.2", "2")
    assert (pdf["name"], pdf["size"]) == ("plan.pdf", 8)
    assert pdf["header:Content-Type:asText"] == "application/pdf; name=plan.pdf"
    assert email["hasAttachment"] is True
    assert email["preview"].startswith("Strudel und Käse")
    assert email["size"] == len(MIXED)
    assert email["bodyValues"]["1.1"] == {
        "value": "Strudel und Käse", "isEncodingProblem": False, "isTruncated": False,
    }  # fmt: skip
    assert set(email["bodyValues"]) == {"1.1", "1.2"}
    structure = email["bodyStructure"]
    assert [part["type"] for part in structure["subParts"]] == [
        "multipart/alternative",
        "application/pdf",
    ]
    assert structure["partId"] is None
    answer = await client.call("Blob/get", ids=[pdf["blobId"], "B9"], properties=["data", "size"])
    assert answer["list"] == [{"id": pdf["blobId"], "data:asText": "%PDF-1.4", "size": 8}]
    assert answer["notFound"] == ["B9"]


async def test_a_body_value_is_cut_between_characters(client: Client) -> None:
    await put(client, MIXED)
    email = await get(client, "bodyValues", fetchTextBodyValues=True, maxBodyValueBytes=14)
    value = email["bodyValues"]["1.1"]
    assert (value["value"], value["isTruncated"]) == ("Strudel und K", True)


async def test_lists_are_paged_by_position_and_anchor(client: Client) -> None:
    await put(client, *(plain(str(n)) for n in range(6)))
    every = [f"M{n}" for n in range(6, 0, -1)]

    async def ids(**arguments: Any) -> Any:
        answer = await client.call("Email/query", **arguments)
        return answer.get("ids", answer.get("error"))

    assert await ids() == every
    assert await ids(position=2, limit=2) == every[2:4]
    assert await ids(position=-2) == every[4:]
    assert await ids(position=99) == []
    assert await ids(anchor="M4", anchorOffset=-1, limit=3) == every[1:4]
    assert await ids(anchor="M4", anchorOffset=-9, limit=1) == every[:1]
    assert await ids(anchor="M99") == "anchorNotFound"
    assert await ids(limit=-1) == "invalidArguments"
    assert await ids(filter={"colour": "red"}) == "unsupportedFilter"
    assert await ids(filter={"inMailbox": 1}) == "invalidArguments"
    assert await ids(filter={"before": "yesterday"}) == "invalidArguments"
    assert await ids(sort=[{"property": "colour"}]) == "unsupportedSort"
    assert await ids(sort=[{"property": "receivedAt"}]) == every[::-1]
    total = await client.call("Email/query", limit=0, calculateTotal=True)
    assert (total["ids"], total["total"], total["canCalculateChanges"]) == ([], 6, True)


async def test_a_search_finds_words_phrases_and_what_is_not_there(client: Client) -> None:
    await put(client, plain("Plan", "sour cherry cake"), plain("Else", "cherry pie, sour"))

    async def found(condition: dict[str, Any]) -> Any:
        return (await client.call("Email/query", filter=condition))["ids"]

    assert await found({"body": "SOUR cherry"}) == ["M2", "M1"]
    assert await found({"text": '"sour cherry"'}) == ["M1"]
    none_of = {"operator": "NOT", "conditions": [{"subject": "plan"}, {"body": "nothing"}]}
    assert await found(none_of) == ["M2"]
    either = {"operator": "OR", "conditions": [{"subject": "plan"}, {"from": "bob@"}]}
    assert await found(either) == ["M2", "M1"]
    assert await found({"header": ["Subject", "els"]}) == ["M2"]
    snippets = await client.call("SearchSnippet/get", filter={"text": "cherry"},
                                 emailIds=["M1", "M9"])  # fmt: skip
    assert snippets["list"] == [
        {"emailId": "M1", "subject": None, "preview": "sour <mark>cherry</mark> cake"}
    ]
    assert snippets["notFound"] == ["M9"]


async def test_threads_collapse_and_keep_their_order(client: Client) -> None:
    await put(
        client,
        plain("Plan", Message_ID="<a@x>"),
        plain("Re: Plan", Message_ID="<b@x>", In_Reply_To="<a@x>"),
        plain("Else", Message_ID="<c@x>"),
    )
    answer = await client.request(
        ("Email/query", {"collapseThreads": True}),
        ("Email/get", {"properties": ["threadId"], "#ids": _result("c0", "Email/query", "/ids")}),
        ("Thread/get", {"#ids": _result("c1", "Email/get", "/list/*/threadId")}),
    )
    assert answer[0][1]["ids"] == ["M3", "M2"]
    threads = {each["id"]: each["emailIds"] for each in answer[2][1]["list"]}
    assert threads == {"T1": ["M1", "M2"], "T2": ["M3"]}
    missing = await client.call("Thread/get", ids=["T9"])
    assert missing["notFound"] == ["T9"]


def _result(of: str, name: str, path: str) -> dict[str, str]:
    return {"resultOf": of, "name": name, "path": path}


async def test_a_client_keeps_a_list_by_what_changed(client: Client) -> None:
    await put(client, *(plain(str(n)) for n in range(4)))
    inbox = await client.mailbox("inbox")
    condition = {"inMailbox": inbox, "notKeyword": "$flagged"}
    query = await client.call("Email/query", filter=condition)
    state = (await client.call("Email/get", ids=[]))["state"]
    await client.call("Email/set", update={"M2": {"keywords/$flagged": True}}, destroy=["M4"])
    await put(client, plain("new"))
    changes = await client.call("Email/changes", sinceState=state)
    assert (changes["created"], changes["updated"], changes["destroyed"]) == (
        ["M5"],
        ["M2"],
        ["M4"],
    )
    assert changes["hasMoreChanges"] is False
    told = await client.call(
        "Email/queryChanges",
        sinceQueryState=query["queryState"],
        filter=condition,
        calculateTotal=True,
    )
    ids = [each for each in query["ids"] if each not in told["removed"]]
    for added in told["added"]:
        ids.insert(added["index"], added["id"])
    assert ids == (await client.call("Email/query", filter=condition))["ids"] == ["M5", "M3", "M1"]
    assert told["total"] == 3
    few = {"sinceQueryState": query["queryState"], "filter": condition, "maxChanges": 1}
    assert (await client.call("Email/queryChanges", **few))["error"] == "tooManyChanges"
    wrong = await client.call("Email/changes", sinceState="nothing of ours")
    assert wrong["error"] == "cannotCalculateChanges"
    assert (await client.call("Email/changes", sinceState=state, maxChanges=0))["error"] == (
        "invalidArguments"
    )


async def test_mailboxes_are_made_moved_and_destroyed(client: Client) -> None:
    create = {"child": {"name": "Child", "parentId": "#top"}, "top": {"name": "Top"}}
    made = await client.call("Mailbox/set", create=create)
    top, child = made["created"]["top"]["id"], made["created"]["child"]["id"]
    listed = {each["id"]: each for each in (await client.call("Mailbox/get", ids=None))["list"]}
    assert listed[child]["parentId"] == top
    assert listed[child]["myRights"]["mayDelete"] is True
    refused = await client.call("Mailbox/set", destroy=[top, "F99"])
    kinds = {name: each["type"] for name, each in refused["notDestroyed"].items()}
    assert kinds == {top: "mailboxHasChild", "F99": "notFound"}
    changed = await client.call(
        "Mailbox/set", update={child: {"name": "Other", "parentId": None}, top: {"parentId": top}}
    )
    assert changed["updated"] == {child: None}
    assert changed["notUpdated"][top]["properties"] == ["parentId"]
    await put(client, plain("x"), name="Other")
    full = await client.call("Mailbox/set", destroy=[child])
    assert full["notDestroyed"][child]["type"] == "mailboxHasEmail"
    gone = await client.call("Mailbox/set", destroy=[child, top], onDestroyRemoveEmails=True)
    assert set(gone["destroyed"]) == {child, top}
    await client.call("Mailbox/set", create={"last": {"name": "Last"}})
    late = await client.call("Mailbox/set", ifInState=made["oldState"], create={})
    assert late["error"] == "stateMismatch"
    inbox = await client.mailbox("inbox")
    kept = await client.call("Mailbox/set", destroy=[inbox])
    assert kept["notDestroyed"][inbox]["type"] == "forbidden"
    twice = await client.call("Mailbox/set", create={"a": {"name": "Twin"}, "b": {"name": "Twin"}})
    assert twice["notCreated"]["b"]["properties"] == ["name"]


async def test_mailboxes_are_found_as_a_tree(client: Client) -> None:
    for name in ("B", "A", "A/Z", "A/Y"):
        await client.account.mailboxes.create(name)
    condition = {"operator": "AND", "conditions": [{"hasAnyRole": False}]}
    answer = await client.call("Mailbox/query", filter=condition, sortAsTree=True,
                               sort=[{"property": "name", "isAscending": True}])  # fmt: skip
    listed = {each["id"]: each["name"] for each in (await client.call("Mailbox/get"))["list"]}
    assert [listed[each] for each in answer["ids"]] == ["A", "Y", "Z", "B"]
    state = answer["queryState"]
    await client.account.mailboxes.create("C")
    told = await client.call("Mailbox/queryChanges", sinceQueryState=state, filter=condition)
    assert len(told["added"]) == 1


async def test_only_counts_changed_is_said(client: Client) -> None:
    state = (await client.call("Mailbox/get", ids=[]))["state"]
    await put(client, plain("x"))
    inbox = await client.mailbox("inbox")
    told = await client.call("Mailbox/changes", sinceState=state)
    assert told["updated"] == [inbox]
    assert set(told["updatedProperties"]) == {
        "totalEmails", "unreadEmails", "totalThreads", "unreadThreads",
    }  # fmt: skip


async def test_blobs_are_made_of_pieces_and_looked_up(client: Client) -> None:
    await put(client, plain("x"))
    pieces = [{"data:asText": "Strudel "}, {"data:asBase64": base64.b64encode(b"is").decode()}]
    made = await client.call("Blob/upload", create={"k": {"data": pieces, "type": "text/plain"}})
    blob = made["created"]["k"]["id"]
    got = await client.call("Blob/get", ids=[blob], offset=0, length=99,
                            properties=["data:asText", "digest:sha"])  # fmt: skip
    assert got["list"][0]["data:asText"] == "Strudel is"
    assert got["list"][0]["isTruncated"] is True
    found = await client.call("Blob/lookup", typeNames=["Email", "Thread"], ids=["B1", "B7", blob])
    assert found["list"][0]["matchedIds"] == {"Email": ["M1"], "Thread": ["T1"]}
    assert found["list"][1] == {"id": blob, "matchedIds": {"Email": [], "Thread": []}}
    assert found["notFound"] == ["B7"]
    wrong = await client.call("Blob/lookup", typeNames=["Colour"], ids=[])
    assert wrong["error"] == "unknownDataType"


async def test_the_quota_says_what_is_used(client: Client) -> None:
    await put(client, MIXED)
    (quota,) = (await client.call("Quota/get", ids=None))["list"]
    assert quota["used"] == len(MIXED)
    assert quota["hardLimit"] > quota["used"]
    assert (await client.call("Quota/get", ids=["x"]))["notFound"] == ["x"]


async def test_a_push_subscription_is_of_no_account(client: Client) -> None:
    client_calls: list[tuple[str, dict[str, Any]]] = [
        ("PushSubscription/get", {"ids": None}),
        ("PushSubscription/set", {"create": {"k": {"url": "https://push.test"}}}),
    ]
    answers = await client.request(*client_calls)
    assert answers[0][0] == "error"  # it has no account
    assert answers[0][1]["type"] == "invalidArguments"


async def test_no_more_objects_are_given_than_was_said(client: Client) -> None:
    ids = [f"M{n}" for n in range(1, 1_002)]
    assert (await client.call("Email/get", ids=ids))["error"] == "requestTooLarge"
