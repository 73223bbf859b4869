"""T-LC-1: a change of secrets that breaks off, wherever it does, leaves the old secret or the new.

Every transition is run again and again while the keystore fails at its first changed row, at its
second and so on, until it has nothing left to fail at. After each failure the old secret opens the
account and the new one does not; after the last run it is the other way round. So whoever is
killed half-way is rolled back, and can be asked again with the same link, code or secret.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import text

from mailserver.accounts.factors import Proof
from mailserver.accounts.sessions import Lease
from mailserver.accounts.visitor import Visitor
from mailserver.model.address import Address
from mailserver.model.errors import Refused
from mailserver.model.sealed import Plaintext
from mailserver.runtime.clock import ManualClock
from mailserver.store import keystore_tables
from mailserver.vault.records import Scope
from tests.support.accounts import PASSWORD, PEER, Node, open_node
from tests.support.factors import Authenticator, enrolled

ALICE = "alice@example.org"
HERE = Visitor(PEER, "Firefox on Linux")
NEW = Plaintext(b"two herons on a frozen canal")
BETWEEN = Plaintext(b"nine paper lanterns over a canal")
WHOLE = 1_000_000

Act = Callable[[], Awaitable[object]]
_TABLES = [table.name for table in keystore_tables.metadata.sorted_tables]
_BURN = (
    "CREATE FUNCTION burn() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
    " UPDATE fuse SET steps = steps - 1;"
    " IF (SELECT steps FROM fuse) < 0 THEN RAISE EXCEPTION 'broken'; END IF;"
    " RETURN COALESCE(NEW, OLD); END $$"
)


@pytest.fixture
async def node(
    mail_url: str, keystore_url: str, tmp_path: Path, clock: ManualClock
) -> AsyncIterator[Node]:
    opened = await open_node(mail_url, keystore_url, tmp_path, clock)
    yield opened
    await opened.close()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


async def _sql(node: Node, statement: str) -> None:
    await node.keystore._database.write(lambda connection: connection.execute(text(statement)))


async def lay_fuse(node: Node, *, on_sqlite: bool) -> None:
    """Have every row that is changed in the keystore take a step off a fuse, or fail at its end."""
    await _sql(node, "CREATE TABLE fuse (steps INTEGER)")
    await _sql(node, f"INSERT INTO fuse VALUES ({WHOLE})")
    if not on_sqlite:
        await _sql(node, _BURN)
    for table in _TABLES:
        for verb in ("INSERT", "UPDATE", "DELETE"):
            where = f"CREATE TRIGGER burn_{table}_{verb.lower()} BEFORE {verb} ON {table}"
            does = (
                "BEGIN UPDATE fuse SET steps = steps - 1;"
                " SELECT RAISE(ABORT, 'broken') WHERE (SELECT steps FROM fuse) < 0; END"
            )
            if not on_sqlite:
                does = "FOR EACH ROW EXECUTE FUNCTION burn()"
            await _sql(node, f"{where} {does}")


async def set_fuse(node: Node, steps: int) -> None:
    """Have the keystore fail after so many changed rows."""
    await _sql(node, f"UPDATE fuse SET steps = {steps}")


@dataclass
class World:
    """An account with everything that opens one."""

    node: Node
    device: Authenticator
    code: Plaintext
    app: Plaintext
    lease: Lease
    now: Plaintext = PASSWORD
    """The password that opens it."""

    async def proof(self) -> Proof:
        """Show the authenticator once more."""
        return self.device.proof()

    async def opens(self, password: Plaintext) -> bool:
        """Say whether a password opens the account, with the factor."""
        try:
            outcome = await self.node.desk.sign_in.by_password(
                ALICE, password, HERE, first=self.device.proof()
            )
        except Refused:
            return False
        sessions = self.node.desk.web_sessions
        session = await sessions.open(outcome.session.cookie)
        opened = not outcome.needed and not session.lease.account.closed
        # Each session is a row that a change of secrets ends: they must not grow with the fuse.
        await sessions.end(self.device.account_id, outcome.session.id)
        return opened


async def world(node: Node) -> World:
    """Make the account."""
    device = await enrolled(node)
    outcome = await node.desk.sign_in.by_password(ALICE, PASSWORD, HERE, first=device.proof())
    session = await node.desk.web_sessions.open(outcome.session.cookie)
    app = await node.app_passwords.add(session.lease, [Scope.IMAP])
    code = await node.recovery.renew_code(session.lease)
    return World(node, device, code, app.secret, session.lease)


async def changing(made: World) -> Act:
    return lambda: made.node.recovery.change_password(made.device.account_id, PASSWORD, NEW)


async def by_code(made: World) -> Act:
    async def act() -> None:
        await made.node.desk.guarded.reset_with_code(
            ALICE, made.code, NEW, HERE, proof=await made.proof(), keep_app_passwords=False
        )

    return act


async def without_code(made: World, password: Plaintext = NEW) -> Act:
    resets = made.node.desk.resets
    token = await resets.issue(Address.parse(ALICE))
    at = await resets.ask(token, HERE, await made.proof())
    made.node.clock.advance(at - made.node.clock.now())

    async def act() -> None:
        await resets.finish(token, password, HERE, await made.proof())

    return act


async def by_app_password(made: World) -> Act:
    async def act() -> None:
        rescue = made.node.desk.rescue
        await rescue.by_app_password(ALICE, made.app, NEW, await made.proof(), HERE)

    return act


async def by_session(made: World) -> Act:
    return lambda: made.node.desk.rescue.by_session(made.lease, NEW)


async def by_vault(made: World) -> Act:
    await (await without_code(made, BETWEEN))()
    made.now = BETWEEN

    async def act() -> None:
        vaults = made.node.desk.vaults
        await vaults.open(ALICE, PASSWORD, NEW, HERE, proof=await made.proof())

    return act


async def by_take_over(made: World) -> Act:
    async def act() -> None:
        key, _ = await made.node.desk.first_steps.take_over(made.lease, NEW)
        key.close()

    return act


TRANSITIONS = (
    changing,
    by_code,
    without_code,
    by_app_password,
    by_session,
    by_vault,
    by_take_over,
)


async def failure_of(act: Act) -> Exception | None:
    try:
        await act()
    except Exception as failure:  # noqa: BLE001 - whatever a broken database leads to
        return failure
    return None


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize("transition", TRANSITIONS, ids=lambda each: each.__name__)
async def test_t_lc_1_wherever_it_breaks_off_one_secret_opens(
    node: Node, keystore_url: str, transition: Callable[[World], Awaitable[Act]]
) -> None:
    made = await world(node)
    act = await transition(made)
    await lay_fuse(node, on_sqlite=keystore_url.startswith("sqlite"))
    for steps in count():
        await set_fuse(node, steps)
        failure = await failure_of(act)
        if failure is None:
            break
        assert "broken" in f"{failure!r} {failure.__cause__!r} {failure.__context__!r}"
        await set_fuse(node, WHOLE)
        assert await made.opens(made.now), f"the old secret is gone after {steps} rows"
        assert not await made.opens(NEW), f"the new secret opens after {steps} rows"
    await set_fuse(node, WHOLE)
    assert steps > 2  # it did fail before
    assert await made.opens(NEW)
    assert not await made.opens(made.now)
