"""`zegel user password` and `recover`: a new account password, by the old one or by the code."""

from typing import Annotated

import typer

from mailserver.app.house import House
from mailserver.cli.account import Who, account_of, in_house, unlocked, users
from mailserver.cli.terminal import read_password, say, told
from mailserver.model.address import Address


def add_to(_program: typer.Typer) -> None:
    """Add this group's commands to `zegel user`."""
    users.command("password")(change_password)
    users.command("recover")(recover)


def change_password(context: typer.Context, address: Who) -> None:
    """Change an account's password: the old one first, then the new; two lines of standard input.

    App passwords and the recovery code stay as they are.
    """
    who = told(lambda: Address.parse(address))
    old = told(lambda: read_password(f"Password of {who}", new=False))
    new = told(lambda: read_password(f"New password for {who}"))

    async def change(house: House) -> None:
        lease = await unlocked(house, who, old)  # delays guesses, as everywhere
        await lease.close()
        await house.recovery.change_password(await account_of(house, who), old, new)

    in_house(context, change)
    say("The password is changed.")


def recover(
    context: typer.Context,
    address: Who,
    keep_app_passwords: Annotated[
        bool, typer.Option("--keep-app-passwords", help="Else devices must be set up again.")
    ] = False,
) -> None:
    """Set a password by the recovery code: the code first, then the password; two lines of input.

    Prints the next recovery code, once: the old one is used up.
    """
    who = told(lambda: Address.parse(address))
    code = told(lambda: read_password(f"Recovery code of {who}", new=False))
    new = told(lambda: read_password(f"New password for {who}"))

    async def reset(house: House) -> str:
        made = await house.recovery.reset_with_code(
            str(who), code, new, keep_app_passwords=keep_app_passwords
        )
        return made.reveal().decode()

    next_code = in_house(context, reset)
    say("The password is set.")
    say(f"Recovery code, shown only now: {next_code}")
