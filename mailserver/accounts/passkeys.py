"""Passkeys as second factor: WebAuthn with user verification, no attestation asked.

A passkey signs a challenge that is good for one answer, names our own site, and counts: a count
that does not rise tells of a copy, and the passkey is refused (WebAuthn §6.1.1).

Source: W3C Web Authentication Level 3 §7.1, §7.2.
"""

import json
import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import base64url_to_bytes
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from mailserver.model.errors import Condition, Refused
from mailserver.model.ids import AccountId
from mailserver.model.sealed import Plaintext
from mailserver.vault.factors import FactorsRecord, Passkey

CHALLENGE_OCTETS = 32
CHALLENGE_LIFE = timedelta(minutes=5)
AT_MOST = 10
LABEL_CHARACTERS = 100
ANSWER_OCTETS = 16 * 1024
NAME = "Zegel"


@dataclass(frozen=True, slots=True)
class PasskeySite:
    """Where passkeys are made and used: a passkey works at its own site only."""

    host: str
    """The webmail's host name (the relying party's id)."""
    origins: tuple[str, ...]


def new_challenge() -> bytes:
    """Make what a passkey is to sign."""
    return secrets.token_bytes(CHALLENGE_OCTETS)


def making_options(
    site: PasskeySite, account: AccountId, address: str, challenge: bytes, record: FactorsRecord
) -> dict[str, Any]:
    """Return what a browser needs to make a passkey (`PublicKeyCredentialCreationOptions`)."""
    options = generate_registration_options(
        rp_id=site.host,
        rp_name=NAME,
        user_id=account,
        user_name=address,
        challenge=challenge,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.DISCOURAGED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=_descriptors(record),
    )
    return dict(json.loads(options_to_json(options)))


def using_options(site: PasskeySite, challenge: bytes, record: FactorsRecord) -> dict[str, Any]:
    """Return what a browser needs to use one (`PublicKeyCredentialRequestOptions`)."""
    options = generate_authentication_options(
        rp_id=site.host,
        challenge=challenge,
        allow_credentials=_descriptors(record),
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return dict(json.loads(options_to_json(options)))


def made(
    site: PasskeySite, answer: Plaintext, challenge: bytes, label: str, now: datetime
) -> Passkey:
    """Check what a browser made; return the passkey.

    Raises:
        Refused: AUTHENTICATION_FAILED, it does not answer the challenge, or its user was not
            verified.
    """
    try:
        verified = verify_registration_response(
            credential=_json(answer),
            expected_challenge=challenge,
            expected_rp_id=site.host,
            expected_origin=list(site.origins),
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, TypeError, KeyError, OverflowError) as wrong:
        raise _refused() from wrong
    return Passkey(
        credential=verified.credential_id,
        public=verified.credential_public_key,
        counter=verified.sign_count,
        label=label[:LABEL_CHARACTERS],
        made_at=now,
    )


def used(
    site: PasskeySite, answer: Plaintext, challenge: bytes, record: FactorsRecord, now: datetime
) -> FactorsRecord:
    """Check a passkey's answer; return the record with its counter moved.

    Raises:
        Refused: AUTHENTICATION_FAILED, it is no passkey of the account, does not answer the
            challenge, its user was not verified, or its counter did not rise.
    """
    try:
        credential = _json(answer)
        chosen = base64url_to_bytes(str(credential["rawId"]))
        passkey = next(each for each in record.passkeys if each.credential == chosen)
        verified = verify_authentication_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=site.host,
            expected_origin=list(site.origins),
            credential_public_key=passkey.public,
            credential_current_sign_count=passkey.counter,
            require_user_verification=True,
        )
    except (
        WebAuthnException, ValueError, TypeError, KeyError, StopIteration, OverflowError
    ) as wrong:  # fmt: skip
        raise _refused() from wrong
    return record.with_passkey(replace(passkey, counter=verified.new_sign_count, used_at=now))


def _descriptors(record: FactorsRecord) -> list[PublicKeyCredentialDescriptor]:
    return [PublicKeyCredentialDescriptor(id=each.credential) for each in record.passkeys]


def _json(answer: Plaintext) -> dict[str, Any]:
    if len(answer) > ANSWER_OCTETS:
        raise ValueError("longer than any passkey's answer")
    found = json.loads(answer.reveal())
    if not isinstance(found, dict):
        raise ValueError("no passkey's answer")
    return found


def _refused() -> Refused:
    return Refused(Condition.AUTHENTICATION_FAILED, "the passkey was not accepted")
