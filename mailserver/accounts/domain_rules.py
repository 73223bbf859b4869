"""What holds for a domain: who answers its roles, who gets what nobody has, its policy."""

from dataclasses import replace

from mailserver.accounts.directory import Directory
from mailserver.accounts.keyring import Keyring
from mailserver.accounts.reserved import check_not_reserved
from mailserver.accounts.roles import ROLES
from mailserver.audit.chain import Chain
from mailserver.audit.entry import OPERATOR, Event, Facts
from mailserver.model.address import Address, canonical_domain
from mailserver.model.errors import Absent, Condition, PeerFault, Refused
from mailserver.protocol.oidc.metadata import check_issuer
from mailserver.vault.providers import ProviderRecord
from mailserver.vault.receiving import DomainRecord

CUSTOMER_CHARACTERS = 200
PROVIDER_CHARACTERS = 1_024  # of each thing that is said of one


class DomainRules:
    """Reads and changes domains' rows in the keystore; each change is told to the audit log."""

    def __init__(self, keyring: Keyring, directory: Directory, chain: Chain) -> None:
        """Change the rows of `keyring`."""
        self._keyring = keyring
        self._directory = directory
        self._chain = chain

    async def get(self, name: str) -> DomainRecord:
        """Return what holds for a domain. Raises Absent (NO_SUCH_DOMAIN)."""
        domain = canonical_domain(name)
        if not await self._directory.is_local(domain):
            raise Absent(Condition.NO_SUCH_DOMAIN, f"there is no domain {domain} here")
        return await self._keyring.receiving.domain(domain, fresh=True)

    async def set_role(
        self, name: str, role: str, address: Address | None, *, actor: str = OPERATOR
    ) -> None:
        """Let an account answer a role; None ends that. The postmaster answers what is not named.

        The account may be made later: until then mail for the role waits with its senders.

        Raises:
            Absent: NO_SUCH_DOMAIN, of the domain or of the account.
            PeerFault: BAD_ADDRESS, it is no role.
            Refused: NOT_PERMITTED, the address is the role itself, or the server's own.
        """
        record, role = await self.get(name), role.casefold()
        if role not in ROLES:
            raise PeerFault(
                Condition.BAD_ADDRESS, f"{role} is no role; these are: {', '.join(sorted(ROLES))}"
            )
        roles = {each: key for each, key in record.roles.items() if each != role}
        if address is not None:
            await self._check_ours(address)
            if address.key == f"{role}@{record.name}":
                raise Refused(Condition.NOT_PERMITTED, "a role is answered by another address")
            roles[role] = address.key
        await self._change(replace(record, roles=roles), f"role-{role}", actor)

    async def set_catch_all(
        self, name: str, address: Address | None, *, actor: str = OPERATOR
    ) -> None:
        """Let an account get what nobody in the domain has; None: it is refused again.

        Raises:
            Absent: NO_SUCH_DOMAIN; NO_SUCH_USER, the address is no account's.
            Refused: NOT_PERMITTED, it is the server's own.
        """
        record = await self.get(name)
        if address is not None:
            await self._check_ours(address)
            if await self._directory.holder(address) is None:
                raise Absent(Condition.NO_SUCH_USER, f"there is no {address} here")
        key = "" if address is None else address.key
        await self._change(replace(record, catch_all=key), "catch-all", actor)

    async def set_no_external_forward(
        self, name: str, *, keeps: bool, actor: str = OPERATOR
    ) -> None:
        """Keep a domain's mail on this server, or let it be sent on. Raises Absent."""
        record = replace(await self.get(name), no_external_forward=keeps)
        await self._change(record, "no-external-forward" if keeps else "external-forward", actor)

    async def set_second_factor(self, name: str, *, required: bool, actor: str = OPERATOR) -> None:
        """Ask everybody in a domain for a second factor, or nobody. Raises Absent."""
        record = replace(await self.get(name), second_factor=required)
        await self._change(record, "factor-required" if required else "factor-optional", actor)

    async def set_customer(self, name: str, customer: str, *, actor: str = OPERATOR) -> None:
        """Say whose a domain is, where it is not ours; empty: ours, or a private person's.

        Raises:
            Absent: NO_SUCH_DOMAIN.
            PeerFault: BAD_SYNTAX, it is no name.
        """
        customer = " ".join(customer.split())
        if not customer.isprintable() or len(customer) > CUSTOMER_CHARACTERS:
            raise PeerFault(Condition.BAD_SYNTAX, "a customer is named in up to 200 letters")
        record = replace(await self.get(name), customer=customer)
        await self._change(record, "customer" if customer else "no-customer", actor)

    async def set_provider(
        self, name: str, provider: ProviderRecord | None, *, actor: str = OPERATOR
    ) -> None:
        """Let an identity provider say who people in a domain are; None: passwords alone again.

        Accounts that were linked to another issuer are linked anew at their next sign-in.

        Raises:
            Absent: NO_SUCH_DOMAIN.
            PeerFault: BAD_ADDRESS, the issuer is no https: address; BAD_SYNTAX, there is no client
                id, or more in it than a provider gives.
        """
        record = await self.get(name)
        if provider is not None:
            check_issuer(provider.issuer)
            told = (provider.client_id, provider.name, *provider.acr)
            secret = provider.client_secret.decode("utf-8", "replace")
            if not provider.client_id or not all(map(_is_plain, (*told, secret))):
                raise PeerFault(Condition.BAD_SYNTAX, "the provider's details are not as given")
        record = replace(record, provider=provider)
        await self._change(record, "provider-off" if provider is None else "provider", actor)

    async def _check_ours(self, address: Address) -> None:
        check_not_reserved(address)
        if not await self._directory.is_local(address.domain):
            raise Absent(Condition.NO_SUCH_DOMAIN, f"there is no domain {address.domain} here")

    async def _change(self, record: DomainRecord, change: str, actor: str) -> None:
        step = await self._keyring.receiving.change_domain(record)
        facts: Facts = {"domain": record.name, "change": change}
        await self._chain.record(Event.DOMAIN_CHANGED, actor=actor, facts=facts)
        await self._keyring.apply([step])


def _is_plain(text: str) -> bool:
    return len(text) <= PROVIDER_CHARACTERS and text.isprintable()
