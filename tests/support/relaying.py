"""A relay with a queue, and a letterbox for what it sends."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from mailserver.mail.backoff import Schedule
from mailserver.mail.delivery import Incoming
from mailserver.mail.outgoing import LEASE, Outgoing
from mailserver.mail.parcels import Due, Origin
from mailserver.mailauth.mta_sts import MtaSts
from mailserver.model.address import Address
from mailserver.model.envelope import Onward
from mailserver.model.errors import Absent, Condition, MailError
from mailserver.outbound.bounce import Bounces
from mailserver.outbound.client import PATIENCE, Patience
from mailserver.outbound.dial import Dialer
from mailserver.outbound.local import Local
from mailserver.outbound.pool import Pool
from mailserver.outbound.route import Map, Router, Via
from mailserver.outbound.runner import Runner
from mailserver.outbound.sending import Sending
from mailserver.runtime.clock import ManualClock
from mailserver.runtime.offload import Offload
from mailserver.runtime.resolver import Resolver
from mailserver.runtime.settings_values import Endpoint
from mailserver.runtime.tls_client import ClientTls
from mailserver.store.queue_rows import QueueState
from mailserver.store.store import Store
from tests.mailserver.mailauth.test_mta_sts import Drawer, Web
from tests.support.mail_host import MailHost, hosting
from tests.support.outgoing import MESSAGE, Guards, outgoing, parcel
from tests.support.store import House

LIFE = timedelta(days=5)
NOBODY = Endpoint(host="127.0.0.1", port=9)  # every destination has a route of its own


class Letterbox:
    """Delivers for zegel.test, to everybody but those it has a complaint about."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, Incoming]] = []
        self.complaints: dict[str, MailError] = {}

    async def is_local(self, domain: str) -> bool:
        return domain == "zegel.test"

    async def recipient(self, address: Address) -> Address:
        if address.local == "nobody":
            raise Absent(Condition.NO_SUCH_USER, "nobody has that address")
        return address

    async def deliver(
        self, message: Incoming, recipients: Sequence[Address]
    ) -> list[MailError | None]:
        (address,) = recipients
        if address.local in self.complaints:
            return [self.complaints[address.local]]
        self.taken.append((str(address), message))
        return [None]


class Post:
    """A queue, a relay, and the hosts it writes to."""

    def __init__(self, store: Store, clock: ManualClock, offload: Offload, owner: House) -> None:
        self.store = store
        self.clock = clock
        self.offload = offload
        self.owner = owner
        self.guards = Guards()
        self.guards.add(owner.account)
        self.queue = outgoing(store, self.guards, clock, offload, Schedule(life=LIFE))
        self.box = Letterbox()
        self.routes: dict[str, Via] = {}
        self.mandatory: dict[str, tuple[str, ...]] = {}
        self.signed: list[str] = []
        self.patience: Patience = replace(PATIENCE, connecting=timedelta(seconds=2))

    def relay(self, queue: Outgoing | None = None) -> Runner:
        """Put a relay together, as one process of several would."""
        resolver = Resolver([NOBODY], clock=self.clock, timeout=timedelta(seconds=0.2))
        sts = MtaSts(resolver, Web(), Drawer(), clock=self.clock, spawn=print)
        map_ = Map("mail.zegel.test", routes=self.routes, mandatory=self.mandatory)
        dialer = Dialer(
            "mail.zegel.test", ClientTls.load(), clock=self.clock, patience=self.patience
        )
        pool = Pool(dialer, clock=self.clock, at_most=20)

        async def origin(due: Due) -> Origin:
            return Origin(self.owner.account, await self.guards.of(self.owner.account))

        async def sign(domain: str, message: bytes) -> bytes:
            self.signed.append(domain)
            return b"DKIM-Signature: of " + domain.encode() + b"\r\n"

        return Runner(
            queue or self.queue,
            Sending(Router(map_, resolver, sts), pool),
            pool,
            Local(self.box),
            Bounces("mail.zegel.test", origin, clock=self.clock),
            clock=self.clock,
            offload=self.offload,
            sign=sign,
            grace=timedelta(seconds=5),
        )

    @asynccontextmanager
    async def host(self, host: MailHost, domain: str = "there.test") -> AsyncIterator[MailHost]:
        async with hosting(host):
            self.routes[domain] = Via("127.0.0.1", host.port, "none")
            yield host

    async def put(self, *recipients: str | Onward, message: bytes = MESSAGE) -> None:
        made = parcel(
            self.guards, self.owner.account, recipients or ("bob@there.test",), message=message
        )
        await self.queue.enqueue(made)

    async def until(self, claim: Callable[[], bool]) -> None:
        for _ in range(2_000):
            if claim():
                return
            await asyncio.sleep(0.01)
        pytest.fail("it did not come to pass")

    async def hours(self, hours: int) -> None:
        """Let time pass while nothing is under way, less at once than a lease lasts."""
        step = LEASE * 4 / 5
        for _ in range(timedelta(hours=hours) // step):
            await asyncio.sleep(0.02)
            for _ in range(1_000):
                if not (await self.store.queue.counts()).get(QueueState.LEASED):
                    break
                await asyncio.sleep(0.01)
            self.clock.advance(step)

    async def put_off(self, attempts: int = 1, rows: int = 1) -> None:
        """Wait until there are so many rows, each tried so often and now left to wait."""
        for _ in range(2_000):
            found = await self.store.queue.rows(100)
            tried = [row.attempts for row in found if row.state == QueueState.WAITING]
            if tried == [attempts] * rows and len(found) == rows:
                return
            await asyncio.sleep(0.01)
        pytest.fail("it is not put off")

    async def waiting(self) -> int:
        return sum((await self.store.queue.counts()).values())

    async def empty(self, left: int = 0) -> None:
        """Wait until nothing, or so many rows, are left of the queue."""
        for _ in range(2_000):
            if await self.waiting() == left:
                return
            await asyncio.sleep(0.01)
        pytest.fail("something stays in the queue")

    @property
    def reports(self) -> list[str]:
        return [incoming.octets.reveal().decode() for _, incoming in self.box.taken]


@asynccontextmanager
async def running(runner: Runner) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(runner.run())
        try:
            yield
        finally:
            task.cancel()
