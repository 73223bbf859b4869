"""`zegel user`, `app-password`, `admin`: who there is, and what opens their mail."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from mailserver.accounts.admins import Admin
from mailserver.accounts.provisioning import check_language
from mailserver.accounts.sessions import Lease
from mailserver.app.house import House, open_house
from mailserver.cli.terminal import fail, read_password, run, say, settings_of, table, told
from mailserver.model.address import Address
from mailserver.model.errors import Absent, Condition, Refused
from mailserver.model.ids import AccountId
from mailserver.model.sealed import Plaintext
from mailserver.vault.administrators import AdminRole
from mailserver.vault.records import Scope

T = TypeVar("T")

users = typer.Typer(help="Accounts.", no_args_is_help=True)
app_passwords = typer.Typer(
    help="What mail programs sign in with, one for each.", no_args_is_help=True
)
admins = typer.Typer(help="Administrators, who have no mailbox.", no_args_is_help=True)

HERE = "127.0.0.1"  # whoever is at the keyboard
Who = Annotated[str, typer.Argument(metavar="ADDRESS", help="The account's address.")]
SecondAdmin = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Who else approves an address that was another's within a year; is asked for the"
        " password, after the others.",
    ),
]


def add_to(program: typer.Typer) -> None:
    """Add this group's commands."""
    program.add_typer(users, name="user")
    program.add_typer(app_passwords, name="app-password")
    program.add_typer(admins, name="admin")


def in_house(context: typer.Context, work: Callable[[House], Awaitable[T]]) -> T:
    """Open everything, do `work`, close everything."""
    settings = told(lambda: settings_of(context))

    async def opened() -> T:
        async with open_house(settings) as house:
            return await work(house)

    return run(opened)


def second_password(name: str | None) -> tuple[str, Plaintext] | None:
    """Read the password of an administrator who approves; None where nobody does."""
    if name is None:
        return None
    return name, told(lambda: read_password(f"Password of {name}", new=False))


async def approving(house: House, second: tuple[str, Plaintext] | None) -> Admin | None:
    """Sign the second administrator in. Raises Refused (AUTHENTICATION_FAILED), Absent."""
    return None if second is None else await house.admins.sign_in(*second)


@users.command("add")
def add_user(
    context: typer.Context,
    address: Who,
    quota_mib: Annotated[int | None, typer.Option(min=1, help="Else as in the settings.")] = None,
    language: Annotated[str, typer.Option(help="The server writes in it: en, nl, de or fr.")] = "",
    second_admin: SecondAdmin = None,
    without_password: Annotated[
        bool,
        typer.Option(
            "--without-password",
            help="The server opens it for whom the domain's identity provider vouches: the mail is"
            " NOT private from the operator then.",
        ),
    ] = False,
) -> None:
    """Make an account; its password is read from standard input, or asked for at a terminal.

    Prints the recovery code, once: it opens the mail when the password is forgotten.
    """
    who = told(lambda: Address.parse(address))
    told(lambda: check_language(language))
    password = None if without_password else told(lambda: read_password(f"Password for {who}"))
    approval = second_password(second_admin)

    async def add(house: House) -> str:
        quota = (quota_mib << 20) if quota_mib else house.settings.limits.quota_octets
        second = await approving(house, approval)
        user = await house.provisioning.add_user(
            who, password, quota_octets=quota, language=language, second=second
        )
        return user.recovery_code.reveal().decode()

    code = in_house(context, add)
    say(f"{who} can get mail.")
    say(f"Recovery code, shown only now: {code}")


@users.command("language")
def change_language(
    context: typer.Context,
    address: Who,
    language: Annotated[str, typer.Argument(help="en, nl, de or fr.")],
) -> None:
    """Let the server write to an account's owner in another language."""
    who = told(lambda: Address.parse(address))
    told(lambda: check_language(language))

    async def change(house: House) -> None:
        await house.desk.languages.speak(await account_of(house, who), language)

    in_house(context, change)
    say(f"{who} is written to in {language}.")


@users.command("unfreeze")
def unfreeze_user(context: typer.Context, address: Who) -> None:
    """Let an account send again that was stopped because it looked stolen.

    See first that its app passwords are its owner's. What was held in the queue stays there:
    `zegel queue list` shows it, `release` and `cancel` decide.
    """
    who = told(lambda: Address.parse(address))

    async def unfreeze(house: House) -> None:
        await house.sending.unfreeze(await account_of(house, who))

    in_house(context, unfreeze)
    say(f"{who} can send again.")


@users.command("list")
def list_users(context: typer.Context) -> None:
    """List the accounts and what they hold, in numbers."""
    rows = in_house(context, lambda house: house.store.accounts.listing())
    table(
        ("address", "state", "used MiB", "of MiB", "since"),
        [
            (
                ", ".join(row.addresses) or row.account_id.hex(),
                row.state.name.lower(),
                f"{row.used_octets / (1 << 20):.1f}",
                f"{row.quota_octets >> 20}" if row.quota_octets else "-",
                f"{row.created_at:%Y-%m-%d}",
            )
            for row in rows
        ],
    )


@users.command("remove")
def remove_user(
    context: typer.Context,
    address: Who,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    certificate: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A new file for a signed certificate.")
    ] = None,
) -> None:
    """Erase an account: its keys first, then its mail. There is no way back."""
    who = told(lambda: Address.parse(address))
    if certificate is not None and certificate.exists():
        fail(f"{certificate} is there already")
    if not yes:
        typer.confirm(f"Erase {who} and all its mail for good?", abort=True)
    if certificate is None:
        in_house(context, lambda house: house.provisioning.remove_user(who))
    else:
        _keep(certificate, in_house(context, lambda house: house.books.erasure.certified(who)))
    say(f"{who} is erased; copies of its mail in backups become unreadable with the keystore's.")


def _keep(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:  # it cannot be made again: who asked for it gets it all the same
        say(text)
        fail(f"{file}: {error.strerror}; the certificate is printed above")


@app_passwords.command("add")
def add_app_password(
    context: typer.Context,
    address: Who,
    label: Annotated[str, typer.Option(help="Which device it is for.")] = "",
    scope: Annotated[
        list[Scope] | None, typer.Option(help="What for; imap and smtp where none is named.")
    ] = None,
    cidr: Annotated[
        list[str] | None, typer.Option(help="A network it may be used from; else from anywhere.")
    ] = None,
    days: Annotated[int | None, typer.Option(min=1, help="How long it is good for.")] = None,
) -> None:
    """Make an app password and print it, once.

    The account's own password is read from standard input, or asked for at a terminal: only it
    opens the key that the new password is to open.
    """
    who = told(lambda: Address.parse(address))
    password = told(lambda: read_password(f"Password of {who}", new=False))

    async def add(house: House) -> str:
        expires_at = house.clock.now() + timedelta(days=days) if days else None
        lease = await unlocked(house, who, password)
        try:
            made = await house.app_passwords.add(
                lease,
                scope or [Scope.IMAP, Scope.SMTP],
                label=label,
                cidrs=cidr or (),
                expires_at=expires_at,
            )
        finally:
            await lease.close()
        return made.secret.reveal().decode()

    secret = in_house(context, add)
    say(f"App password, shown only now: {secret}")


async def unlocked(house: House, address: Address, password: Plaintext) -> Lease:
    """Open an account by its own password; says no word about mail programs where it is wrong."""
    try:
        return await house.logins.password(str(address), password, peer=HERE)
    except Refused as refusal:
        if refusal.condition is not Condition.AUTHENTICATION_FAILED:
            raise
        raise Refused(refusal.condition, "the address or its password is not right") from None


@app_passwords.command("list")
def list_app_passwords(context: typer.Context, address: Who) -> None:
    """List an account's app passwords; never their secrets."""
    who = told(lambda: Address.parse(address))

    async def listing(house: House) -> list[tuple[str, ...]]:
        found = await house.app_passwords.listing(await account_of(house, who))
        return [
            (
                each.id.hex(),
                each.label,
                " ".join(sorted(each.scopes)),
                ", ".join(each.cidrs) or "anywhere",
                f"{each.made_at:%Y-%m-%d}",
                f"{each.expires_at:%Y-%m-%d}" if each.expires_at else "never",
            )
            for each in found
        ]

    rows = in_house(context, listing)
    table(("id", "label", "scopes", "from", "made", "expires"), rows)


@app_passwords.command("revoke")
def revoke_app_password(
    context: typer.Context,
    address: Who,
    identifier: Annotated[str, typer.Argument(metavar="ID", help="As `list` shows it.")],
) -> None:
    """Revoke an app password; what it holds open on a running server closes within 5 seconds."""
    who = told(lambda: Address.parse(address))

    async def revoke(house: House) -> None:
        account_id = await account_of(house, who)
        try:
            row_id = bytes.fromhex(identifier)
        except ValueError:
            raise Absent(Condition.NO_SUCH_CREDENTIAL, "there is no such app password") from None
        await house.app_passwords.revoke(account_id, row_id)

    in_house(context, revoke)
    say("It is revoked.")


async def account_of(house: House, address: Address) -> AccountId:
    """Return the account that has the address. Raises Absent (NO_SUCH_USER)."""
    found = await house.directory.holder(address)
    if found is None:
        raise Absent(Condition.NO_SUCH_USER, f"there is no {address} here")
    return found.account_id


@admins.command("create")
def create_admin(
    context: typer.Context,
    name: str,
    role: Annotated[list[AdminRole] | None, typer.Option(help="Owner where none is named.")] = None,
) -> None:
    """Make an administrator; reads the password from standard input, or asks for it."""
    password = told(lambda: read_password(f"Password for {name}"))
    roles = role or [AdminRole.OWNER]
    in_house(context, lambda house: house.admins.create(name, password, roles))
    say(f"{name} is an administrator ({', '.join(roles)}).")


@admins.command("list")
def list_admins(context: typer.Context) -> None:
    """List the administrators."""
    found = in_house(context, lambda house: house.admins.listing())
    rows = [
        (admin.name, " ".join(sorted(admin.roles)), f"{admin.made_at:%Y-%m-%d}") for admin in found
    ]
    table(("name", "roles", "since"), rows)


@admins.command("remove")
def remove_admin(context: typer.Context, name: str) -> None:
    """Remove an administrator."""
    in_house(context, lambda house: house.admins.remove(name))
    say(f"{name} is no administrator any more.")
