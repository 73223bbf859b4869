"""Preferences of the webmail: kept sealed, changed from any device, seen by no app password."""

import asyncio

from mailserver.app.doors import Hall
from mailserver.model.record import RecordKind
from tests.support.jmap_calls import Client, person


async def test_preferences_are_kept_changed_and_forgotten(ann: Client) -> None:
    first = await ann.call(
        "Preference/set",
        create={
            "a": {"name": "labels", "value": [{"keyword": "work", "name": "Werk"}]},
            "b": {"name": "undoSeconds", "value": 10},
            "c": {"name": "no spaces", "value": 1},
            "d": {"name": "theme", "value": "x" * 300_000},
            "e": {"name": "more", "value": 1, "other": 1},
        },
    )
    assert set(first["created"]) == {"a", "b"}
    assert {name: each["type"] for name, each in first["notCreated"].items()} == {
        "c": "invalidProperties",
        "d": "tooLarge",
        "e": "invalidProperties",
    }
    labels, undo = first["created"]["a"]["id"], first["created"]["b"]["id"]
    second = await ann.call(
        "Preference/set",
        update={undo: {"value": 30}, labels: {"name": "other"}},
        create={"f": {"name": "labels", "value": []}},
    )
    assert second["updated"] == {undo: None}
    assert second["notUpdated"][labels]["type"] == "invalidProperties"
    assert second["notCreated"]["f"]["type"] == "alreadyExists"
    (found,) = (await ann.call("Preference/get", ids=[undo]))["list"]
    assert found == {"id": undo, "name": "undoSeconds", "value": 30}
    told = await ann.call("Preference/changes", sinceState=first["newState"])
    assert (told["created"], told["updated"], told["destroyed"]) == ([], [undo], [])
    third = await ann.call("Preference/set", destroy=[labels])
    assert third["destroyed"] == [labels]
    assert len((await ann.call("Preference/get", ids=None))["list"]) == 1


async def test_a_value_may_be_anything_that_json_is(ann: Client) -> None:
    values: list[object] = [None, True, 1.5, "ë", [], {"a/b": {"~": [1, {"c": None}]}}]
    create = {f"p{n}": {"name": f"p{n}", "value": value} for n, value in enumerate(values)}
    answer = await ann.call("Preference/set", create=create)
    assert answer["notCreated"] is None
    found = {each["name"]: each["value"] for each in (await ann.call("Preference/get"))["list"]}
    assert found == {f"p{n}": value for n, value in enumerate(values)}


async def test_two_of_one_name_are_refused_however_they_come(ann: Client) -> None:
    both = {key: {"name": "sort", "value": key} for key in ("a", "b")}
    assert (await ann.call("Preference/set", create=both))["error"] == "invalidArguments"
    one = {"name": "sort", "value": "newest"}
    answers = await asyncio.gather(
        *(ann.call("Preference/set", create={"a": one}) for _ in range(4))
    )
    assert sum("a" in (answer.get("created") or {}) for answer in answers) == 1
    assert len((await ann.call("Preference/get", ids=None))["list"]) == 1


async def test_preferences_are_bounded(ann: Client) -> None:
    create = {f"p{n}": {"name": f"p{n}", "value": n} for n in range(199)}
    assert (await ann.call("Preference/set", create=create))["notCreated"] is None
    more = [{"name": f"q{n}", "value": n} for n in range(2)]
    kept = await ann.call("Preference/set", create={"a": more[0]})
    assert "a" in kept["created"]
    over = await ann.call("Preference/set", create={"a": more[1]})
    assert over["notCreated"]["a"]["type"] == "overQuota"


async def test_an_app_password_sees_none(hall: Hall, ann: Client) -> None:
    await ann.call("Preference/set", create={"a": {"name": "used", "value": {"eve@x.test": 3}}})
    program = Client(ann.account, ann.services, by_password=True)
    assert (await program.call("Preference/get", ids=None))["error"] == "forbidden"
    assert (await program.call("Preference/changes", sinceState="0"))["error"] == "forbidden"
    assert (await program.call("Preference/set"))["error"] == "forbidden"


async def test_another_account_has_its_own(hall: Hall, ann: Client) -> None:
    await ann.call("Preference/set", create={"a": {"name": "sort", "value": "oldest"}})
    async with person(hall, "eve") as eve:
        assert (await eve.call("Preference/get", ids=None))["list"] == []


async def test_what_is_kept_is_sealed(hall: Hall, ann: Client) -> None:
    secret = "zegel-canary-correspondent"
    await ann.call("Preference/set", create={"a": {"name": "used", "value": {secret: 1}}})
    records = hall.house.store.records
    _, rows = await records.listing(ann.account.account_id, RecordKind.PREFERENCE)
    assert len(rows) == 1
    assert secret.encode() not in bytes(rows[0].data)
