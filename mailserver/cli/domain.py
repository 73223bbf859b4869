"""`zegel domain`: what mail is taken for, who answers its roles, and what its policy is."""

import sys
from typing import Annotated

import typer

from mailserver.app.house import House
from mailserver.cli import provider
from mailserver.cli.account import in_house
from mailserver.cli.terminal import say, table, told
from mailserver.model.address import Address
from mailserver.vault.receiving import DomainRecord

group = typer.Typer(help="The domains mail is taken for.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="DOMAIN", help="One of this server's domains.")]
Target = Annotated[
    str | None, typer.Argument(metavar="[ADDRESS]", help="Who gets it; nobody where none is given.")
]


def add_to(program: typer.Typer) -> None:
    """Add this group's commands."""
    program.add_typer(group, name="domain")
    provider.add_to(group)


@group.command("add")
def add_domain(
    context: typer.Context,
    name: str,
    postmaster: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Who answers postmaster, abuse and the other roles."),
    ] = None,
    customer: Annotated[
        str, typer.Option(metavar="NAME", help="The organisation whose it is, if it is not ours.")
    ] = "",
) -> None:
    """Take mail for a domain from now on.

    The account that answers its roles may be made afterwards.
    """
    if postmaster is None and sys.stdin.isatty():
        asked = "Which address answers postmaster and abuse? (empty: decide later)"
        postmaster = typer.prompt(asked, default="", show_default=False).strip()
    answers = told(lambda: Address.parse(postmaster)) if postmaster else None

    async def add(house: House) -> str:
        added = await house.provisioning.add_domain(name)
        if answers is not None:
            await house.people.domain_rules.set_role(added, "postmaster", answers)
        if customer:
            await house.people.domain_rules.set_customer(added, customer)
        return added

    added = in_house(context, add)
    say(f"Mail for {added} is taken.")
    if customer:
        say(f"Accounts there can be made once `zegel privacy dpa accept {customer!r}` is done.")
    if answers is None:
        say(
            f"Mail for postmaster@{added} and abuse@{added} has to wait (450) until"
            f" `zegel domain role {added} postmaster ADDRESS` says who answers it."
        )


@group.command("list")
def list_domains(context: typer.Context) -> None:
    """List the domains, who answers them, and what else holds for them."""

    async def listing(house: House) -> list[tuple[str, ...]]:
        rows: list[tuple[str, ...]] = []
        for row in await house.store.domains.listing():
            record = await house.people.domain_rules.get(row.name)
            rows.append((row.name, f"{row.created_at:%Y-%m-%d}", *_shown(record)))
        return rows

    head = ("domain", "since", "postmaster", "catch-all", "forwarding", "customer")
    table(head, in_house(context, listing))


def _shown(record: DomainRecord) -> tuple[str, ...]:
    forwarding = "inside only" if record.no_external_forward else "anywhere approved"
    answers, caught = record.roles.get("postmaster", "-"), record.catch_all or "-"
    return answers, caught, forwarding, record.customer or "-"


@group.command("remove")
def remove_domain(context: typer.Context, name: str) -> None:
    """Take no more mail for a domain; its accounts stay."""
    in_house(context, lambda house: house.provisioning.remove_domain(name))
    say("Mail for it is no longer taken.")


@group.command("customer")
def set_customer(
    context: typer.Context,
    name: Name,
    customer: Annotated[
        str, typer.Argument(metavar="[CUSTOMER]", help="Its name; none where it is ours.")
    ] = "",
) -> None:
    """Say whose a domain is: without its agreement a customer gets no accounts."""
    in_house(context, lambda house: house.people.domain_rules.set_customer(name, customer))
    say(f"{name} is {customer}'s." if customer else f"{name} is ours, or a private person's.")


@group.command("role")
def set_role(
    context: typer.Context,
    name: Name,
    role: Annotated[str, typer.Argument(metavar="ROLE", help="postmaster, abuse, security …")],
    address: Target = None,
) -> None:
    """Say who answers a role of a domain; what is not said is the postmaster's to answer."""
    who = told(lambda: Address.parse(address)) if address else None
    in_house(context, lambda house: house.people.domain_rules.set_role(name, role, who))
    say(
        f"{role}@{name} is answered by {who}."
        if who
        else f"{role}@{name} has no answer of its own."
    )


@group.command("catch-all")
def set_catch_all(context: typer.Context, name: Name, address: Target = None) -> None:
    """Say who gets what is written to nobody: an account's address, or none to refuse it again.

    Addresses that somebody had within the last year are not caught.
    """
    who = told(lambda: Address.parse(address)) if address else None
    in_house(context, lambda house: house.people.domain_rules.set_catch_all(name, who))
    say(f"What nobody in {name} has goes to {who}." if who else "It is refused.")


@group.command("forwarding")
def set_forwarding(
    context: typer.Context,
    name: Name,
    inside_only: Annotated[
        bool, typer.Option("--inside-only/--anywhere", help="Whether mail may leave this server.")
    ],
) -> None:
    """Say whether filters and groups of a domain may send mail on to other servers."""

    async def keep(house: House) -> None:
        await house.people.domain_rules.set_no_external_forward(name, keeps=inside_only)

    in_house(context, keep)
    say("Mail is sent on within this server only." if inside_only else "Mail may be sent on.")
