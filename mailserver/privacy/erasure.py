"""Erasing accounts: at once by the operator, or when their owners' time to think again is over.

    asked ─► every session ends, no program signs in; mail still comes (the days of grace)
      │         └─ its owner signs in to the webmail: withdrawn, the account stays
      └─► the day has come ─► keys, rows, objects ─► certificate ─► answered, and sent where asked

What a legal hold covers is not erased while it stands; the request stays open then, with its term.
A step that fails is tried again, and nobody can sign in meanwhile, for the keys go first.
Source: GDPR Art. 17, 12(3); PRIVACY §5, §14.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from mailserver.accounts.keyring import Keyring
from mailserver.accounts.provisioning import Provisioning
from mailserver.accounts.wishes import Wishes, erase_at
from mailserver.audit.entry import Event, account_actor
from mailserver.model.address import Address
from mailserver.model.errors import Absent, Condition, MailError, Refused
from mailserver.model.ids import AccountId
from mailserver.privacy.certificate import Erased
from mailserver.privacy.erasure_texts import letter
from mailserver.privacy.holds import Holds
from mailserver.privacy.request import OVER, Request, Right, Source
from mailserver.privacy.requests import Requests
from mailserver.runtime.clock import Clock
from mailserver.runtime.log import get_logger
from mailserver.store.store import Store

ROWS = 20  # of the log, newest first; the erasure is the last thing that is done to an account
REPORTED_AFTER = timedelta(hours=24)

Issue = Callable[[Erased], str]
"""Signs a certificate."""
Post = Callable[[bytes, Address], Awaitable[None]]
"""Hands a letter to the outgoing queue. Raises Transient."""
EndConsents = Callable[[AccountId], Awaitable[int]]
"""Ends an account's consents, and returns of how many the proof is kept."""

log = get_logger("erasure")


class Erasure:
    """Erases accounts, and proves it."""

    def __init__(
        self,
        store: Store,
        keyring: Keyring,
        provisioning: Provisioning,
        wishes: Wishes,
        requests: Requests,
        holds: Holds,
        clock: Clock,
        *,
        issue: Issue,
        post: Post | None,
        grace: timedelta,
        end_consents: EndConsents,
    ) -> None:
        """Erase after `grace`; without `post` no letter leaves this server."""
        self._store = store
        self._keyring = keyring
        self._provisioning = provisioning
        self._wishes = wishes
        self._requests = requests
        self._holds = holds
        self._clock = clock
        self._issue = issue
        self._post = post
        self._end_consents = end_consents
        self.grace = grace
        self._failing: dict[int, datetime] = {}

    @property
    def posts(self) -> bool:
        """Whether a certificate can be sent to an address elsewhere."""
        return self._post is not None

    async def is_held(self, account_id: AccountId) -> bool:
        """Say whether a legal hold keeps an account from being erased."""
        standing = await self._holds.standing(self._clock.now())
        return any(hold.account_id == account_id for hold in standing)

    async def ask(
        self, account_id: AccountId, address: str, answer_to: Address | None
    ) -> tuple[Request, datetime | None]:
        """Take the wish of an owner, who has just proved who he is; every session of it ends.

        Args:
            account_id: the account.
            address: its own name.
            answer_to: where the certificate is sent, an address elsewhere.

        Returns:
            The request, and when the account is erased: None while a legal hold stands.

        Raises:
            Conflict: others write just now; ask again.
            Transient: the audit log or the keystore does not answer.
        """
        held = await self.is_held(account_id)
        at = None if held else self._clock.now() + self.grace
        request = await self._requests.receive(
            *(Right.ERASURE, Source.ACCOUNT, address),
            account=account_id,
            erase_at=at,
            answer_to="" if answer_to is None else str(answer_to),
            actor=account_actor(account_id),
        )
        if at is not None:
            await self._wishes.leave(account_id, at)
        return request, at

    async def tend(self) -> int:
        """Erase whose day has come; return how many accounts.

        One that fails holds up no other; after a day the log says so.

        Raises:
            Transient: the register does not answer.
        """
        erased, now = 0, self._clock.now()
        for request in await self._requests.listing():
            if request.erase_at is None or request.state in OVER:
                continue
            try:
                erased += await self._tend_one(request, now)
                self._failing.pop(request.number, None)
            except MailError as error:
                self._fails(request, error, now)
        return erased

    async def certified(self, address: Address) -> str:
        """Erase an account at once and return the certificate.

        Raises:
            Absent: NO_SUCH_USER.
            Transient: it is not finished; do it again.
            Refused: NOT_PERMITTED, it is erased, but its keys may still lie in the keystore's
                files: that is not certified.
        """
        store = self._store
        account_id = await store.accounts.by_address(address.key)
        if account_id is None:
            raise Absent(Condition.NO_SUCH_USER, "there is no such user here")
        row = await store.accounts.get(account_id)
        mailboxes = await store.mailboxes.listing(account_id)
        counts = {
            "addresses": len(row.addresses),
            "mailboxes": len(mailboxes),
            "entries": sum(mailbox.total for mailbox in mailboxes),
            "octets": row.used_octets,
        }
        purged = await self._provisioning.remove_user(address)
        proofs = await self._end_consents(account_id)
        if not purged.complete:
            why = "; ".join((*purged.found, *purged.doubts))
            raise Refused(Condition.NOT_PERMITTED, f"{address} is erased, but not certified: {why}")
        entries = await store.audit.of_account(account_id, ROWS)
        entry = next(one for one in entries if one.event == Event.ACCOUNT_ERASED.value)
        now = self._clock.now()
        return self._issue(Erased(account_id, now, counts, entry.number, entry.hash, proofs))

    async def _tend_one(self, request: Request, now: datetime) -> bool:
        account_id = AccountId(bytes.fromhex(request.account))
        try:
            at = erase_at((await self._keyring.account(account_id, fresh=True)).record)
        except Absent:  # its keys are gone: the rest of it is to go
            at = now
        if at is None:
            await self._requests.withdraw(request.number)
            return False
        if at > now or await self.is_held(account_id):
            return False
        try:
            row = await self._store.accounts.get(account_id)
        except Absent:  # the operator was first
            await self._requests.answer_erased(request.number, "")
            return False
        address = Address.parse(row.addresses[0])
        try:
            certificate = await self.certified(address)
        except Refused as uncertified:
            log.error("erased without a certificate", request=request.number)
            await self._requests.answer_erased(request.number, "", note=str(uncertified))
            return True
        await self._requests.answer_erased(request.number, certificate)
        if self._post is not None and request.answer_to:
            to = Address.parse(request.answer_to)
            await self._post(letter(address, to, certificate, self._clock.now()), to)
        return True

    def _fails(self, request: Request, error: MailError, now: datetime) -> None:
        since = self._failing.setdefault(request.number, now)
        said = {"request": request.number, "condition": error.condition.name}
        if now - since >= REPORTED_AFTER:
            log.error("an erasure has failed for a day", **said)
        else:
            log.warning("an erasure is tried again", **said)
