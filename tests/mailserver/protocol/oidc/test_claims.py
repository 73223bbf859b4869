"""What an ID token says is believed where it is ours, of now, and the answer to our question."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mailserver.model.errors import Condition, PeerFault
from mailserver.protocol.oidc.claims import Claims, believed

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
AT = int(NOW.timestamp())
GOOD: dict[str, Any] = {
    "iss": "https://idp.test", "aud": "zegel", "sub": "u-1", "nonce": "n", "iat": AT,
    "exp": AT + 60, "email": "ann@example.org", "email_verified": True,
}  # fmt: skip


def read(**changes: Any) -> Claims:
    told = {name: value for name, value in {**GOOD, **changes}.items() if value is not None}
    return believed(told, issuer="https://idp.test", client_id="zegel", nonce="n", now=NOW)


def test_a_token_names_who_it_is_about() -> None:
    claims = read(aud=["zegel"], azp="zegel", acr="gold", amr=["pwd", 5, "otp"])
    assert (claims.subject, claims.email, claims.acr) == ("u-1", "ann@example.org", "gold")
    assert claims.amr == {"pwd", "otp"}
    assert "u-1" not in repr(claims)


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://idp.test/"},
        {"iss": None},
        {"aud": "other"},
        {"aud": ["zegel", "other"]},
        {"aud": None},
        {"azp": "other"},
        {"nonce": "m"},
        {"nonce": None},
        {"exp": AT - 121},
        {"exp": None},
        {"exp": "soon"},
        {"exp": True},
        {"exp": 1e30},
        {"iat": AT + 121},
        {"iat": AT - 3_600, "exp": AT + 60},
        {"iat": None},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": "ü"},
        {"sub": "u" * 256},
    ],
)
def test_a_token_that_is_not_the_answer_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(PeerFault) as refused:
        read(**changes)
    assert refused.value.condition is Condition.BAD_SYNTAX


def test_clocks_may_differ_by_a_little() -> None:
    minute = int(timedelta(minutes=1).total_seconds())
    assert read(iat=AT + minute, exp=AT - minute).subject == "u-1"


@pytest.mark.parametrize("verified", [False, "true", 1, None])
def test_an_address_counts_where_the_provider_verified_it(verified: object) -> None:
    assert read(email_verified=verified).email == ""
    assert read(email=5).email == ""
    assert read(acr=5, amr="mfa").amr == frozenset()


@pytest.mark.parametrize(
    ("amr", "acr", "accepted", "has"),
    [
        (["mfa"], "", (), True),
        (["pwd", "otp"], "", (), True),
        (["fpt", "hwk"], "", (), True),
        (["pwd"], "", (), False),
        (["otp", "sms"], "", (), False),
        ([], "gold", (), False),
        ([], "gold", ("gold", "platinum"), True),
        (["mfa"], "silver", ("gold",), False),
    ],
)
def test_a_second_factor_is_told_by_methods_or_by_class(
    amr: list[str], acr: str, accepted: tuple[str, ...], *, has: bool
) -> None:
    assert read(amr=amr, acr=acr).has_second_factor(accepted) is has
