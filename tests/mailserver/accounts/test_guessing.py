"""Guesses make strangers wait, never the owner; and tell nothing of who exists."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import pytest

from mailserver.accounts import hashing
from mailserver.accounts.delays import GUESSES, REMEMBERED
from mailserver.accounts.factors import Factor, Proof
from mailserver.accounts.hashing import AT_ONCE, KEPT, Hashing
from mailserver.accounts.visitor import Visitor
from mailserver.model.errors import Condition, Refused
from mailserver.model.notice import Notice
from mailserver.model.sealed import Plaintext
from mailserver.runtime.clock import ManualClock
from mailserver.runtime.offload import Offload
from tests.support.accounts import PASSWORD, Node, open_node
from tests.support.factors import enrolled

T = TypeVar("T")

ALICE = "alice@example.org"
HOME = "198.51.100.7"
NEXT_DOOR = "198.51.100.9"  # of the same network


@pytest.fixture
async def strict(
    mail_url: str, keystore_url: str, tmp_path: Path, clock: ManualClock
) -> AsyncIterator[Node]:
    """A node that delays guesses."""
    opened = await open_node(mail_url, keystore_url, tmp_path, clock, delays=True)
    yield opened
    await opened.close()


async def guess(node: Node, peer: str, number: int, login: str = ALICE) -> Condition:
    """Guess once, when nobody must wait any more; return how it was refused."""
    node.clock.advance(timedelta(seconds=61))
    attempt = node.delays.attempt  # counted as failures are, without the work of a hash
    try:
        counted = attempt(login, b"guess %d" % number, peer, guessable=True)
    except Refused as refusal:
        return refusal.condition
    node.delays.failed(counted)
    return Condition.AUTHENTICATION_FAILED


async def besieged(node: Node, peer: str) -> None:
    """Guess until strangers have to wait."""
    for number in range(GUESSES):
        assert await guess(node, peer, number) is Condition.AUTHENTICATION_FAILED
    assert await guess(node, peer, GUESSES) is Condition.TRY_LATER


async def sign_in(node: Node, visitor: Visitor, proof: Proof | None = None) -> None:
    await node.desk.sign_in.by_password(ALICE, PASSWORD, visitor, first=proof)


async def test_t_auth_7_a_known_device_is_not_locked_out_by_its_own_network(strict: Node) -> None:
    user = await strict.user()
    visitor = Visitor(HOME, "Firefox")
    cookie = await strict.desk.devices.trust(user.account_id, visitor)
    await besieged(strict, NEXT_DOOR)
    with pytest.raises(Refused) as refusal:
        await sign_in(strict, visitor)
    assert refusal.value.condition is Condition.TRY_LATER
    await sign_in(strict, Visitor(HOME, "Firefox", cookie))


async def test_another_accounts_device_is_a_stranger(strict: Node) -> None:
    await strict.user()
    bob = await strict.user("bob@example.org")
    cookie = await strict.desk.devices.trust(bob.account_id, Visitor(HOME, "Firefox"))
    await besieged(strict, NEXT_DOOR)
    with pytest.raises(Refused) as refusal:
        await sign_in(strict, Visitor(HOME, "Firefox", cookie))
    assert refusal.value.condition is Condition.TRY_LATER


async def test_a_second_factor_shown_first_gets_through(strict: Node) -> None:
    device = await enrolled(strict)
    await besieged(strict, "203.0.113.5")
    stranger = Visitor(HOME, "Firefox")
    with pytest.raises(Refused):
        await sign_in(strict, stranger)
    with pytest.raises(Refused) as refusal:
        await sign_in(strict, stranger, Proof(Factor.TOTP, Plaintext(b"000000")))
    assert refusal.value.condition is Condition.TRY_LATER
    strict.clock.advance(timedelta(seconds=30))
    await sign_in(strict, stranger, device.proof())


async def test_nobody_waits_for_good(strict: Node) -> None:
    await strict.user()
    await besieged(strict, "203.0.113.5")
    strict.clock.advance(REMEMBERED)
    await sign_in(strict, Visitor(HOME, "Firefox"))


async def test_who_does_not_exist_waits_alike(strict: Node) -> None:
    await strict.user()
    answers: dict[str, list[Condition]] = {}
    for login in (ALICE, "nobody@example.org"):
        answers[login] = [
            await guess(strict, f"203.0.{number}.5", number, login) for number in range(GUESSES + 2)
        ]
    assert answers[ALICE] == answers["nobody@example.org"]


async def test_many_failures_are_told_to_the_owner(strict: Node) -> None:
    await strict.user()
    for number in range(GUESSES - 1):
        await guess(strict, f"203.0.{number}.5", number)
    strict.clock.advance(timedelta(seconds=61))
    with pytest.raises(Refused):
        await strict.desk.sign_in.by_password(
            ALICE, Plaintext(b"one more guess"), Visitor("192.0.2.1", "curl")
        )
    assert Notice.SIGN_IN_FAILURES in [notice for _, notice, _ in strict.told]


async def test_t_auth_6_time_tells_nobody_who_exists(node: Node) -> None:
    await node.user()
    visitor = Visitor(HOME, "Firefox")
    took: dict[str, list[float]] = {ALICE: [], "nobody@example.org": []}
    await sign_in(node, visitor)  # brings the wrap to today's costs
    for number in range(8):
        for login, times in took.items():
            began_at = time.perf_counter()
            with pytest.raises(Refused):
                await node.desk.sign_in.by_password(login, Plaintext(b"wrong %d" % number), visitor)
            times.append(time.perf_counter() - began_at)
    known, unknown = map(min, took.values())  # noise only ever adds
    assert 1 / 1.5 < known / unknown < 1.5


class Counting(Hashing):
    """Password hashes as they are, and how many there were."""

    number = 0

    async def __call__(self, work: Callable[[], T], *, known: bool = False) -> T:
        self.number += 1
        return await super().__call__(work, known=known)


async def test_a_sign_in_costs_one_password_hash(node: Node) -> None:
    await node.user()
    await sign_in(node, Visitor(HOME, "Firefox"))  # the first renews an outdated wrap
    counting = Counting(node.offload)
    node.logins._hashing = counting
    await sign_in(node, Visitor(HOME, "Firefox"))
    assert counting.number == 1
    with pytest.raises(Refused):
        await node.desk.sign_in.by_password("nobody@example.org", PASSWORD, Visitor(HOME))
    assert counting.number == 2


async def test_places_are_kept_for_known_devices() -> None:
    offload = Offload(AT_ONCE, name="test-hash")
    hashes, begun, go = Hashing(offload), threading.Semaphore(0), threading.Event()

    def work() -> None:
        begun.release()
        go.wait(10)

    async with asyncio.TaskGroup() as tasks:
        for _ in range(AT_ONCE - KEPT):
            tasks.create_task(hashes(work))
        stranger = tasks.create_task(hashes(work))
        await asyncio.sleep(0.05)
        assert not stranger.done()
        known = tasks.create_task(hashes(lambda: None, known=True))
        await asyncio.wait_for(asyncio.shield(known), hashing.QUEUE_SECONDS)
        go.set()
    offload.close()
