"""What the ways into an account take and give that need no session: invitations, resets, vaults."""

from datetime import datetime

from pydantic import BaseModel

from webui.account.schemas import Body, Login, RecoveryCode, Secret, ShownFactor, Token


class TokenBody(Body):
    """The token of a link."""

    token: Token


class Invited(BaseModel):
    """What a link invites to."""

    address: str


class SignUpBody(Body):
    """An account to be made."""

    token: Token
    password: Secret


class CodeResetBody(Body):
    """A reset with the recovery code."""

    address: Login
    code: Secret
    password: Secret
    factor: ShownFactor | None = None
    keep_app_passwords: bool = False


class ResetAskBody(Body):
    """A reset without it, asked for by its link."""

    token: Token
    factor: ShownFactor | None = None


class ResetWaits(BaseModel):
    """When it takes effect."""

    effective_at: datetime
    notice: str = "older mail stays closed until an old secret opens it"


class ResetBody(ResetAskBody):
    """A reset without it, done."""

    password: Secret


class ResetDone(RecoveryCode):
    """An account that was reset."""

    address: str


class RescueBody(Body):
    """A new password by an app password that a device still holds."""

    address: Login
    app_password: Secret
    password: Secret
    factor: ShownFactor


class VaultShownGiven(BaseModel):
    """A vault of before a reset."""

    made_at: datetime
    expires_at: datetime
    needs_factor: bool


class PendingGiven(BaseModel):
    """What is under way about the account."""

    reset_at: datetime | None
    factors_go_at: datetime | None
    vaults: list[VaultShownGiven]


class VaultBody(Body):
    """An old secret and the old factor open a vault."""

    address: Login
    old: Secret
    password: Secret
    factor: ShownFactor | None = None


class DenyBody(Body):
    """An old secret says that a reset was not its owner's."""

    address: Login
    old: Secret
