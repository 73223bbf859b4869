"""Whatever arguments a method is called with, it answers: refused, perhaps, but never failed.

Arguments come from each method's own structure, values of the right type and of others, with names
that mean something deep inside them.
"""

import asyncio
from pathlib import Path
from typing import Any, get_type_hints

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from mailserver.model.message import NewMessage
from mailserver.model.sealed import Plaintext
from tests.support.jmap_calls import Client, hall_in, person
from tests.webui.jmap.test_mail_reading import MIXED
from webui.jmap.methods import REGISTRY

EXAMPLES = 40  # of each method
IDS = ["M1", "T1", "F1", "F2", "B1", "B1-2", "B1-1_1", "I1", "S1", "A1", "C1", "Z1", "#k", "#no",
       "singleton", "octets", "M999999", "", "x" * 300]  # fmt: skip
CONDITIONS = {
    "Email": [
        *("inMailbox", "inMailboxOtherThan", "before", "after", "minSize", "maxSize", "hasKeyword"),
        *("notKeyword", "someInThreadHaveKeyword", "hasAttachment", "text", "subject", "header"),
    ],
    "SearchSnippet": ["text", "subject", "body", "from", "hasAttachment"],
    "Mailbox": ["parentId", "name", "role", "hasAnyRole", "isSubscribed"],
    "EmailSubmission": ["identityIds", "emailIds", "threadIds", "undoStatus", "before", "after"],
    "ContactCard": [
        *("inAddressBook", "uid", "kind", "hasMember", "createdBefore", "updatedAfter"),
        *("name/given", "email", "text"),
    ],
    "Quota": ["name", "scope", "resourceType", "type"],
    "SieveScript": ["name", "isActive"],
}
SORTS = {
    "Email": ["receivedAt", "size", "from", "subject", "hasKeyword", "someInThreadHaveKeyword"],
    "Mailbox": ["name", "sortOrder"],
    "EmailSubmission": ["emailId", "threadId", "sentAt"],
    "ContactCard": ["created", "updated", "name/given", "name/surname"],
    "Quota": ["name", "used"],
    "SieveScript": ["name", "isActive"],
}
WORDS = [
    *(
        "mailboxIds",
        "mailboxIds/F1",
        "keywords",
        "keywords/$seen",
        "$seen",
        "receivedAt",
        "subject",
    ),
    *("from", "to", "header:Subject:asText", "header:X:asDate:all", "bodyStructure", "textBody"),
    *("htmlBody", "attachments", "bodyValues", "value", "partId", "blobId", "type", "subParts"),
    *("cid", "charset", "language", "disposition", "size", "name", "email", "replyTo", "bcc"),
    *("textSignature", "parentId", "role", "isSubscribed", "sortOrder", "identityId", "emailId"),
    *("envelope", "mailFrom", "rcptTo", "parameters", "HOLDFOR", "undoStatus", "canceled", "uid"),
    *("addressBookIds", "addressBookIds/A1", "@type", "Card", "version", "1.0", "members", "notes"),
    *("data", "data:asText", "data:asBase64", "offset", "length", "isActive", "isEnabled", "id"),
    *("fromDate", "toDate", "2026-03-04T05:06:07Z", "9999-12-31T23:59:59+14:00", "htmlBody"),
    *(
        "forEmailId",
        "actionMode",
        "description",
        "isDefault",
        "name/components",
        "emails/e/address",
    ),
]

texts = st.one_of(st.sampled_from(WORDS), st.sampled_from(IDS), st.text(max_size=12))
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 2_000), st.integers(-(2**70), 2**70), texts,
    st.floats(allow_nan=False, allow_infinity=False),
)  # fmt: skip
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(texts, inner, max_size=4)),
    max_leaves=12,
)
objects = st.dictionaries(st.sampled_from(WORDS) | texts, values, max_size=5)


def filters(of: str) -> st.SearchStrategy[Any]:
    """Make filters of a data type, with values of any type."""
    names = st.sampled_from([*CONDITIONS.get(of, []), "colour"])
    return st.recursive(
        st.dictionaries(names, values | texts, min_size=1, max_size=2),
        lambda inner: st.fixed_dictionaries(
            {
                "operator": st.sampled_from(["AND", "OR", "NOT", "NOT", 1]),
                "conditions": st.lists(inner, max_size=3) | values,
            }
        ),
        max_leaves=4,
    )


def sorts(of: str) -> st.SearchStrategy[Any]:
    """Make sorts of a data type."""
    return st.lists(
        st.fixed_dictionaries(
            {"property": st.sampled_from([*SORTS.get(of, []), "colour"]) | values},
            optional={"isAscending": st.booleans() | values, "keyword": texts | values},
        ),
        max_size=2,
    )


def of_type(of: str, name: str, kind: Any) -> st.SearchStrategy[Any]:
    """Make what an argument of that name and type may be; now and then something else."""
    named = str(kind)
    right: st.SearchStrategy[Any]
    if name == "filter":
        right = filters(of)
    elif name == "sort":
        right = sorts(of)
    elif name == "ids":
        right = st.lists(st.sampled_from(IDS), max_size=4)
    elif "dict[str, dict" in named:
        right = st.dictionaries(st.sampled_from(IDS), objects, max_size=3)
    elif "list[dict" in named:
        right = st.lists(objects, max_size=3)
    elif "dict" in named:
        right = objects
    elif "list[str" in named:
        right = st.lists(texts, max_size=4)
    elif "bool" in named:
        right = st.booleans()
    elif "int" in named:
        right = st.integers(-5, 5_000)
    else:
        right = texts
    return st.integers(0, 19).flatmap(lambda n: right if n else values)


def arguments_of(of: str, takes: Any) -> st.SearchStrategy[dict[str, Any]]:
    """Make arguments for a method."""
    if not (isinstance(takes, type) and issubclass(takes, msgspec.Struct)):
        return objects
    hints = get_type_hints(takes)
    fields = {
        f.encode_name: of_type(of, f.encode_name, hints[f.name])
        for f in msgspec.structs.fields(takes)
    }
    fields.pop("accountId", None)
    needed = {f.encode_name for f in msgspec.structs.fields(takes) if f.required}
    return st.fixed_dictionaries(
        {name: made for name, made in fields.items() if name in needed},
        optional={name: made for name, made in fields.items() if name not in needed},
    )


def _method(name: str) -> Any:
    method = REGISTRY.method(name, REGISTRY.capabilities)
    assert method is not None
    return method


@pytest.mark.long
@pytest.mark.timeout(400)
async def test_no_method_fails_whatever_it_is_called_with(tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    async with hall_in(tmp_path, relay__enabled=True) as hall, person(hall) as client:
        inbox = await client.account.mailboxes.named("INBOX")
        await client.account.messages.append(inbox.id, [NewMessage(Plaintext(MIXED))])
        await _furnish(client)
        faults: list[str] = []
        for name in sorted(REGISTRY.names):
            faults += await asyncio.to_thread(_faults, loop, client, name)
        assert faults == []
        assert await hall.house.store.check(quiet=True) == []


async def _furnish(client: Client) -> None:
    """Have one of each record, so that something is looked at."""
    await client.call("ContactCard/set", create={"k": {"addressBookIds": {"A1": True}}})
    await client.call("Identity/get", ids=None)
    me = [{"email": client.account.address}]
    draft = {"mailboxIds": {await client.mailbox("drafts"): True}, "from": me, "to": me}
    await client.call("Email/set", create={"k": draft})
    sent = {"identityId": "I1", "emailId": "M2"}
    answer = await client.call("EmailSubmission/set", create={"k": sent})
    assert answer["created"], answer
    made = await client.call("Blob/upload", create={"k": {"data": [{"data:asText": "keep;"}]}})
    script = {"name": "one", "blobId": made["created"]["k"]["id"]}
    assert (await client.call("SieveScript/set", create={"k": script}))["created"]


def _faults(loop: asyncio.AbstractEventLoop, client: Client, name: str) -> list[str]:
    """Call a method often; return what it was called with where it failed."""
    takes, faults = _method(name).takes, list[str]()
    of_account = isinstance(takes, type) and "account_id" in get_type_hints(takes)

    @seed(20_260_304)
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(arguments=arguments_of(name.partition("/")[0], takes))
    def ask(arguments: dict[str, Any]) -> None:
        account = {"accountId": client.account_id} if of_account else {}
        call = client.raw((name, {**account, **arguments}))
        answers = asyncio.run_coroutine_threadsafe(call, loop).result(60)
        if any("serverFail" in _kinds(answer) for _, answer in answers):
            faults.append(f"{name} {arguments}")

    ask()
    return faults


def _kinds(answer: dict[str, Any]) -> set[Any]:
    """Return the types of all errors in an answer."""
    refused = ("notCreated", "notUpdated", "notDestroyed", "notSent")
    errors = [error for name in refused for error in (answer.get(name) or {}).values()]
    return {answer.get("type") if isinstance(answer.get("type"), str) else None} | {
        error["type"] for error in errors
    }
