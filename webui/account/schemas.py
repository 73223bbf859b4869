"""What `/api/account` takes and gives, as JSON.

Secrets come as `Secret`, which neither prints nor stands in an error. Ids are hexadecimal.
"""

import json
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from mailserver.accounts.factors import Factor, Proof
from mailserver.accounts.history import What
from mailserver.accounts.passkeys import PasskeySite
from mailserver.model.sealed import Plaintext

Secret = Annotated[SecretStr, Field(max_length=1_024)]
Token = Annotated[SecretStr, Field(min_length=20, max_length=100)]
Login = Annotated[str, Field(min_length=1, max_length=320)]
Hex = Annotated[str, Field(pattern=r"^(?:[0-9a-f]{2}){1,1024}$")]


def plain(secret: SecretStr) -> Plaintext:
    """Return a secret as the server handles it."""
    return Plaintext(secret.get_secret_value().encode("utf-8", "surrogatepass"))


class Body(BaseModel):
    """A request's body: what it does not know is refused."""

    model_config = ConfigDict(extra="forbid")


class ShownFactor(Body):
    """A second factor: a code, or a passkey's answer."""

    kind: Factor
    code: Annotated[SecretStr, Field(max_length=100)] | None = None
    passkey: dict[str, Any] | None = None
    """What `navigator.credentials` gave, as JSON (WebAuthn §5.1.9)."""

    def proof(self, site: PasskeySite) -> Proof:
        """Return it as the server checks it."""
        if self.kind is Factor.PASSKEY:
            return Proof(self.kind, _octets(self.passkey or {}), site=site)
        return Proof(self.kind, plain(self.code or SecretStr("")))


class PasskeyAnswer(Body):
    """A passkey that was made, with the name its owner gives it."""

    answer: dict[str, Any]
    label: Annotated[str, Field(max_length=100)] = ""

    def octets(self) -> Plaintext:
        """Return the answer as octets."""
        return _octets(self.answer)


class Start(Body):
    """The first step: an address."""

    address: Login


class ForwardBody(Body):
    """An address that mail may be sent on to."""

    address: Login


class LanguageBody(Body):
    """The language in which somebody is written to."""

    language: Annotated[str, Field(pattern="^(?:en|nl|de|fr)$")]


class ProviderGiven(BaseModel):
    """The identity provider of an organisation."""

    name: str
    """What people call it."""
    required: bool
    """A passphrase alone opens nothing."""


class Started(BaseModel):
    """The second step; the same for every address of a domain, whoever exists."""

    next: Literal["password", "provider"]
    provider: ProviderGiven | None = None


class ProviderBody(Body):
    """Somebody who goes to the identity provider of the address's domain."""

    address: Login


class ProviderSent(BaseModel):
    """Where the browser goes, and what its tab keeps meanwhile."""

    url: str
    flow: str


class ProviderAnswer(Body):
    """What the browser came back with."""

    flow: Annotated[str, Field(max_length=4_096)]
    state: Annotated[str, Field(max_length=200)]
    code: Annotated[SecretStr, Field(max_length=4_096)] | None = None
    iss: Annotated[str, Field(max_length=2_048)] | None = None
    error: Annotated[str, Field(max_length=200)] | None = None
    """The provider, or the person, said no (RFC 6749 §4.1.2.1)."""
    stay: bool = False
    trust: bool = False


class SignInBody(Body):
    """The second step: the password."""

    address: Login
    password: Secret
    stay: bool = False
    trust: bool = False
    factor: ShownFactor | None = None
    """A code shown along: it lets a stranger through where guesses made the server wait."""
    identity: Annotated[SecretStr, Field(max_length=4_096)] | None = None
    """The word of the identity provider, as `/sign-in/provider/proof` gave it."""


class FactorBody(Body):
    """The third step: a second factor."""

    factor: ShownFactor
    trust: bool = False


class StepGiven(BaseModel):
    """Where signing in has come to."""

    needed: list[Factor]
    """Of these one is to be shown next; empty when the session is open."""
    provisional: bool
    """A password of one's own comes first."""
    csrf: str
    """Goes along as X-CSRF-Token with whatever changes something."""
    expires_at: datetime


class ProviderStep(BaseModel):
    """What comes after the word of an identity provider."""

    next: Literal["passphrase", "step"]
    address: str
    identity: str | None = None
    """Goes along with the passphrase, within ten minutes."""
    step: StepGiven | None = None
    """Of an account that the server opens: where signing in has come to."""


class SessionGiven(BaseModel):
    """The session that asks."""

    id: str
    address: str
    csrf: str
    stay: bool
    fresh: bool
    provisional: bool
    factor_missing: bool
    """The organisation asks for a second factor, and there is none yet."""
    key_mode: Literal["user", "server"]
    """`server`: the mailbox is not private from the operator, and the page says so."""
    provider: bool
    """An identity provider said who it is."""
    expires_at: datetime


class AgainBody(Body):
    """A proof in the middle of a session."""

    password: Secret | None = None
    factor: ShownFactor | None = None


class SessionShown(BaseModel):
    """One of the sessions in a list."""

    id: str
    agent: str
    peer: str
    made_at: datetime
    seen_at: datetime
    expires_at: datetime
    stay: bool
    current: bool


class HistoryEntry(BaseModel):
    """One sign-in, or tries that were alike and failed."""

    at: datetime
    what: What
    peer: str
    agent: str
    times: int


class PasskeyShown(BaseModel):
    """A passkey in a list."""

    id: str
    label: str
    made_at: datetime
    used_at: datetime | None


class FactorsGiven(BaseModel):
    """The second factors of an account."""

    totp: bool
    passkeys: list[PasskeyShown]
    backup_codes_left: int
    required: bool
    changed_lately: bool
    going_at: datetime | None
    """Two administrators have all of them taken off then."""


class TotpOffered(BaseModel):
    """A seed to be put into an authenticator; it counts once a code of it was sent back."""

    secret: str
    uri: str
    qr_svg: str


class CodeBody(Body):
    """A code of an authenticator."""

    code: Annotated[SecretStr, Field(min_length=6, max_length=20)]


class BackupCodes(BaseModel):
    """Ten codes, shown once; none where there were some already."""

    backup_codes: list[str]


class RemovalBody(Body):
    """The password and a factor: what taking a factor off asks for."""

    password: Secret
    factor: ShownFactor


class PasswordBody(Body):
    """A change of password."""

    old: Secret
    new: Secret
    factor: ShownFactor | None = None


class NewPassword(Body):
    """A password of one's own."""

    password: Secret


class RecoveryCode(BaseModel):
    """The recovery code, shown once."""

    recovery_code: str


class CodeConfirmed(Body):
    """Two groups of the recovery code, typed back; or that its owner would not."""

    skipped: bool = False


class AppPasswordBody(Body):
    """An app password to be made."""

    label: Annotated[str, Field(max_length=100)] = ""
    scopes: Annotated[list[Literal["imap", "smtp", "jmap", "dav", "sieve"]], Field(min_length=1)]
    networks: Annotated[list[Annotated[str, Field(max_length=50)]], Field(max_length=32)] = []
    expires_at: datetime | None = None


class AppPasswordShown(BaseModel):
    """An app password in a list."""

    id: str
    label: str
    scopes: list[str]
    networks: list[str]
    made_at: datetime
    expires_at: datetime | None


class AppPasswordMade(AppPasswordShown):
    """An app password that was just made, and its secret, shown once."""

    secret: str


def _octets(answer: dict[str, Any]) -> Plaintext:
    return Plaintext(json.dumps(answer).encode())
