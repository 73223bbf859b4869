"""`zegel user invite`, `reset` and `factors-lost`: links for people, never passwords of theirs."""

from typing import Annotated

import typer

from mailserver.app.house import House
from mailserver.cli.account import (
    SecondAdmin,
    Who,
    approving,
    in_house,
    second_password,
    users,
)
from mailserver.cli.domain import group as domains
from mailserver.cli.terminal import say, told
from mailserver.model.address import Address
from mailserver.model.errors import Absent, Condition
from mailserver.model.sealed import Plaintext


def add_to(_program: typer.Typer) -> None:
    """Add these commands to `zegel user` and `zegel domain`."""
    users.command("invite")(invite)
    users.command("reset")(reset)
    users.command("factors-lost")(factors_lost)
    domains.command("second-factor")(second_factor)


def invite(
    context: typer.Context,
    address: Who,
    quota_mib: Annotated[int | None, typer.Option(min=1, help="Else as in the settings.")] = None,
) -> None:
    """Print a link by which somebody makes this account: good once, and for seven days.

    It sets its own password; nobody else knows it. Hand the link over by another way than mail to
    the account that is to be made.
    """
    who = told(lambda: Address.parse(address))

    async def make(house: House) -> str:
        quota = (quota_mib << 20) if quota_mib else house.settings.limits.quota_octets
        token = await house.desk.invitations.invite(who, quota_octets=quota)
        return _link(house, "invitation", token)

    say(in_house(context, make))


def reset(context: typer.Context, address: Who, second_admin: SecondAdmin = None) -> None:
    """Print a link by which somebody without password and recovery code begins anew.

    Good once, and to be used within 24 hours; it takes effect a day after it was, unless a second
    administrator approves. A second factor is still asked for. Older mail stays closed until an old
    secret opens it.
    """
    who = told(lambda: Address.parse(address))
    approval = second_password(second_admin)

    async def make(house: House) -> str:
        second = await approving(house, approval)
        return _link(house, "reset", await house.desk.resets.issue(who, second=second))

    say(in_house(context, make))


def factors_lost(
    context: typer.Context,
    address: Who,
    admin: Annotated[str, typer.Option(help="An administrator who has seen the person.")],
    second_admin: Annotated[str, typer.Option(help="Another one.")],
) -> None:
    """Take every second factor off an account in 48 hours; its owner is told, and may refuse.

    Both administrators type their passwords. Nobody's mail is opened by this.
    """
    who = told(lambda: Address.parse(address))
    passwords = [each for each in map(second_password, (admin, second_admin)) if each]

    async def ask(house: House) -> str:
        account = await house.directory.holder(who)
        if account is None:
            raise Absent(Condition.NO_SUCH_USER, f"there is no {who} here")
        one, two = [await house.admins.sign_in(*each) for each in passwords]
        return f"{await house.desk.lost_factors.ask(account, one, two):%Y-%m-%d %H:%M} UTC"

    at = in_house(context, ask)
    say(f"The factors go at {at}, unless the owner refuses.")


def second_factor(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="DOMAIN", help="The domain.")],
    required: Annotated[
        bool, typer.Option("--required/--optional", help="Whether everybody must have one.")
    ],
) -> None:
    """Say whether everybody in a domain must have a second factor to use the web."""

    async def change(house: House) -> None:
        await house.people.domain_rules.set_second_factor(name, required=required)

    in_house(context, change)
    say("A second factor is asked of everybody." if required else "A second factor is optional.")


def _link(house: House, path: str, token: Plaintext) -> str:
    """Write a link: its token is behind the #, which browsers send to nobody."""
    return f"{house.settings.webmail_url}/{path}#{token.reveal().decode()}"
