"""Second factors: seen, enrolled, taken off."""

from dataclasses import replace
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter

from mailserver.accounts import passkeys, totp
from mailserver.model.errors import Condition, Refused
from mailserver.model.sealed import Plaintext
from webui.account import schemas
from webui.account.schemas import plain
from webui.account.sessions import Begun, Door, Here, PasskeysOf, check_fresh

router = APIRouter(prefix="/factors", tags=["factors"])


def _told(codes: list[Plaintext]) -> schemas.BackupCodes:
    return schemas.BackupCodes(backup_codes=[code.reveal().decode() for code in codes])


def _may_enrol(here: Here, desk: Door) -> None:
    if here.session.provisional:
        raise Refused(Condition.NOT_PERMITTED, "set your own password first")
    check_fresh(here, desk)


@router.get("")
async def factors(here: Begun, desk: Door) -> schemas.FactorsGiven:
    """Say which second factors there are."""
    account_id = here.session.account_id
    shown = await desk.factors.shown(account_id)
    return schemas.FactorsGiven(
        totp=shown.totp,
        passkeys=[
            schemas.PasskeyShown(
                id=each.credential.hex(),
                label=each.label,
                made_at=each.made_at,
                used_at=each.used_at,
            )
            for each in shown.passkeys
        ],
        backup_codes_left=shown.backup_codes_left,
        required=shown.required,
        changed_lately=shown.changed_lately,
        going_at=await desk.lost_factors.pending(account_id),
    )


@router.post("/totp")
async def offer_totp(here: Begun, desk: Door) -> schemas.TotpOffered:
    """Offer a seed for an authenticator; it counts once a code of it came back."""
    _may_enrol(here, desk)
    seed = totp.new_seed()
    found = await desk.sign_in.found(here.session)
    await desk.web_sessions.rows.change(found, replace(found.record, seed=seed))
    uri = totp.key_uri(seed, here.session.lease.address)
    return schemas.TotpOffered(
        secret=totp.secret_text(seed).reveal().decode(),
        uri=uri.reveal().decode(),
        qr_svg=totp.qr_svg(uri).reveal().decode(),
    )


@router.post("/totp/confirm")
async def confirm_totp(body: schemas.CodeBody, here: Begun, desk: Door) -> schemas.BackupCodes:
    """Enrol the authenticator that the seed went into."""
    _may_enrol(here, desk)
    found = await desk.sign_in.found(here.session)
    if not found.record.seed:
        raise Refused(Condition.NOT_PERMITTED, "ask for a seed first")
    account_id = here.session.account_id
    codes = await desk.factors.add_totp(account_id, found.record.seed, plain(body.code))
    found = await desk.sign_in.found(here.session)
    await desk.web_sessions.rows.change(found, replace(found.record, seed=b""))
    return _told(codes)


@router.post("/totp/remove", status_code=HTTPStatus.NO_CONTENT)
async def remove_totp(body: schemas.RemovalBody, here: Begun, desk: Door, site: PasskeysOf) -> None:
    """Take the authenticator off: with the password and a factor."""
    await _prove(body, here, desk, site)
    await desk.factors.remove(here.session.account_id)


@router.post("/passkeys")
async def offer_passkey(here: Begun, desk: Door, site: PasskeysOf) -> dict[str, Any]:
    """Return what the browser needs to make a passkey."""
    _may_enrol(here, desk)
    account_id = here.session.account_id
    record = await desk.factors.record(account_id)
    challenge = await desk.sign_in.challenges.make(await desk.sign_in.found(here.session))
    address = here.session.lease.address
    return passkeys.making_options(site, account_id, address, challenge, record)


@router.post("/passkeys/confirm")
async def confirm_passkey(
    body: schemas.PasskeyAnswer, here: Begun, desk: Door, site: PasskeysOf
) -> schemas.BackupCodes:
    """Enrol the passkey that the browser made."""
    _may_enrol(here, desk)
    found = await desk.sign_in.found(here.session)
    _, challenge = await desk.sign_in.challenges.take(found)
    made = passkeys.made(site, body.octets(), challenge, body.label, desk.clock.now())
    return _told(await desk.factors.add_passkey(here.session.account_id, made))


@router.post("/passkeys/{passkey_id}/remove", status_code=HTTPStatus.NO_CONTENT)
async def remove_passkey(
    passkey_id: schemas.Hex,
    body: schemas.RemovalBody,
    here: Begun,
    desk: Door,
    site: PasskeysOf,
) -> None:
    """Take a passkey off: with the password and a factor."""
    await _prove(body, here, desk, site)
    await desk.factors.remove(here.session.account_id, credential=bytes.fromhex(passkey_id))


@router.post("/backup-codes")
async def renew_backup_codes(here: Begun, desk: Door) -> schemas.BackupCodes:
    """Make ten new backup codes; those before are void."""
    _may_enrol(here, desk)
    return _told(await desk.factors.renew_backup_codes(here.session.account_id))


@router.post("/keep", status_code=HTTPStatus.NO_CONTENT)
async def keep(here: Begun, desk: Door) -> None:
    """Keep the factors that two administrators are having taken off."""
    await desk.lost_factors.refuse(here.session.account_id)


async def _prove(body: schemas.RemovalBody, here: Here, desk: Door, site: PasskeysOf) -> None:
    account = await desk.keyring.account(here.session.account_id)
    await desk.sign_in.check_password(account, plain(body.password), here.visitor)
    await desk.sign_in.check_factor(here.cookie, body.factor.proof(site), here.visitor)
