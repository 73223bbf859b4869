"""`zegel domain oidc`: the identity provider of a domain, and who is who there."""

from typing import Annotated
from urllib.parse import urlsplit

import typer

from mailserver.accounts.keyring import OpenedRow
from mailserver.accounts.providers import shown_name
from mailserver.app.house import House
from mailserver.audit.entry import OPERATOR
from mailserver.cli.account import Who, in_house
from mailserver.cli.terminal import fail, read_password, say, settings_of, told
from mailserver.model.address import Address
from mailserver.model.errors import Absent, Condition
from mailserver.runtime.settings_spam import is_named
from mailserver.vault.providers import ProviderRecord

group = typer.Typer(
    help="Signing in by an organisation's identity provider (OpenID Connect).",
    no_args_is_help=True,
)

Name = Annotated[str, typer.Argument(metavar="DOMAIN", help="One of this server's domains.")]
Classes = Annotated[
    list[str] | None,
    typer.Option(metavar="CLASS", help="What it calls a sign-in with two factors; may repeat."),
]
RETURN = "/api/account/sign-in/provider/return"
"""Where the provider sends browsers back to, behind the webmail's address."""


def add_to(domains: typer.Typer) -> None:
    """Add this group's commands to `zegel domain`."""
    domains.add_typer(group, name="oidc")


@group.command("set")
def set_provider(
    context: typer.Context,
    name: Name,
    issuer: Annotated[str, typer.Argument(help="As the provider writes it, https://…")],
    client_id: Annotated[str, typer.Option(help="What the provider calls this server.")],
    public: Annotated[bool, typer.Option("--public", help="The provider gave no secret.")] = False,
    label: Annotated[str, typer.Option(help="What people call it; else its host.")] = "",
    optional: Annotated[
        bool, typer.Option("--optional", help="Passwords alone are taken as well.")
    ] = False,
    second_factor: Annotated[
        bool,
        typer.Option(
            "--second-factor", help="It must ask for a second factor, which then counts here."
        ),
    ] = False,
    acr: Classes = None,
    unchecked: Annotated[
        bool, typer.Option("--unchecked", help="Do not ask the provider whether it is there.")
    ] = False,
) -> None:
    """Let an identity provider say who people in a domain are.

    The client's secret is read from standard input, or asked for at a terminal. It never opens
    mail: people type their passphrase behind it, but for accounts that the server opens.
    """
    _check_named(context, issuer)
    secret = b""
    if not public:
        secret = told(lambda: read_password("The client's secret", new=False)).reveal()
    record = ProviderRecord(
        issuer=issuer,
        client_id=client_id,
        client_secret=secret,
        name=label,
        required=not optional,
        vouches=second_factor or bool(acr),
        acr=tuple(acr or ()),
    )

    async def keep(house: House) -> str:
        if not unchecked:
            await house.desk.providers.issuers.check(issuer)
        await house.people.domain_rules.set_provider(name, record)
        return house.settings.webmail_url

    origin = in_house(context, keep)
    say(f"People in {name} sign in with {shown_name(record)}.")
    say(f"The provider must let browsers return to {origin}{RETURN}")


def _check_named(context: typer.Context, issuer: str) -> None:
    """Refuse a provider that is not ours and that no entry stands for. Source: GDPR Art. 28."""
    host = urlsplit(issuer).hostname or ""
    if not is_named(host, "identity-provider", told(lambda: settings_of(context)).processors):
        fail(
            f"{host} would learn who signs in here; it needs an entry in [[processors]] with"
            ' role = "identity-provider" and that host'
        )


@group.command("show")
def show_provider(context: typer.Context, name: Name) -> None:
    """Show the identity provider of a domain."""
    record = in_house(context, lambda house: house.people.domain_rules.get(name)).provider
    if record is None:
        fail(f"{name} has no identity provider")
    say(f"issuer         {record.issuer}")
    say(f"client         {record.client_id}{'' if record.client_secret else ' (public)'}")
    say(f"called         {shown_name(record)}")
    say(f"passwords      {'only behind it' if record.required else 'also alone'}")
    own = "the account's own"
    say(f"second factor  {('its own ' + ' '.join(record.acr)).rstrip() if record.vouches else own}")


@group.command("off")
def drop_provider(context: typer.Context, name: Name) -> None:
    """Let people in a domain sign in with passwords alone again.

    Accounts without a password, which the server opens, cannot be signed in to then.
    """
    in_house(context, lambda house: house.people.domain_rules.set_provider(name, None))
    say(f"People in {name} sign in with their passwords.")


@group.command("link")
def link(
    context: typer.Context,
    address: Who,
    subject: Annotated[str, typer.Argument(help="What the provider calls them: `sub`.")],
) -> None:
    """Say who an account's owner is at the identity provider of its domain.

    Without it an account is linked at its first sign-in, if the provider verified its address.
    """
    who = told(lambda: Address.parse(address))

    async def keep(house: House) -> None:
        provider = (await house.people.domain_rules.get(who.domain)).provider
        if provider is None:
            text = f"{who.domain} has no identity provider"
            raise Absent(Condition.NO_SUCH_DOMAIN, text)
        account = await _account(house, who)
        await house.desk.providers.link(account, (provider.issuer, subject), OPERATOR)

    in_house(context, keep)
    say(f"{who} is {subject}.")


@group.command("unlink")
def unlink(context: typer.Context, address: Who) -> None:
    """Forget who an account's owner is at the identity provider."""
    who = told(lambda: Address.parse(address))

    async def forget(house: House) -> None:
        await house.desk.providers.link(await _account(house, who), None, OPERATOR)

    in_house(context, forget)
    say(f"{who} is linked to nobody.")


async def _account(house: House, address: Address) -> OpenedRow:
    account = await house.directory.holder(address)
    if account is None:
        raise Absent(Condition.NO_SUCH_USER, f"there is no {address} here")
    return account
