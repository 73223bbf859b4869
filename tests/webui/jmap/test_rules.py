"""The vacation answer and scripts by JMAP (RFC 8621 §8, RFC 9661), and who may set them."""

from typing import Any

from mailserver.app.doors import Hall
from mailserver.model.sealed import Plaintext
from mailserver.vault.records import Scope
from tests.support.jmap_calls import Client, person


async def _blob(client: Client, script: bytes) -> str:
    """Keep a script's text where it has a blob id."""
    drafts = await client.mailbox("drafts")
    answer = await client.call(
        "Email/set",
        create={
            "k": {
                "mailboxIds": {drafts: True},
                "subject": "script",
                "textBody": [{"partId": "t"}],
                "bodyValues": {"t": {"value": script.decode()}},
            }
        },
    )
    return f"{answer['created']['k']['blobId']}-1"


async def test_the_vacation_answer_is_one_and_is_set(ann: Client) -> None:
    got = await ann.call("VacationResponse/get", ids=None)
    assert got["list"][0]["isEnabled"] is False
    patch = {
        "isEnabled": True,
        "toDate": "2030-01-02T03:04:05Z",
        "subject": "Away",
        "textBody": "I am away.",
    }
    answer = await ann.call(
        "VacationResponse/set",
        ifInState=got["state"],
        create={"k": {}},
        update={"singleton": patch, "other": {}},
        destroy=["singleton"],
    )
    assert answer["updated"] == {"singleton": None}
    assert answer["notCreated"]["k"]["type"] == "singleton"
    assert answer["notDestroyed"]["singleton"]["type"] == "singleton"
    assert answer["notUpdated"]["other"]["type"] == "notFound"
    got = await ann.call("VacationResponse/get", ids=["singleton", "x"])
    assert got["state"] == answer["newState"]
    assert got["list"] == [
        {"id": "singleton", "fromDate": None, "htmlBody": None, **patch},
    ]
    assert got["notFound"] == ["x"]
    for wrong in ({"isEnabled": 1}, {"toDate": "soon"}, {"textBody": None}, {"colour": "red"}):
        answer = await ann.call("VacationResponse/set", update={"singleton": wrong})
        assert answer["notUpdated"]["singleton"]["type"] == "invalidProperties", wrong
    assert (await ann.call("VacationResponse/set", ifInState="x"))["error"] == "stateMismatch"


async def test_scripts_have_ids_that_stay(ann: Client, hall: Hall) -> None:
    good, bad = await _blob(ann, b"keep;"), await _blob(ann, b"keep")
    assert (await ann.call("SieveScript/validate", blobId=good))["error"] is None
    said = await ann.call("SieveScript/validate", blobId=bad)
    assert said["error"]["type"] == "invalidSieve"
    assert (await ann.call("SieveScript/validate", blobId="B99"))["error"] == "blobNotFound"
    answer = await ann.call(
        "SieveScript/set",
        create={
            "a": {"name": "first", "blobId": good},
            "b": {"name": "second", "blobId": bad},
            "c": {"blobId": "B99"},
            "d": {"name": "first", "blobId": good},
            "e": {"blobId": good, "isActive": True},
        },
    )
    assert {name: each["type"] for name, each in answer["notCreated"].items()} == {
        "b": "invalidSieve",
        "c": "blobNotFound",
        "d": "alreadyExists",
        "e": "invalidProperties",
    }
    name = answer["created"]["a"]["id"]
    answer = await ann.call(
        "SieveScript/set", update={name: {"name": "renamed"}}, onSuccessActivateScript=name
    )
    assert answer["updated"] == {name: None}
    (script,) = (await ann.call("SieveScript/get", ids=None))["list"]
    assert (script["id"], script["name"], script["isActive"]) == (name, "renamed", True)
    assert script["blobId"].startswith("Z")
    answer = await ann.call("SieveScript/set", destroy=[name])
    assert answer["notDestroyed"][name]["type"] == "sieveIsActive"
    answer = await ann.call("SieveScript/set", destroy=[name], onSuccessDeactivateScript=True)
    assert answer["destroyed"] == [name]
    rules = Hall.rules_of(hall, ann.account)
    await rules.scripts.put("by another way", Plaintext(b"keep;"))
    (script,) = (await ann.call("SieveScript/get", ids=None))["list"]
    assert script["name"] == "by another way"
    query = {"filter": {"name": "WAY"}, "sort": [{"property": "name"}]}
    assert (await ann.call("SieveScript/query", **query))["ids"] == [script["id"]]


async def test_an_app_password_sets_no_rules_but_scripts_with_their_scope(hall: Hall) -> None:
    async with person(hall, scopes=(Scope.JMAP,)) as reader:
        update = {"singleton": {"isEnabled": True, "textBody": "x"}}
        assert (await reader.call("VacationResponse/set", update=update))["error"] == "forbidden"
        assert (await reader.call("SieveScript/set", create={}))["error"] == "forbidden"
        assert (await reader.call("VacationResponse/get", ids=None))["list"] != []
    async with person(hall, "bob", scopes=(Scope.JMAP, Scope.SIEVE)) as writer:
        create = {"a": {"name": "a", "blobId": await _blob(writer, b"keep;")}}
        assert (await writer.call("SieveScript/set", create=create))["created"] is not None
        mail = b'redirect "x@elsewhere.test";'
        create = {"b": {"name": "b", "blobId": await _blob(writer, mail)}}
        answer = await writer.call("SieveScript/set", create=create)
        assert answer["notCreated"]["b"]["type"] == "forbidden"


async def test_t_srv_4_no_app_password_changes_where_mail_goes_or_who_sends_it(hall: Hall) -> None:
    every = tuple(Scope)
    async with person(hall, scopes=every) as program:
        identity = (await program.call("Identity/get", ids=None))["list"][0]["id"]
        push = {"k": {"deviceClientId": "x", "url": "https://push.example/x"}}
        refused: list[tuple[str, dict[str, Any]]] = [
            ("Identity/set", {"update": {identity: {"name": "Somebody else"}}}),
            ("Identity/set", {"create": {"k": {"email": program.account.address}}}),
            ("VacationResponse/set", {"update": {"singleton": {"isEnabled": True}}}),
        ]
        for name, arguments in refused:
            assert (await program.call(name, **arguments))["error"] == "forbidden", name
        (answer,) = await program.raw(("PushSubscription/set", {"create": push}))
        assert answer[1]["notCreated"]["k"]["type"] == "forbidden"
        script = b'redirect "mallory@elsewhere.test";'
        made = await program.call(
            "Blob/upload", create={"b": {"data": [{"data:asText": script.decode()}]}}
        )
        create = {"s": {"name": "away", "blobId": made["created"]["b"]["id"]}}
        told = await program.call("SieveScript/set", create=create, onSuccessActivateScript="#s")
        assert told["created"] is None
        assert told["notCreated"]["s"]["type"] == "forbidden"
