"""Custodians with their keys, and an account whose owner saw the notice."""

from dataclasses import dataclass

from mailserver.accounts.escrow import Standing
from mailserver.accounts.provisioning import NewUser
from mailserver.app.house import House
from mailserver.app.registers import Books
from mailserver.crypto.hpke import KeyPair, derive_pair
from mailserver.crypto.secret import SecretKey
from mailserver.crypto.suite import Suite
from mailserver.privacy.escrow_entry import Opening
from mailserver.vault.custodians import key_of
from mailserver.vault.escrow_request import Answer, Request, answered
from tests.support.accounts import Node
from tests.support.house import PASSWORD

NAMES = ("Ruth Vos", "Jan Prins")
TERMS = ("absence and death", "Two custodians may open your mailbox.", "DPIA 2026-4")


def a_pair() -> KeyPair:
    """Make a custodian's pair without its file, hence without Argon2."""
    return derive_pair(SecretKey.random().octets, Suite.HYBRID)


@dataclass
class Organisation:
    """A node with escrow on."""

    node: Node
    pairs: list[KeyPair]

    async def standing(self) -> Standing:
        """Return the terms."""
        found = await self.node.desk.escrow.standing()
        assert found is not None
        return found

    async def seen(self, user: NewUser) -> None:
        """Let an owner read the notice in a session of his."""
        lease = await self.node.unlocked(user)
        digest = (await self.standing()).digest
        await self.node.desk.escrow_wraps.accept(lease, digest)
        await lease.close()

    def answer(self, request: Request, number: int) -> Answer:
        """Let a custodian answer, on a machine of his own."""
        return answered(request, self.pairs[number], self.node.clock.now())

    async def opened(self, books: Books, user: NewUser, hold: int | None = None) -> Opening:
        """Let both open an account."""
        _, request = await books.openings.ask(user.account_id, "she is ill", hold=hold)
        await books.openings.take(self.answer(request, 0))
        return await books.openings.take(self.answer(request, 1))


async def organisation(node: Node) -> Organisation:
    """Register two custodians and turn escrow on."""
    pairs = [a_pair(), a_pair()]
    for name, pair in zip(NAMES, pairs, strict=True):
        await node.desk.escrow.add_custodian(name, key_of(pair))
    await node.desk.escrow.enable(*TERMS)
    return Organisation(node, pairs)


async def escrow_in(house: House, login: str) -> None:
    """Turn escrow on in a whole server, and let an owner see the notice."""
    for name in NAMES:
        await house.desk.escrow.add_custodian(name, key_of(a_pair()))
    standing = await house.desk.escrow.enable(*TERMS)
    lease = await house.logins.password(login, PASSWORD, peer="127.0.0.1")
    await house.desk.escrow_wraps.accept(lease, standing.digest)
    await lease.close()
