"""Conversations are kept for whom they are good enough, and never more than there may be."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta

import pytest

from mailserver.outbound.dial import Dialer
from mailserver.outbound.pool import AGE, IDLE, MESSAGES, Pool
from mailserver.outbound.security import Host, Level, Security
from mailserver.outbound.wire import Gone
from mailserver.runtime.clock import ManualClock
from mailserver.runtime.tls_client import ClientTls
from tests.mailserver.outbound.test_client import PATIENCE, package
from tests.support.mail_host import MailHost, hosting


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def there() -> AsyncIterator[MailHost]:
    async with hosting(MailHost()) as host:
        yield host


@pytest.fixture
async def pool(clock: ManualClock, there: MailHost) -> AsyncIterator[Pool]:
    dialer = Dialer("mail.here.test", ClientTls.load(), clock=clock, patience=PATIENCE)
    made = Pool(dialer, clock=clock, at_most=3)
    yield made
    await made.close()


def host(there: MailHost, name: str = "mx.there.test") -> Host:
    return Host(name, ("127.0.0.1",), there.port, Security())


async def send(pool: Pool, to: Host) -> None:
    async with pool.lend("there.test", to) as lent:
        await lent.connection.send(package())


async def test_a_conversation_is_used_again_but_not_for_who_asks_for_more(
    pool: Pool, there: MailHost
) -> None:
    await send(pool, host(there))
    await send(pool, host(there))
    assert there.connections == 1
    stricter = replace(host(there), security=Security(Level.VERIFIED))
    with pytest.raises(Gone):
        await send(pool, stricter)
    assert there.connections == 2
    assert len(there.contents) == 2


@pytest.mark.parametrize("after", [IDLE, AGE])
async def test_old_conversations_are_let_go(
    pool: Pool, there: MailHost, clock: ManualClock, after: timedelta
) -> None:
    await send(pool, host(there))
    clock.advance(after)
    await pool.tend()
    assert there.commands[-1] == "QUIT"
    await send(pool, host(there))
    assert there.connections == 2


async def test_a_conversation_ends_before_it_is_a_burden(pool: Pool, there: MailHost) -> None:
    for _ in range(MESSAGES + 1):
        await send(pool, host(there))
    assert there.connections == 2


async def test_no_more_are_open_than_there_may_be(pool: Pool, there: MailHost) -> None:
    for number in range(5):
        await send(pool, host(there, f"mx{number}.there.test"))
    assert there.connections == 5
    assert there.commands.count("QUIT") == 2  # three may stay
    async with AsyncExitStack() as stack:
        for number in range(3):
            await stack.enter_async_context(pool.lend("there.test", host(there, f"b{number}.test")))
        assert there.commands.count("QUIT") == 5
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await send(pool, host(there))


async def test_a_conversation_that_was_broken_off_is_not_kept(pool: Pool, there: MailHost) -> None:
    with pytest.raises(RuntimeError):
        async with pool.lend("there.test", host(there)):
            raise RuntimeError
    await send(pool, host(there))
    assert there.connections == 2
