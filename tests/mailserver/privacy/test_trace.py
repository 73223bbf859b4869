"""T-NTK-3: a trace ends, needs two, is known to its owner, and has addresses and no letter."""

import base64
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from mailserver.accounts.admins import Admin
from mailserver.app.house import House
from mailserver.app.registers import TRACES
from mailserver.audit.entry import decode
from mailserver.mail.incoming import Incoming
from mailserver.mail.parcels import Parcel
from mailserver.mail.tracing import Step
from mailserver.model.address import Address
from mailserver.model.envelope import Envelope, RemoteReply
from mailserver.model.errors import Absent, Conflict, PeerFault, Refused
from mailserver.model.ids import AccountId
from mailserver.model.sealed import Plaintext
from mailserver.privacy.looks import Means
from mailserver.privacy.trace import KEPT, LONGEST, NOTES_KEPT
from mailserver.runtime.clock import ManualClock
from mailserver.vault.administrators import AdminRole
from tests.support.house import DOMAIN, PASSWORD, add_person, house_in
from tests.support.mail import letter
from tests.support.outgoing import onward

MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
NOOR, BRAM = Address("noor", DOMAIN), Address("bram", DOMAIN)
EVA = Address("eva", "elsewhere.test")
CANARY = "canary9157"
WHY = "letters of the notary do not come"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def house(
    tmp_path: Path, databases: dict[str, str], clock: ManualClock
) -> AsyncIterator[House]:
    async with house_in(tmp_path, clock, **databases) as opened:
        for name in ("noor", "bram"):
            await add_person(opened, name)
        await opened.admins.create("ruth", PASSWORD, [AdminRole.MAIL_OPS])
        yield opened


async def second(house: House) -> Admin:
    return await house.admins.sign_in("ruth", PASSWORD)


async def account(house: House, who: Address = NOOR) -> AccountId:
    holder = await house.directory.holder(who)
    assert holder is not None
    return holder.account_id


async def started(house: House, length: timedelta = LONGEST) -> int:
    one = await house.books.traces.start(
        await account(house), str(NOOR), WHY, length, await second(house)
    )
    return one.number


async def arrive(house: House, to: Address) -> None:
    octets = letter(subject=CANARY, body=f"{CANARY} in its text")
    message = Incoming(Plaintext(octets), EVA, b"Received: from x\r\n")
    recipient = await house.delivery.recipient(to)
    assert await house.delivery.deliver(message, [recipient]) == [None]


async def leave(house: House) -> None:
    """Queue a message of hers, and have another server refuse it."""
    origin = await house.outgoing.origin(await account(house))
    message = Plaintext(letter(subject=CANARY))
    await house.outgoing.enqueue(Parcel(origin, Envelope(NOOR), message, [onward(str(EVA))]))
    (due,) = await house.outgoing.due(10)
    said = RemoteReply(f"no such user {CANARY}", 550, "5.1.1", "mx.elsewhere.test")
    await house.outgoing.failed(due, said)


async def noted(house: House, number: int) -> list[Step]:
    _, steps, damaged = await house.books.traces.show(number)
    assert damaged == 0
    return steps


async def test_t_ntk_3_addresses_and_steps_are_noted_and_never_a_letter(
    house: House, clock: ManualClock
) -> None:
    await arrive(house, NOOR)  # before anybody looked
    number = await started(house)
    clock.advance(MINUTE)
    await arrive(house, NOOR)
    await arrive(house, BRAM)  # whom nobody traces
    clock.advance(MINUTE)
    await leave(house)
    steps = await noted(house, number)
    assert [(one.step, one.sender, one.recipient) for one in steps] == [
        ("delivered", str(EVA), str(NOOR)),
        ("queued", str(NOOR), str(EVA)),
        ("failed", str(NOOR), str(EVA)),
    ]
    assert (steps[-1].code, steps[-1].status, steps[-1].peer) == (550, "5.1.1", "mx.elsewhere.test")
    assert CANARY not in repr([vars_of(step) for step in steps])


def vars_of(step: Step) -> list[object]:
    return [getattr(step, name) for name in step.__slots__]


async def test_t_ntk_3_what_lies_in_the_file_is_guarded(house: House) -> None:
    number = await started(house)
    await arrive(house, NOOR)
    await house.books.traces.flush()
    (file,) = (house.settings.data_dir / TRACES).iterdir()
    assert file.stat().st_mode & 0o077 == 0
    written = file.read_bytes()
    for word in (CANARY, "eva", "elsewhere.test", "noor", DOMAIN):
        assert word.encode() not in written
        assert all(word.encode() not in base64.b64decode(line) for line in written.splitlines())
    # A line that was altered, and one of another trace's, do not open as a step.
    file.chmod(0o600)
    file.write_bytes(written + b"x" + written)
    _, steps, damaged = await house.books.traces.show(number)
    assert (len(steps), damaged) == (1, 1)


async def test_t_ntk_3_it_expires(house: House, clock: ManualClock) -> None:
    number = await started(house, 10 * MINUTE)
    clock.advance(10 * MINUTE - SECOND)
    await arrive(house, NOOR)
    clock.advance(SECOND)
    await arrive(house, NOOR)  # this process has not looked again: the trace is over all the same
    assert len(await noted(house, number)) == 1
    with pytest.raises(Refused, match="is over"):
        await house.books.traces.stop(number)
    clock.advance(NOTES_KEPT - 10 * MINUTE - SECOND)
    await house.books.traces.tend()
    assert len(await noted(house, number)) == 1
    clock.advance(SECOND)
    with pytest.raises(Absent, match="deleted"):
        await house.books.traces.show(number)
    await house.books.traces.tend()
    assert list((house.settings.data_dir / TRACES).iterdir()) == []
    (one,) = await house.books.traces.listing()
    assert one.dropped_at == clock.now()
    clock.advance(KEPT)
    await house.books.traces.tend()
    assert await house.books.traces.listing() == []


async def test_t_ntk_3_nobody_starts_one_alone(house: House) -> None:
    traces, noor = house.books.traces, await account(house)
    with pytest.raises(Refused, match="second administrator"):
        await traces.start(noor, str(NOOR), WHY, LONGEST, None)
    with pytest.raises(Refused):
        await house.admins.sign_in("ruth", Plaintext(b"not her password at all"))
    ruth = await second(house)
    for reason, length in (
        (" ", LONGEST),
        ("x" * 501, LONGEST),
        (WHY, LONGEST + MINUTE),
        (WHY, timedelta()),
    ):
        with pytest.raises(PeerFault):
            await traces.start(noor, str(NOOR), reason, length, ruth)
    assert await traces.listing() == []
    await arrive(house, NOOR)
    assert house.delivery.tracer.taken() == []


async def test_t_ntk_3_its_owner_is_told_and_sees_who_looked(
    house: House, clock: ManualClock
) -> None:
    began = clock.now()
    number = await started(house, 10 * MINUTE)
    with pytest.raises(Conflict):
        await started(house)
    noor, bram = await account(house), await account(house, BRAM)
    (inbox,) = [row for row in await house.store.mailboxes.listing(noor) if row.total]
    assert inbox.total == 1  # the notice
    (look,) = await house.books.looks_of(noor)
    assert (look.means, look.at, look.until) == (Means.TRACE, began, began + 10 * MINUTE)
    assert look.reason == WHY
    assert await house.books.looks_of(bram) == []
    clock.advance(MINUTE)
    await house.books.traces.stop(number)
    await arrive(house, NOOR)
    assert await noted(house, number) == []
    (look,) = await house.books.looks_of(noor)
    assert look.until == began + MINUTE
    entries = [decode(row.entry) for row in await house.store.audit.of_account(noor, 100)]
    said = [entry.facts["what"] for entry in entries if entry.event.value == "traced"]
    assert said[::-1] == ["started", "stopped", "shown"]


async def test_another_process_learns_of_it_and_writes_into_the_same_trace(
    house: House, tmp_path: Path, clock: ManualClock
) -> None:
    number = await started(house)
    await arrive(house, NOOR)
    tracer = house.delivery.tracer
    tracer.active = {}  # as a process that has not looked yet
    await arrive(house, NOOR)
    await house.books.traces.beat()
    await arrive(house, NOOR)
    assert len(await noted(house, number)) == 2
