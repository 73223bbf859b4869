"""`zegel alias`, `group` and `forward`: who receives, and where mail may go on to."""

from typing import Annotated

import typer

from mailserver.app.house import House
from mailserver.cli.account import (
    SecondAdmin,
    Who,
    account_of,
    approving,
    in_house,
    second_password,
)
from mailserver.cli.terminal import say, table, told
from mailserver.model.address import Address
from mailserver.vault.receiving import Posting

aliases = typer.Typer(help="Further addresses of accounts.", no_args_is_help=True)
groups = typer.Typer(help="Addresses that stand for several.", no_args_is_help=True)
forwards = typer.Typer(
    help="Addresses to which an account's filters may send mail on.", no_args_is_help=True
)

Alias = Annotated[str, typer.Argument(metavar="ALIAS", help="The further address.")]
Group = Annotated[str, typer.Argument(metavar="GROUP", help="The group's address.")]
MemberList = Annotated[list[str], typer.Argument(metavar="MEMBER…", help="Addresses.")]
Onto = Annotated[str, typer.Argument(metavar="TARGET", help="Where mail may be sent on to.")]
PostingOption = Annotated[Posting, typer.Option("--posting", help="Who may write to it.")]


def add_to(program: typer.Typer) -> None:
    """Add these groups' commands."""
    program.add_typer(aliases, name="alias")
    program.add_typer(groups, name="group")
    program.add_typer(forwards, name="forward")


# -- aliases


@aliases.command("add")
def add_alias(
    context: typer.Context, address: Who, alias: Alias, second_admin: SecondAdmin = None
) -> None:
    """Give an account a further address: it gets its mail and may send as it."""
    who, further = told(lambda: Address.parse(address)), told(lambda: Address.parse(alias))
    second = second_password(second_admin)

    async def add(house: House) -> None:
        approved = await approving(house, second)
        await house.people.addresses.add_alias(who, further, second=approved)

    in_house(context, add)
    say(f"Mail for {further} goes to {who}.")


@aliases.command("remove")
def remove_alias(context: typer.Context, alias: Alias) -> None:
    """Take a further address from its account; nobody else gets it easily for a year."""
    further = told(lambda: Address.parse(alias))
    in_house(context, lambda house: house.people.addresses.remove_alias(further))
    say(f"{further} is nobody's any more.")


@aliases.command("list")
def list_aliases(context: typer.Context, address: Who) -> None:
    """List every address of an account, its own name first."""
    who = told(lambda: Address.parse(address))
    for each in in_house(context, lambda house: house.people.addresses.aliases(who)):
        say(str(each))


# -- groups


@groups.command("add")
def add_group(
    context: typer.Context,
    group: Group,
    members: MemberList,
    posting: PostingOption = Posting.ANYBODY,
) -> None:
    """Make a group: an address whose mail goes to all its members."""
    where, who = told(lambda: Address.parse(group)), _members(members)
    in_house(context, lambda house: house.people.addresses.add_group(where, who, posting))
    say(f"Mail for {where} goes to its members.")


@groups.command("join")
def join_group(context: typer.Context, group: Group, members: MemberList) -> None:
    """Take members into a group."""
    where, who = told(lambda: Address.parse(group)), _members(members)
    in_house(context, lambda house: house.people.addresses.add_members(where, who))
    say("They are members.")


@groups.command("leave")
def leave_group(context: typer.Context, group: Group, members: MemberList) -> None:
    """Take members out of a group."""
    where, who = told(lambda: Address.parse(group)), _members(members)
    in_house(context, lambda house: house.people.addresses.remove_members(where, who))
    say("They are no members any more.")


@groups.command("posting")
def set_posting(
    context: typer.Context,
    group: Group,
    posting: Annotated[Posting, typer.Argument(metavar="WHO", help="anybody, domain or members")],
) -> None:
    """Say who may write to a group."""
    where = told(lambda: Address.parse(group))
    in_house(context, lambda house: house.people.addresses.set_posting(where, posting))
    say(f"It takes mail from: {posting}.")


@groups.command("list")
def list_groups(
    context: typer.Context,
    group: Annotated[str | None, typer.Argument(help="One group, with its members.")] = None,
) -> None:
    """List the groups, or the members of one."""
    if group is not None:
        where = told(lambda: Address.parse(group))
        for member in in_house(context, lambda house: house.people.addresses.group(where)).members:
            say(member)
        return
    found = in_house(context, lambda house: house.people.addresses.groups())
    rows = [(each.address, str(len(each.members)), str(each.posting)) for each in found]
    table(("group", "members", "posting"), rows)


@groups.command("remove")
def remove_group(context: typer.Context, group: Group) -> None:
    """End a group; its members stay as they are."""
    where = told(lambda: Address.parse(group))
    in_house(context, lambda house: house.people.addresses.remove_group(where))
    say(f"{where} stands for nobody any more.")


def _members(members: list[str]) -> list[Address]:
    return told(lambda: [Address.parse(each) for each in members])


# -- forwarding


@forwards.command("approve")
def approve_forward(context: typer.Context, address: Who, target: Onto) -> None:
    """Let an account's filters send mail on to an address; its owner is told."""
    who, onto = told(lambda: Address.parse(address)), told(lambda: Address.parse(target))

    async def approve(house: House) -> None:
        await house.people.forwards.approve(await account_of(house, who), onto)

    in_house(context, approve)
    say(f"Filters of {who} may send mail on to {onto}.")


@forwards.command("list")
def list_forwards(context: typer.Context, address: Who) -> None:
    """List where an account's filters may send mail on to."""
    who = told(lambda: Address.parse(address))

    async def listing(house: House) -> tuple[Address, ...]:
        return await house.people.forwards.listing(await account_of(house, who))

    for each in in_house(context, listing):
        say(str(each))


@forwards.command("remove")
def remove_forward(context: typer.Context, address: Who, target: Onto) -> None:
    """Let an account's filters send mail on to an address no more."""
    who, onto = told(lambda: Address.parse(address)), told(lambda: Address.parse(target))

    async def remove(house: House) -> None:
        await house.people.forwards.remove(await account_of(house, who), onto)

    in_house(context, remove)
    say(f"Mail of {who} is not sent on to {onto} any more.")
