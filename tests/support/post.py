"""A node whose mail leaves, goes to groups, tells its owners of things, and is counted."""

from dataclasses import dataclass

from mailserver.accounts.sending import SendingLimits
from mailserver.app.people import People, people
from mailserver.mail.delivery import Delivery, Incoming
from mailserver.mail.forwarding import Forwarding
from mailserver.mail.outgoing import Due, Outgoing
from mailserver.mail.queue_desk import QueueDesk
from mailserver.mail.quota import QuotaWatch
from mailserver.mail.sieve import Filtering
from mailserver.mail.signing import Signing
from mailserver.mail.submission import Submission, Submitter
from mailserver.model.address import Address
from mailserver.model.errors import MailError
from mailserver.model.ids import AccountId
from mailserver.model.sealed import Plaintext
from mailserver.outbound.local import Local
from mailserver.runtime.settings import Limits, Sieve
from mailserver.vault.guard import AccountGuard
from tests.support.mail import RECEIVED, MailNode, letter
from tests.support.outgoing import over


@dataclass
class Post:
    """The services of mail on a node, put together as a server does."""

    mail: MailNode
    people: People
    delivery: Delivery
    outgoing: Outgoing
    desk: QueueDesk
    sending: SendingLimits
    submission: Submission

    async def arrive(
        self, to: str, sender: str | None = "bob@elsewhere.test", octets: bytes | None = None
    ) -> MailError | None:
        """Deliver a message from outside that nothing is known of."""
        reverse_path = Address.parse(sender) if sender else None
        incoming = Incoming(Plaintext(octets or letter()), reverse_path, RECEIVED)
        recipient = await self.delivery.recipient(Address.parse(to))
        (outcome,) = await self.delivery.deliver(incoming, [recipient])
        return outcome

    async def submitter(self, address: str, peer: str = "192.0.2.7") -> Submitter:
        """Be somebody who signed in from `peer`."""
        found = await self.mail.node.directory.find(Address.parse(address))
        return Submitter(found.account_id, found.addresses[0], found.addresses, peer)

    async def submit(
        self, sender: str, *to: str, peer: str = "192.0.2.7"
    ) -> list[MailError | None]:
        """Submit a message as its owner."""
        submitter = await self.submitter(sender, peer)
        message = Incoming(Plaintext(letter(From=sender)), Address.parse(sender), RECEIVED)
        found = [await self.submission.recipient(Address.parse(each)) for each in to]
        return await self.submission.submit(submitter, message, found)

    async def leaving(self) -> list[Due]:
        """Return what is due in the queue, by recipient."""
        return sorted(await self.outgoing.due(2_000), key=lambda due: str(due.recipient.address))

    async def deliver_queued(self) -> list[Due]:
        """Deliver what is queued for here, as the relay does; return what is for elsewhere."""
        local, away = Local(self.delivery), []
        while dues := await self.leaving():
            for due in dues:
                if await local.is_local(due.domain):
                    outcome = await local.deliver(due, await self.outgoing.content(due))
                    await self.outgoing.delivered(due, outcome.said)
                else:
                    away.append(due)
            if not any([await local.is_local(due.domain) for due in dues]):
                break
        return away


def post(mail: MailNode, limits: Limits | None = None) -> Post:
    """Put the services together; `limits` bound what is sent."""
    node = mail.node
    guard = node.master.instance_guard
    who = people(
        *(node.store, node.keyring, node.directory, node.chain),
        mail.deposits,
        node.offload,
        node.clock,
    )
    outgoing = over(node)

    async def guard_of(account_id: AccountId) -> AccountGuard:
        return (await node.keyring.account(account_id)).guard

    desk = QueueDesk(node.store, outgoing, guard_of, guard, node.chain, node.clock)
    sending = SendingLimits(
        *(node.store, node.keyring, node.chain, node.clock, limits or Limits()),
        tell=who.notices.tell,
        hold=desk.hold_account,
    )
    outgoing.on_failed = sending.failed
    delivery = Delivery(
        node.store,
        node.directory,
        mail.deposits,
        node.offload,
        node.clock,
        filtering=Filtering(node.store, node.clock, node.offload, Sieve(), who.forwards.approved),
        forwarding=Forwarding(
            outgoing,
            Signing(node.store, guard, node.clock, node.offload),
            guard,
            node.master.bounce_keys,
            node.clock,
        ),
        quota=QuotaWatch(node.store, who.notices.tell, node.clock),
    )
    return Post(
        mail, who, delivery, outgoing, desk, sending, Submission(delivery, outgoing, sending)
    )
