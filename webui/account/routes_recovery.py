"""Invitations, and every way back into an account."""

from http import HTTPStatus

from fastapi import APIRouter

from mailserver.accounts.factors import Proof
from mailserver.model.errors import Absent, Condition, Refused
from webui.account import recovery_schemas as schemas
from webui.account.schemas import NewPassword, RecoveryCode, plain
from webui.account.sessions import Begun, Door, FreshHere, PasskeysOf, Who

router = APIRouter(tags=["recovery"])


@router.post("/invitation")
async def invitation(body: schemas.TokenBody, desk: Door) -> schemas.Invited:
    """Say what a link invites to; this does not use it up, for mail scanners open links."""
    return schemas.Invited(address=str((await desk.invitations.look(plain(body.token))).address))


@router.post("/sign-up", status_code=HTTPStatus.CREATED)
async def sign_up(body: schemas.SignUpBody, desk: Door) -> schemas.ResetDone:
    """Make the account that a link invites to; its recovery code is in this answer alone."""
    user = await desk.invitations.sign_up(plain(body.token), plain(body.password))
    return schemas.ResetDone(
        address=str(user.address), recovery_code=user.recovery_code.reveal().decode()
    )


@router.post("/reset/code")
async def by_code(
    body: schemas.CodeResetBody, desk: Door, visitor: Who, site: PasskeysOf
) -> RecoveryCode:
    """Set a password by the recovery code, and the second factor where there is one."""
    code = await desk.guarded.reset_with_code(
        body.address,
        plain(body.code),
        plain(body.password),
        visitor,
        proof=None if body.factor is None else body.factor.proof(site),
        keep_app_passwords=body.keep_app_passwords,
    )
    return RecoveryCode(recovery_code=code.reveal().decode())


@router.post("/reset/ask")
async def ask(
    body: schemas.ResetAskBody, desk: Door, visitor: Who, site: PasskeysOf
) -> schemas.ResetWaits:
    """Ask for a reset by its link; it takes effect a day later."""
    proof = None if body.factor is None else body.factor.proof(site)
    return schemas.ResetWaits(effective_at=await desk.resets.ask(plain(body.token), visitor, proof))


@router.post("/reset")
async def reset(
    body: schemas.ResetBody, desk: Door, visitor: Who, site: PasskeysOf
) -> schemas.ResetDone:
    """Do a reset whose wait is over: new keys; older mail stays closed."""
    proof = None if body.factor is None else body.factor.proof(site)
    code, address = await desk.resets.finish(
        plain(body.token), plain(body.password), visitor, proof
    )
    return schemas.ResetDone(address=str(address), recovery_code=code.reveal().decode())


@router.post("/rescue", status_code=HTTPStatus.NO_CONTENT)
async def rescue(body: schemas.RescueBody, desk: Door, visitor: Who, site: PasskeysOf) -> None:
    """Set a password by an app password that a device still holds, and a second factor."""
    await desk.rescue.by_app_password(
        body.address,
        plain(body.app_password),
        plain(body.password),
        body.factor.proof(site),
        visitor,
    )


@router.post("/rescue/session", status_code=HTTPStatus.NO_CONTENT)
async def rescue_here(body: NewPassword, here: FreshHere, desk: Door) -> None:
    """Set a password from an open session whose second factor is fresh."""
    await desk.rescue.by_session(here.session.lease, plain(body.password))


@router.get("/pending")
async def pending(here: Begun, desk: Door) -> schemas.PendingGiven:
    """Say what is under way about the account."""
    account_id = here.session.account_id
    return schemas.PendingGiven(
        reset_at=await desk.resets.pending(account_id),
        factors_go_at=await desk.lost_factors.pending(account_id),
        vaults=[
            schemas.VaultShownGiven(
                made_at=each.made_at, expires_at=each.expires_at, needs_factor=each.needs_factor
            )
            for each in await desk.vaults.shown(account_id)
        ],
    )


@router.post("/reset/stop", status_code=HTTPStatus.NO_CONTENT)
async def stop(here: Begun, desk: Door) -> None:
    """Say from a session that a reset was not asked for: it stops, and sending with it."""
    await desk.resets.stop(here.session.account_id)


@router.post("/reset/deny", status_code=HTTPStatus.NO_CONTENT)
async def deny(body: schemas.DenyBody, desk: Door, visitor: Who) -> None:
    """Say by an old secret that a reset was not asked for: sending stops."""
    await desk.vaults.deny(body.address, plain(body.old), visitor)


@router.post("/vault")
async def open_vault(
    body: schemas.VaultBody, desk: Door, visitor: Who, site: PasskeysOf
) -> RecoveryCode:
    """Open older mail by an old secret and the old factor; all that was set up since ends."""
    code = await desk.vaults.open(
        body.address,
        plain(body.old),
        plain(body.password),
        visitor,
        proof=_no_passkey(body, site),
    )
    return RecoveryCode(recovery_code=code.reveal().decode())


@router.post("/vault/session")
async def open_vault_here(
    body: schemas.VaultBody, here: Begun, desk: Door, visitor: Who, site: PasskeysOf
) -> RecoveryCode:
    """Open older mail from a session: what came since the reset stays readable too."""
    if body.address.casefold() != here.session.lease.address.casefold():
        raise Absent(Condition.NO_SUCH_CREDENTIAL, "there is no such vault of this account")
    code = await desk.vaults.open(
        body.address,
        plain(body.old),
        plain(body.password),
        visitor,
        proof=_no_passkey(body, site),
        lease=here.session.lease,
    )
    return RecoveryCode(recovery_code=code.reveal().decode())


@router.post("/vault/purge", status_code=HTTPStatus.NO_CONTENT)
async def purge(here: FreshHere, desk: Door) -> None:
    """Destroy what opens older mail: it can never be read again."""
    await desk.vaults.purge(here.session.account_id)


def _no_passkey(body: schemas.VaultBody, site: PasskeysOf) -> Proof | None:
    if body.factor is None:
        return None
    if body.factor.passkey is not None:
        raise Refused(Condition.NOT_PERMITTED, "show an authenticator's code or a backup code")
    return body.factor.proof(site)
