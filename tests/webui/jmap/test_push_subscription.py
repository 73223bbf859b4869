"""PushSubscription: a real push service over TLS, and a program that opens what it is sent."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from mailserver.accounts.visitor import Visitor
from mailserver.app.doors import Hall
from mailserver.mail.push_desk import LONGEST, PAUSE, PER_ACCOUNT, PushDesk
from mailserver.model.sealed import Plaintext
from mailserver.runtime.clock import ManualClock
from mailserver.runtime.settings_spam import Processor
from tests.support.dns import DnsServer, standing_zone
from tests.support.house import PASSWORD
from tests.support.internet import INSIDE, OUTSIDE, Internet, internet
from tests.support.jmap_calls import Client, hall_in, person
from tests.support.push_service import Woken
from tests.support.waiting import until
from tests.support.web_host import answer
from webui.jmap.blobs import of_upload
from webui.jmap.methods import REGISTRY
from webui.jmap.pushing import push_round, push_rounds
from webui.jmap.session import session_object
from webui.site import Place, Site

HERE = Visitor("192.0.2.7", "Firefox")
HOSTS = {
    "device.push.test": [f"A {OUTSIDE}"],
    "inside.push.test": [f"A {INSIDE}"],
    "other.test": [f"A {OUTSIDE}"],
}
SERVICE: dict[str, Any] = {
    "name": "Waker",
    "role": "push-service",
    "host": "push.test",
    "country": "NL",
    "basis": "agreement of 2026",
}


@dataclass
class Desk:
    """Somebody in the webmail, whose programs a push service wakes."""

    client: Client
    hall: Hall
    desk: PushDesk
    clock: ManualClock
    there: Internet

    def program(self, **options: Any) -> Woken:
        return Woken(self.there.outside, **options)

    async def set(self, **arguments: Any) -> dict[str, Any]:
        ((name, told),) = await self.client.raw(("PushSubscription/set", arguments))
        assert name == "PushSubscription/set", told
        return told

    async def get(self, **arguments: Any) -> dict[str, Any]:
        ((name, told),) = await self.client.raw(("PushSubscription/get", arguments))
        assert name == "PushSubscription/get", told
        return told

    async def subscribe(self, program: Woken, **more: Any) -> str:
        told = await self.set(create={"k": program.asks(**more)})
        assert told["notCreated"] is None, told
        return str(told["created"]["k"]["id"])

    async def verified(self, program: Woken, **more: Any) -> str:
        name = await self.subscribe(program, **more)
        await push_round(self.desk)
        code = program.messages[-1]["verificationCode"]
        told = await self.set(update={name: {"verificationCode": code}})
        assert told["updated"] == {name: None}
        self.clock.advance(PAUSE)
        return name

    async def refused(self, **asked: Any) -> dict[str, Any]:
        told = await self.set(create={"k": asked})
        assert told["created"] is None
        return dict(told["notCreated"]["k"])


@pytest.fixture(scope="module")
def dns() -> Iterator[DnsServer]:
    with standing_zone(HOSTS) as server:
        yield server


@pytest.fixture
async def desk(tmp_path: Path, database_url: str, dns: DnsServer) -> AsyncIterator[Desk]:
    clock = ManualClock()
    other = {} if database_url.startswith("sqlite") else {"database__url": database_url}
    async with (
        hall_in(tmp_path, clock, **other) as hall,
        internet(dns.resolver(), HOSTS) as there,
        person(hall) as client,
    ):
        house = hall.house
        settings = house.settings.model_copy(update={"processors": (Processor(**SERVICE),)})

        pushing = PushDesk(
            house.store,
            house.keyring.guard,
            house.desk.web_sessions.is_live,
            there.client,
            house.master.push_identity,
            clock,
            settings,
        )
        client.services = replace(client.services, push_desk=pushing)
        client.session_id = await new_session(hall, client)
        yield Desk(client, hall, pushing, clock, there)


async def new_session(hall: Hall, client: Client) -> bytes:
    house = hall.house
    login = client.account.address
    lease = await house.logins.password(login, PASSWORD, peer=HERE.peer)
    account = await house.keyring.account(lease.account_id)
    begun = await house.desk.web_sessions.begin(account, lease.account.key, HERE)
    await lease.close()
    return begun.id


async def change(desk: Desk) -> None:
    """Make a mailbox."""
    name = f"box {(await desk.client.account.emails.state()).modseq}"
    made = await desk.client.call("Mailbox/set", create={"m": {"name": name}})
    assert made["notCreated"] is None


async def test_a_program_is_verified_and_then_woken_once_for_what_changed(desk: Desk) -> None:
    program = desk.program()
    name = await desk.subscribe(program)
    assert (await desk.get(ids=None))["list"] == [
        {
            "id": name,
            "deviceClientId": "phone",
            "verificationCode": None,
            "expires": f"{desk.clock.now() + LONGEST:%Y-%m-%dT%H:%M:%SZ}",
            "types": None,
        }
    ]
    await change(desk)
    assert await push_round(desk.desk) == 1
    (first,) = program.messages
    code = first.pop("verificationCode")
    assert first == {"@type": "PushVerification", "pushSubscriptionId": name}
    await change(desk)
    desk.clock.advance(timedelta(minutes=10))
    assert await push_round(desk.desk) == 0  # nobody asked for it yet
    told = await desk.set(update={name: {"verificationCode": code}})
    assert (told["updated"], told["notUpdated"]) == ({name: None}, None)
    assert await push_round(desk.desk) == 0  # nothing happened since
    await change(desk)
    await change(desk)
    assert await push_round(desk.desk) == 1
    state = await desk.client.account.emails.state()
    assert program.messages[1:] == [
        {
            "@type": "StateChange",
            "changed": {desk.client.account_id: {"Mailbox": str(state)}},
        }
    ]
    await change(desk)
    assert await push_round(desk.desk) == 0  # a pause lies between two
    desk.clock.advance(PAUSE)
    assert await push_round(desk.desk) == 1
    assert (await desk.get(ids=[name]))["list"][0]["verificationCode"] == code


async def test_rounds_go_on_by_themselves(desk: Desk) -> None:
    program = desk.program()
    rounds = asyncio.create_task(push_rounds(desk.desk))
    await desk.subscribe(program)
    await until(lambda: bool(program.requests))
    rounds.cancel()
    assert program.messages[0]["@type"] == "PushVerification"


async def test_the_service_learns_who_pushes_and_nothing_of_what(desk: Desk) -> None:
    program = desk.program()
    await desk.verified(program)
    await change(desk)
    await push_round(desk.desk)
    first, second = program.requests
    for request in (first, second):
        head = request.partition(b"\r\n\r\n")[0].decode().lower()
        assert head.startswith("post /to/")
        assert "content-encoding: aes128gcm" in head
        assert "ttl: 86400" in head
        assert f"k={desk.desk.public_key}".lower() in head
        assert b"StateChange" not in request
        assert desk.client.account_id.encode() not in request
        assert desk.client.account.address.encode() not in request
    assert b"topic:" not in first.lower()
    assert b"topic: " in second.lower()
    place = Place(Site.WEBMAIL, "https://mail.example.test")
    told = session_object(REGISTRY, desk.client.context, place)["capabilities"]
    key = told["urn:ietf:params:jmap:webpush-vapid"]["applicationServerKey"]
    assert key == desk.desk.public_key


async def test_only_the_types_that_are_wanted_wake_it(desk: Desk) -> None:
    program = desk.program()
    name = await desk.verified(program, types=["EmailDelivery", "Novelty"])
    await change(desk)
    assert await push_round(desk.desk) == 1
    assert len(program.messages) == 1  # looked at, and nothing said
    desk.clock.advance(PAUSE)
    assert await push_round(desk.desk) == 0  # nor looked at again
    inbox = await desk.client.mailbox("inbox")
    blob = await desk.client.account.uploads.put(Plaintext(b"Subject: x\r\n\r\ny\r\n"))
    emails = {"e": {"blobId": of_upload(blob), "mailboxIds": {inbox: True}}}
    made = await desk.client.call("Email/import", emails=emails)
    assert made["notCreated"] is None, made
    assert await push_round(desk.desk) == 1
    changed = program.messages[-1]["changed"][desk.client.account_id]
    assert set(changed) == {"EmailDelivery"}
    await desk.set(update={name: {"types": None}})
    desk.clock.advance(PAUSE)
    await change(desk)
    await push_round(desk.desk)
    assert "Mailbox" in program.messages[-1]["changed"][desk.client.account_id]


async def test_what_the_log_forgot_is_all_of_mail(desk: Desk) -> None:
    program = desk.program()
    await desk.verified(program)
    await change(desk)
    await desk.hall.house.store.changes.prune(
        desk.client.account.account_id, desk.clock.now() + timedelta(days=1)
    )
    await push_round(desk.desk)
    changed = program.messages[-1]["changed"][desk.client.account_id]
    assert {"Email", "Mailbox", "Thread", "EmailDelivery"} <= set(changed)


async def test_another_code_verifies_nothing(desk: Desk) -> None:
    program = desk.program()
    name = await desk.subscribe(program)
    await push_round(desk.desk)
    for code in ("", "x", program.messages[0]["verificationCode"] + "x", 7, None):
        told = await desk.set(update={name: {"verificationCode": code}})
        assert told["notUpdated"][name]["properties"] == ["verificationCode"], code
    desk.clock.advance(PAUSE)
    await change(desk)
    assert await push_round(desk.desk) == 0


async def test_what_a_subscription_cannot_be(desk: Desk) -> None:
    good = desk.program().asks()
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"url": "http://device.push.test/x"}, "url"),
        ({"url": "https://other.test/x"}, "url"),
        ({"url": "https://evilpush.test/x"}, "url"),
        ({"url": "https://device.push.test:8443/x"}, "url"),
        ({"url": "https://127.0.0.1/x"}, "url"),
        ({"url": 5}, "url"),
        ({"keys": None}, "keys"),
        ({"keys": {"p256dh": "AAAA", "auth": "AAAA"}}, "keys"),
        ({"keys": {**good["keys"], "p256dh": "=" * 87}}, "keys"),
        ({"deviceClientId": ""}, "deviceClientId"),
        ({"deviceClientId": "x" * 256}, "deviceClientId"),
        ({"types": "Email"}, "types"),
        ({"types": ["Email"] * 101}, "types"),
        ({"verificationCode": "guess"}, "verificationCode"),
        ({"id": "P1"}, "id"),
    ]
    for more, property_ in wrong:
        refusal = await desk.refused(**{**good, **more})
        assert refusal["type"] == "invalidProperties", more
        assert refusal["properties"] == [property_], more
    assert (await desk.refused(**good, expires="tomorrow"))["type"] == "invalidProperties"
    name = await desk.subscribe(desk.program())
    for patch in ({"url": good["url"]}, {"deviceClientId": "y"}, {"keys": None}, {"types/0": "x"}):
        told = await desk.set(update={name: patch})
        assert told["notUpdated"][name]["properties"] == list(patch)
    told = await desk.set(update={"P0": {}, "#no": {}}, destroy=["x", f"P{'0' * 32}"])
    assert told["notUpdated"]["P0"]["type"] == "notFound"
    assert {each["type"] for each in told["notDestroyed"].values()} == {"notFound"}
    many = {f"k{n}": good for n in range(PER_ACCOUNT + 3)}
    told = await desk.set(create=many)
    assert len(told["created"]) == PER_ACCOUNT - 1
    assert {each["type"] for each in told["notCreated"].values()} == {"overQuota"}
    ((error, said),) = await desk.client.raw(
        ("PushSubscription/get", {"ids": None, "properties": ["url"]})
    )
    assert (error, said["type"]) == ("error", "forbidden")


async def test_a_host_within_is_never_reached(desk: Desk) -> None:
    await desk.subscribe(desk.program(host="inside.push.test"))
    assert await push_round(desk.desk) == 1
    assert desk.there.inside.connections == 0


async def test_it_lasts_a_week_at_most_and_as_long_as_it_was_asked_for(desk: Desk) -> None:
    program = desk.program()
    far = f"{desk.clock.now() + timedelta(days=90):%Y-%m-%dT%H:%M:%SZ}"
    told = await desk.set(create={"k": program.asks(expires=far)})
    week = f"{desk.clock.now() + LONGEST:%Y-%m-%dT%H:%M:%SZ}"
    assert told["created"]["k"]["expires"] == week
    name = told["created"]["k"]["id"]
    soon = f"{desk.clock.now() + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"
    assert (await desk.set(update={name: {"expires": soon}}))["updated"] == {name: None}
    assert (await desk.set(update={name: {"expires": far}}))["updated"] == {name: {"expires": week}}
    await desk.set(update={name: {"expires": soon}})
    desk.clock.advance(timedelta(hours=1))
    assert (await desk.get(ids=None))["list"] == []
    assert (await desk.get(ids=[name]))["notFound"] == [name]
    assert await push_round(desk.desk) == 0


@pytest.mark.parametrize("status", ["404 Not Found", "410 Gone"])
async def test_what_the_service_no_longer_knows_is_forgotten(desk: Desk, status: str) -> None:
    program = desk.program()
    await desk.verified(program)
    program.behave(answer(status=status))
    await change(desk)
    assert await push_round(desk.desk) == 1
    assert (await desk.get(ids=None))["list"] == []


async def test_a_service_that_fails_is_asked_ever_more_rarely_and_loses_nothing(
    desk: Desk,
) -> None:
    program = desk.program()
    await desk.verified(program)
    program.behave(answer(status="503 Service Unavailable"))
    await change(desk)
    for wait in (10, 20, 40):
        assert await push_round(desk.desk) == 1
        desk.clock.advance(timedelta(seconds=wait - 1))
        assert await push_round(desk.desk) == 0
        desk.clock.advance(timedelta(seconds=1))
    program.behave(answer(status="201 Created"))
    assert await push_round(desk.desk) == 1
    state = await desk.client.account.emails.state()
    assert program.messages[-1]["changed"][desk.client.account_id]["Mailbox"] == str(state)
    desk.clock.advance(PAUSE)
    assert await push_round(desk.desk) == 0


async def test_it_is_its_sessions_alone_and_ends_with_it(desk: Desk) -> None:
    program = desk.program()
    name = await desk.verified(program)
    other = Client(desk.client.account, desk.client.services)
    other.session_id = await new_session(desk.hall, desk.client)
    ((_, told),) = await other.raw(("PushSubscription/get", {"ids": [name]}))
    assert told["notFound"] == [name]
    ((_, told),) = await other.raw(("PushSubscription/set", {"destroy": [name]}))
    assert told["notDestroyed"][name]["type"] == "notFound"
    account_id = desk.client.account.account_id
    await desk.hall.house.desk.web_sessions.end(account_id, desk.client.session_id)
    await change(desk)
    seen = len(program.requests)
    assert await push_round(desk.desk) == 0
    assert len(program.requests) == seen
    assert await desk.hall.house.store.pushes.listing(account_id) == []


async def test_t_srv_4_an_app_password_subscribes_to_nothing(desk: Desk) -> None:
    program = Client(desk.client.account, desk.client.services, by_password=True)
    asked = {"create": {"k": desk.program().asks()}}
    ((_, told),) = await program.raw(("PushSubscription/set", asked))
    assert told["notCreated"]["k"]["type"] == "forbidden"
    ((_, told),) = await program.raw(("PushSubscription/get", {"ids": None}))
    assert told["list"] == []


async def test_none_is_taken_where_no_service_is_registered(desk: Desk) -> None:
    client = Client(desk.client.account, replace(desk.client.services))
    client.services = replace(client.services, push_desk=desk.hall.house.push_desk)
    client.session_id = desk.client.session_id
    asked = {"create": {"k": desk.program().asks()}}
    ((_, told),) = await client.raw(("PushSubscription/set", asked))
    assert told["notCreated"]["k"]["type"] == "forbidden"
    place = Place(Site.WEBMAIL, "https://mail.example.test")
    told = session_object(REGISTRY, client.context, place)["capabilities"]
    assert "urn:ietf:params:jmap:webpush-vapid" not in told


async def test_a_dump_of_the_database_names_no_device(desk: Desk) -> None:
    program = desk.program()
    await desk.subscribe(program)
    (row,) = await desk.hall.house.store.pushes.listing(desk.client.account.account_id)
    for said in (program.path, program.host, "phone", "p256dh"):
        assert said.encode() not in bytes(row.subscription)
