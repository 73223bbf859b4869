"""Opening an account for a command, by a secret that its owner types."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from mailserver.accounts.sessions import Lease
from mailserver.app.house import House
from mailserver.cli.account import HERE
from mailserver.cli.terminal import say
from mailserver.mail.account import Account
from mailserver.mail.office import Office
from mailserver.model.address import Address
from mailserver.model.errors import Condition, Refused
from mailserver.model.sealed import Plaintext
from mailserver.runtime.background import background
from mailserver.vault.codes import is_recovery_code, looks_like_app_password
from mailserver.vault.records import Scope

_WRONG = (Condition.AUTHENTICATION_FAILED, Condition.ACCOUNT_PASSWORD_ON_MAIL)


@asynccontextmanager
async def unlocked_account(
    house: House, address: Address, secret: Plaintext, *, app_passwords: bool
) -> AsyncIterator[Account]:
    """Hold an account open for the length of a block.

    Args:
        house: where it is.
        address: whose it is.
        secret: its password, its recovery code (the next one is printed) or an app password.
        app_passwords: whether one of those will do: it may bring mail in, never out (PRIVACY §3).

    Raises:
        Refused: AUTHENTICATION_FAILED, TRY_LATER, SCOPE, EXPIRED.
    """
    lease = await _opened(house, address, secret, app_passwords=app_passwords)
    async with _held(house, lease) as account:
        yield account


@asynccontextmanager
async def unlocked_owner(
    house: House, address: Address, secret: Plaintext
) -> AsyncIterator[tuple[Lease, Account]]:
    """Hold an account open as its owner, who may see everything: no app password will do.

    Raises:
        Refused: AUTHENTICATION_FAILED, TRY_LATER.
    """
    lease = await _opened(house, address, secret, app_passwords=False)
    async with _held(house, lease) as account:
        yield lease, account


@asynccontextmanager
async def _held(house: House, lease: Lease) -> AsyncIterator[Account]:
    async with background() as tasks:
        account = Office(house.store, house.offload, tasks).open(lease)
        try:
            yield account
        finally:
            await account.close()


async def _opened(
    house: House, address: Address, secret: Plaintext, *, app_passwords: bool
) -> Lease:
    """Try the secret as what it looks like, and then as the account's password."""
    if is_recovery_code(secret):
        lease, next_code = await house.recovery.open(str(address), secret)
        shown = next_code.reveal().decode()
        say(f"The recovery code is used up. The next one, shown only now: {shown}")
        return lease
    if app_passwords and looks_like_app_password(secret):
        try:
            return await house.logins.app_password(
                str(address), secret, scope=Scope.IMAP, peer=HERE
            )
        except Refused as refusal:
            if refusal.condition not in _WRONG:
                raise
    try:
        return await house.logins.password(str(address), secret, peer=HERE)
    except Refused as refusal:
        if refusal.condition not in _WRONG:
            raise
        raise Refused(refusal.condition, "the address or the secret is not right") from None
