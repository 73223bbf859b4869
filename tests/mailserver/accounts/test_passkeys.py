"""Passkeys as second factor, with a security key in software."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from mailserver.accounts import passkeys
from mailserver.accounts.factors import Factor, Proof
from mailserver.accounts.passkeys import PasskeySite
from mailserver.accounts.visitor import Visitor
from mailserver.model.errors import Refused
from mailserver.model.sealed import Plaintext
from mailserver.vault.factors import FactorsRecord
from tests.support.accounts import PASSWORD, PEER, Node
from tests.support.authenticator import SoftPasskey

SITE = PasskeySite("mail.example.org", ("https://mail.example.org",))
HERE = Visitor(PEER, "Firefox on Linux")


def key(**differs: Any) -> SoftPasskey:
    return SoftPasskey(**{"host": SITE.host, "origin": SITE.origins[0], **differs})


def octets(answer: dict[str, Any]) -> Plaintext:
    return Plaintext(json.dumps(answer).encode())


async def enrolled(node: Node, soft: SoftPasskey) -> None:
    user = await node.user()
    challenge = passkeys.new_challenge()
    options = passkeys.making_options(
        SITE, user.account_id, "alice@example.org", challenge, FactorsRecord()
    )
    assert options["authenticatorSelection"]["userVerification"] == "required"
    made = passkeys.made(SITE, octets(soft.make(options)), challenge, "key", node.clock.now())
    assert len(await node.desk.factors.add_passkey(user.account_id, made)) == 10


async def sign_in(node: Node, soft: SoftPasskey) -> None:
    begun = await node.desk.sign_in.by_password("alice@example.org", PASSWORD, HERE)
    assert begun.needed == (Factor.PASSKEY, Factor.BACKUP)
    cookie = begun.session.cookie
    answer = soft.use(await node.desk.sign_in.passkey_options(cookie, SITE))
    proof = Proof(Factor.PASSKEY, octets(answer), site=SITE)
    await node.desk.sign_in.by_factor(cookie, proof, HERE)


async def test_it_signs_in_and_its_counter_must_rise(node: Node) -> None:
    soft = key()
    await enrolled(node, soft)
    await sign_in(node, soft)
    await sign_in(node, soft)
    soft.counter -= 2  # a copy of the key, from before
    with pytest.raises(Refused):
        await sign_in(node, soft)


async def test_an_answer_is_good_once(node: Node) -> None:
    soft = key()
    await enrolled(node, soft)
    begun = await node.desk.sign_in.by_password("alice@example.org", PASSWORD, HERE)
    cookie = begun.session.cookie
    answer = soft.use(await node.desk.sign_in.passkey_options(cookie, SITE))
    proof = Proof(Factor.PASSKEY, octets(answer), site=SITE)
    opened = await node.desk.sign_in.by_factor(cookie, proof, HERE)
    with pytest.raises(Refused):
        await node.desk.sign_in.again(opened.session.cookie, HERE, proof=proof)


@pytest.mark.parametrize(
    "wrong",
    [
        {"origin": "https://mail.example.net"},
        {"host": "example.net"},
        {"verifies": False},
    ],
)
async def test_another_site_or_no_verified_user_is_refused(
    node: Node, wrong: dict[str, Any]
) -> None:
    soft = key()
    await enrolled(node, soft)
    for name, value in wrong.items():
        setattr(soft, name, value)
    with pytest.raises(Refused):
        await sign_in(node, soft)


@pytest.mark.parametrize("answer", [b"", b"[]", b"{}", b'{"rawId": "AA"}', b"{" * 20_000])
def test_what_is_no_answer_is_refused(answer: bytes) -> None:
    now = datetime.now(UTC)
    with pytest.raises(Refused):
        passkeys.made(SITE, Plaintext(answer), b"c" * 32, "", now)
    with pytest.raises(Refused):
        passkeys.used(SITE, Plaintext(answer), b"c" * 32, FactorsRecord(), now)
