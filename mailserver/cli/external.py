"""`zegel external`: servers that an account's mail is fetched from regularly."""

from datetime import timedelta
from typing import Annotated

import typer

from mailserver.app.house import House
from mailserver.cli.account import Who, account_of, in_house, unlocked
from mailserver.cli.terminal import fail, read_password, say, table, told
from mailserver.model.address import Address
from mailserver.model.errors import Absent, Condition
from mailserver.model.ids import ObjectId
from mailserver.runtime.settings import Tls
from mailserver.transfer.external import ExternalAccount, Outcome, Source

externals = typer.Typer(help="Servers that mail is fetched from regularly.", no_args_is_help=True)

Which = Annotated[str, typer.Argument(metavar="ID", help="As `list` shows it.")]


def add_to(program: typer.Typer) -> None:
    """Add this group's commands."""
    program.add_typer(externals, name="external")


@externals.command("add")
def add_external(
    context: typer.Context,
    address: Who,
    host: Annotated[str, typer.Argument(help="The other server.")],
    user: Annotated[str, typer.Argument(help="The user name there.")],
    port: Annotated[int, typer.Option(min=1, max=65_535)] = 993,
    tls: Annotated[Tls, typer.Option(help="How it comes to TLS.")] = Tls.IMPLICIT,
    mailbox: Annotated[
        list[str] | None, typer.Option(help="Which of its mailboxes; INBOX where none is named.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All of its mailboxes.")] = False,
    into: Annotated[str | None, typer.Option(help="One mailbox for everything.")] = None,
    minutes: Annotated[int, typer.Option(min=1, help="How often.")] = 15,
    delete: Annotated[
        bool, typer.Option("--delete", help="Delete there what was fetched.")
    ] = False,
) -> None:
    """Fetch mail from another server regularly, once it has let us in.

    Two secrets, two lines of standard input: the account's own password, then the one there, which
    is kept so that the running server can use it (it is guarded, not sealed).
    """
    who = told(lambda: Address.parse(address))
    own = told(lambda: read_password(f"Password of {who}", new=False))
    password = told(lambda: read_password(f"Password of {user} at {host}", new=False))
    mailboxes = () if everything else tuple(mailbox or ["INBOX"])
    source = Source(host, port, tls, user, password, mailboxes, into, delete)

    async def add(house: House) -> ObjectId:
        lease = await unlocked(house, who, own)
        try:
            interval = timedelta(minutes=minutes)
            return await house.external.add(lease.account_id, source, interval)
        finally:
            await lease.close()

    added = in_house(context, add)
    say(f"Mail is fetched from {host} every {minutes} minutes: {added.hex()}")


@externals.command("list")
def list_external(context: typer.Context, address: Who) -> None:
    """List an account's external accounts and how they went; never a password."""
    who = told(lambda: Address.parse(address))

    async def listing(house: House) -> list[ExternalAccount]:
        return await house.external.listing(await account_of(house, who))

    rows = in_house(context, listing)
    table(
        ("id", "server", "user", "into", "minutes", "last", "how it went"),
        [
            (
                each.id.hex(),
                f"{each.host}:{each.port}",
                each.user,
                each.into or "as there",
                f"{each.interval.total_seconds() / 60:.0f}",
                f"{each.last.at:%Y-%m-%d %H:%M}" if each.last.at else "-",
                each.last.words,
            )
            for each in rows
        ],
    )


@externals.command("remove")
def remove_external(context: typer.Context, address: Who, identifier: Which) -> None:
    """Fetch from it no more, and forget its password; the mail that came stays."""
    who = told(lambda: Address.parse(address))

    async def remove(house: House) -> None:
        await house.external.remove(await account_of(house, who), _id(identifier))

    in_house(context, remove)
    say("It is removed.")


@externals.command("fetch")
def fetch_external(context: typer.Context, address: Who, identifier: Which) -> None:
    """Fetch from it now; fails where that does not go well."""
    who = told(lambda: Address.parse(address))

    async def fetch(house: House) -> Outcome:
        return await house.external.fetch(await account_of(house, who), _id(identifier))

    outcome = in_house(context, fetch)
    if not outcome.ok:
        fail(outcome.words)
    say(f"{outcome.words}.")


def _id(text: str) -> ObjectId:
    try:
        octets = bytes.fromhex(text)
    except ValueError:
        octets = b""
    if len(octets) != 16:
        raise Absent(Condition.NO_SUCH_CREDENTIAL, "there is no such external account")
    return ObjectId(octets)
