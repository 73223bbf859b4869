"""Address books and cards are kept as they were written, sealed, and found again (RFC 9610)."""

from mailserver.app.doors import Hall
from tests.support.jmap_calls import Client

_EVE = {
    "name": {"components": [{"kind": "given", "value": "Eve"}], "isOrdered": True},
    "emails": {"e": {"address": "eve@elsewhere.test"}},
}


async def _book(client: Client) -> str:
    (book,) = (await client.call("AddressBook/get", ids=None))["list"]
    assert book["isDefault"] is True
    return str(book["id"])


async def test_cards_are_made_found_changed_and_destroyed(ann: Client, hall: Hall) -> None:
    book = await _book(ann)
    create = {
        "a": {**_EVE, "addressBookIds": {book: True}},
        "b": {"addressBookIds": {book: True}, "kind": "group", "uid": "u1", "members": {"x": True}},
        "c": {**_EVE, "addressBookIds": {}},
        "d": {**_EVE, "addressBookIds": {"A77": True}},
        "e": {"addressBookIds": {book: True}, "emails": []},
        "f": {"addressBookIds": {book: True}, "notes": {"n": {"note": "x" * 300_000}}},
    }
    answer = await ann.call("ContactCard/set", create=create)
    assert set(answer["created"]) == {"a", "b"}
    assert {name: each["type"] for name, each in answer["notCreated"].items()} == {
        "c": "invalidProperties",
        "d": "invalidProperties",
        "e": "invalidProperties",
        "f": "tooLarge",
    }
    eve, group = answer["created"]["a"]["id"], answer["created"]["b"]["id"]
    assert answer["created"]["a"]["uid"].startswith("urn:uuid:")
    for wanted, found in (
        ({"text": "EVE"}, [eve]),
        ({"name/given": "eve"}, [eve]),
        ({"email": "elsewhere"}, [eve]),
        ({"kind": "group", "hasMember": "x", "inAddressBook": book}, [group]),
        ({"operator": "NOT", "conditions": [{"uid": "u1"}]}, [eve]),
    ):
        got = await ann.call("ContactCard/query", filter=wanted, sort=[{"property": "name/given"}])
        assert got["ids"] == found, wanted
    assert (await ann.call("ContactCard/query", filter={"x": "y"}))["error"] == "unsupportedFilter"
    patch = {"emails/e/address": "eve@new.test", "nicknames": {"n": {"name": "E"}}}
    second = await ann.call(
        "ContactCard/set", update={eve: patch, group: {"uid": "u2"}}, ifInState=answer["newState"]
    )
    assert second["updated"] == {eve: None}
    assert second["notUpdated"][group]["type"] == "invalidProperties"
    (card,) = (await ann.call("ContactCard/get", ids=[eve], properties=["emails"]))["list"]
    assert card == {"id": eve, "emails": {"e": {"address": "eve@new.test"}}}
    third = await ann.call("ContactCard/set", update={eve: {"a/b": 1}}, destroy=[group, "C9"])
    assert third["notUpdated"][eve]["type"] == "invalidPatch"
    assert third["destroyed"] == [group]
    told = await ann.call("ContactCard/changes", sinceState=answer["newState"])
    assert (told["created"], told["updated"], told["destroyed"]) == ([], [eve], [group])
    assert await hall.house.store.check(quiet=True) == []


async def test_changes_come_in_pieces_that_join(ann: Client) -> None:
    book = await _book(ann)
    create = {f"k{n}": {**_EVE, "addressBookIds": {book: True}} for n in range(5)}
    since = (await ann.call("ContactCard/get", ids=[]))["state"]
    made = await ann.call("ContactCard/set", create=create)
    seen, more = [], True
    while more:
        told = await ann.call("ContactCard/changes", sinceState=since, maxChanges=2)
        seen += told["created"]
        since, more = told["newState"], told["hasMoreChanges"]
    assert sorted(seen) == sorted(each["id"] for each in made["created"].values())
    assert since == made["newState"]
    error = await ann.call("ContactCard/changes", sinceState="9999")
    assert error["error"] == "cannotCalculateChanges"


async def test_a_book_with_cards_goes_only_with_them(ann: Client) -> None:
    book = await _book(ann)
    answer = await ann.call(
        "AddressBook/set",
        create={"w": {"name": "Work"}, "x": {"name": ""}, "y": {"name": "Y", "isDefault": True}},
        onSuccessSetIsDefault="#w",
    )
    assert set(answer["notCreated"]) == {"x", "y"}
    work = answer["created"]["w"]["id"]
    card = {**_EVE, "addressBookIds": {work: True, book: True}}
    made = (await ann.call("ContactCard/set", create={"k": card}))["created"]["k"]["id"]
    answer = await ann.call("AddressBook/set", destroy=[work])
    assert answer["notDestroyed"][work]["type"] == "addressBookHasContents"
    answer = await ann.call("AddressBook/set", destroy=[work], onDestroyRemoveContents=True)
    assert answer["destroyed"] == [work]
    (left,) = (await ann.call("ContactCard/get", ids=[made]))["list"]
    assert left["addressBookIds"] == {book: True}


async def test_a_list_of_cards_is_kept_by_what_changed(ann: Client) -> None:
    book = await _book(ann)
    create = {f"k{n}": {"addressBookIds": {book: True}, "uid": f"u{n}"} for n in range(4)}
    made = (await ann.call("ContactCard/set", create=create))["created"]
    ids = [made[f"k{n}"]["id"] for n in range(4)]
    query = {"filter": {"kind": "individual"}, "sort": [{"property": "created"}]}
    state = (await ann.call("ContactCard/query", **query))["queryState"]
    again = {"created": "2020-01-01T00:00:00Z"}
    update = {ids[1]: {"kind": "group"}, ids[2]: again}
    late = {"n": {"addressBookIds": {book: True}, "uid": "late"}}
    changed = await ann.call("ContactCard/set", update=update, destroy=[ids[0]], create=late)
    told = await ann.call("ContactCard/queryChanges", sinceQueryState=state, **query)
    kept = [each for each in ids if each not in told["removed"]]
    for added in told["added"]:
        kept.insert(added["index"], added["id"])
    assert kept == (await ann.call("ContactCard/query", **query))["ids"]
    assert kept == [ids[3], changed["created"]["n"]["id"], ids[2]]
    few = {"sinceQueryState": state, "maxChanges": 1, **query}
    assert (await ann.call("ContactCard/queryChanges", **few))["error"] == "tooManyChanges"
    old = await ann.call("ContactCard/queryChanges", sinceQueryState="999", **query)
    assert old["error"] == "cannotCalculateChanges"


async def test_cards_are_copied_from_other_accounts_and_there_are_none(ann: Client) -> None:
    answer = await ann.call("ContactCard/copy", fromAccountId="Aother", create={})
    assert answer["error"] == "fromAccountNotFound"
    answer = await ann.call("ContactCard/copy", fromAccountId=ann.account_id, create={})
    assert answer["error"] == "invalidArguments"
