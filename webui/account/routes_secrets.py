"""Password, recovery code and app passwords of an account."""

from datetime import UTC
from http import HTTPStatus

from fastapi import APIRouter, Response

from mailserver.accounts.app_passwords import AppPassword, Scope
from mailserver.model.errors import Condition, PeerFault, Refused
from webui.account import schemas
from webui.account.routes_sign_in import given
from webui.account.schemas import plain
from webui.account.sessions import Begun, Door, FreshHere, PasskeysOf, Whole, check_fresh

router = APIRouter(tags=["secrets"])


@router.post("/password", status_code=HTTPStatus.NO_CONTENT)
async def change_password(
    body: schemas.PasswordBody, here: Whole, desk: Door, site: PasskeysOf
) -> None:
    """Change the password: with the old one and a factor; other sessions end."""
    account = await desk.keyring.account(here.session.account_id)
    if account.record.factors:
        if body.factor is None:
            raise Refused(Condition.NOT_PERMITTED, "show your second factor")
        await desk.sign_in.check_factor(here.cookie, body.factor.proof(site), here.visitor)
    await desk.guarded.change_password(
        account, plain(body.old), plain(body.new), here.visitor, session=here.session.id
    )


@router.post("/take-over")
async def take_over(
    body: schemas.NewPassword, here: Begun, desk: Door, answer: Response
) -> schemas.RecoveryCode:
    """Make an account one's own that somebody else can open: new password, new keys, new code."""
    if not here.session.provisional:
        check_fresh(here, desk)
    key, code = await desk.first_steps.take_over(here.session.lease, plain(body.password))
    try:
        outcome = await desk.sign_in.after(
            here.session.account_id, key, here.visitor, vouching=here.session.vouching
        )
    finally:
        key.close()
    given(answer, outcome)
    return schemas.RecoveryCode(recovery_code=code.reveal().decode())


@router.post("/recovery-code")
async def renew_code(here: FreshHere, desk: Door) -> schemas.RecoveryCode:
    """Make a new recovery code; the one before is void."""
    code = await desk.recovery.renew_code(here.session.lease)
    return schemas.RecoveryCode(recovery_code=code.reveal().decode())


@router.post("/recovery-code/confirm", status_code=HTTPStatus.NO_CONTENT)
async def confirm_code(body: schemas.CodeConfirmed, here: Begun, desk: Door) -> None:
    """Note that the code was typed back, or that its owner would not."""
    await desk.first_steps.confirm_code(here.session.account_id, skipped=body.skipped)


@router.get("/app-passwords")
async def listing(here: Whole, desk: Door) -> list[schemas.AppPasswordShown]:
    """List the app passwords; never their secrets."""
    found = await desk.app_passwords.listing(here.session.account_id)
    return [_shown(each) for each in found]


@router.post("/app-passwords", status_code=HTTPStatus.CREATED)
async def add(
    body: schemas.AppPasswordBody, here: FreshHere, desk: Door
) -> schemas.AppPasswordMade:
    """Make an app password; its secret is in this answer and nowhere else."""
    expires_at = body.expires_at
    if expires_at is not None:
        if expires_at.tzinfo is None or expires_at <= desk.clock.now():
            raise PeerFault(Condition.BAD_SYNTAX, "the end lies in the past, or names no zone")
        expires_at = expires_at.astimezone(UTC)
    made = await desk.app_passwords.add(
        here.session.lease,
        [Scope(scope) for scope in body.scopes],
        label=body.label,
        cidrs=body.networks,
        expires_at=expires_at,
    )
    shown = _shown(made.shown).model_dump()
    return schemas.AppPasswordMade(**shown, secret=made.secret.reveal().decode())


@router.delete("/app-passwords/{app_password_id}", status_code=HTTPStatus.NO_CONTENT)
async def revoke(app_password_id: schemas.Hex, here: Whole, desk: Door) -> None:
    """Revoke an app password; what it holds open closes within five seconds."""
    await desk.app_passwords.revoke(here.session.account_id, bytes.fromhex(app_password_id))


def _shown(each: AppPassword) -> schemas.AppPasswordShown:
    return schemas.AppPasswordShown(
        id=each.id.hex(),
        label=each.label,
        scopes=sorted(each.scopes),
        networks=list(each.cidrs),
        made_at=each.made_at,
        expires_at=each.expires_at,
    )
