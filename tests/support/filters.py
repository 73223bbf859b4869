"""An account with filters, on a node with mail."""

from dataclasses import dataclass, field
from datetime import timedelta

from mailserver.accounts.directory import Addressee
from mailserver.mail.account import Account
from mailserver.mail.scripts import Scripts
from mailserver.mail.sieve import Answer, Arrival, Decision, Filtering
from mailserver.mail.vacation import Vacations
from mailserver.model.address import Address
from mailserver.model.ids import AccountId
from mailserver.model.sealed import Plaintext
from mailserver.runtime.settings import Sieve
from tests.support.mail import MailNode, letter

ALICE = "alice@example.org"
BOUNDS = Sieve()


@dataclass
class Filtered:
    """One account's scripts and settings, and what they make of mail."""

    mail: MailNode
    account: Account
    scripts: Scripts
    vacations: Vacations
    filtering: Filtering
    approved: set[str] = field(default_factory=set)

    async def recipient(self) -> Addressee:
        """Find the account as delivery does: its owner need not be there."""
        return await self.mail.node.directory.find(Address.parse(ALICE))

    async def script(self, text: str, name: str = "main") -> None:
        """Store a script and activate it."""
        await self.scripts.put(name, Plaintext(text.encode()))
        await self.scripts.activate(name)

    async def decide(
        self,
        octets: bytes | None = None,
        *,
        sender: str | None = "bob@elsewhere.test",
        recipient: str = ALICE,
        junk: bool = False,
    ) -> Decision:
        """Say what becomes of a message."""
        arrival = Arrival(
            letter() if octets is None else octets,
            Address.parse(sender) if sender else None,
            Address.parse(recipient),
            junk=junk,
        )
        return await self.filtering.decide(await self.recipient(), arrival)

    async def settle(self, decision: Decision) -> list[Answer]:
        """Do what delivery does once the message is stored."""
        return await self.filtering.settle(await self.recipient(), decision)

    async def answered(
        self, octets: bytes | None = None, sender: str | None = "bob@elsewhere.test"
    ) -> list[Answer]:
        """Deliver a message and return what is sent about it."""
        return await self.settle(await self.decide(octets, sender=sender))

    def advance(self, by: timedelta) -> None:
        """Let time pass."""
        self.mail.node.clock.advance(by)


async def filtered(mail: MailNode) -> Filtered:
    """Make an account whose owner has set nothing yet."""
    account = await mail.account(ALICE)
    approved: set[str] = set()

    async def is_approved(account_id: AccountId, target: Address) -> bool:
        return account_id == account.account_id and str(target) in approved

    node = mail.node
    guard = (await node.directory.find(Address.parse(ALICE))).guard
    return Filtered(
        mail,
        account,
        Scripts(node.store, account.account_id, guard, node.chain, is_approved, BOUNDS),
        Vacations(node.store, account.account_id, guard, node.chain),
        Filtering(node.store, node.clock, node.offload, BOUNDS, is_approved),
        approved,
    )
