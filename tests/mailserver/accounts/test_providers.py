"""What a provider answers is believed where it is right in every point, for as long as it is."""

import json
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from mailserver.accounts.domain_rules import DomainRules
from mailserver.accounts.provider_keys import (
    ASKED_AGAIN,
    KEPT,
    KEYS_AGAIN,
    Issuers,
    ProviderAway,
)
from mailserver.accounts.providers import GOOD_FOR, Answer, NotVouched, Providers, Sent
from mailserver.audit.entry import Event
from mailserver.model.address import Address
from mailserver.model.errors import Absent, Condition, PeerFault, Refused
from mailserver.runtime.clock import ManualClock
from mailserver.runtime.service_client import ServiceClient
from mailserver.vault.providers import ProviderRecord, VouchedRecord
from mailserver.vault.records import KeyMode, WrapKind
from tests.support.accounts import QUOTA, Node
from tests.support.identity_provider import certified
from tests.support.web_host import WebHost, answer

DOMAIN, ALICE = "example.org", "alice@example.org"
BACK = "https://mail.example.org/back"


@dataclass
class Provider:
    """A provider that answers whatever a test wants."""

    host: WebHost
    clock: ManualClock
    key: ECKey = field(default_factory=lambda: ECKey.generate_key("P-256", {"kid": "1"}))
    nonce: str = ""

    @property
    def issuer(self) -> str:
        """Its name."""
        return f"https://localhost:{self.host.port}"

    @property
    def record(self) -> ProviderRecord:
        """How a domain's row names it."""
        return ProviderRecord(self.issuer, "zegel", b"secret")

    def publish(self, **changes: Any) -> None:
        """Say what it is."""
        document = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/auth",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
        }
        said = json.dumps({**document, **changes}).encode()
        self.host.answers["/.well-known/openid-configuration"] = answer(said, "application/json")
        keys = json.dumps({"keys": [self.key.as_dict(private=False)]}).encode()
        self.host.answers["/keys"] = answer(keys, "application/json")

    def vouch(self, **changes: Any) -> None:
        """Give a token for the next code."""
        at = int(self.clock.now().timestamp())
        claims = {
            "iss": self.issuer, "aud": "zegel", "sub": "u-1", "nonce": self.nonce, "iat": at,
            "exp": at + 60, "email": ALICE, "email_verified": True, **changes,
        }  # fmt: skip
        header = {"alg": "ES256", "kid": self.key.kid}
        token = jwt.encode(header, claims, self.key, algorithms=["ES256"])
        self.say(json.dumps({"id_token": token, "access_token": "a"}).encode())

    def say(self, octets: bytes, status: str = "200 OK") -> None:
        """Answer the next code so."""
        self.host.answers["/token"] = answer(octets, "application/json", status=status)


@dataclass
class Scene:
    """A node whose domain has a provider."""

    node: Node
    provider: Provider
    providers: Providers
    rules: DomainRules

    async def begun(self) -> tuple[Sent, Answer]:
        """Begin a sign-in; return it, and an answer with a code that is right."""
        sent = await self.providers.begin(ALICE, BACK)
        fields = parse_qs(urlsplit(sent.url).query)
        self.provider.nonce = fields["nonce"][0]
        return sent, Answer(fields["state"][0], "code")

    async def vouched(self, **changes: Any) -> VouchedRecord:
        """Go there and back."""
        sent, came = await self.begun()
        self.provider.vouch(**changes)
        return await self.providers.proof(sent.flow, came)


@pytest.fixture
async def scene(node: Node, clock: ManualClock, tmp_path: Path) -> AsyncIterator[Scene]:
    """A provider and a domain that asks for it."""
    home = tmp_path / "provider"
    certified(home)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(home / "cert.pem", home / "key.pem")
    client = ssl.create_default_context(cafile=home / "ca.pem")
    await node.provisioning.add_domain(DOMAIN)
    rules = DomainRules(node.keyring, node.directory, node.chain)
    async with WebHost().serving("127.0.0.1", server) as host:
        provider = Provider(host, clock)
        provider.publish()
        issuers = Issuers(ServiceClient(client, deadline=timedelta(seconds=2)), clock)
        providers = Providers(node.keyring, node.directory, issuers, node.chain, clock)
        await rules.set_provider(DOMAIN, provider.record)
        yield Scene(node, provider, providers, rules)


async def refused(scene: Scene, **changes: Any) -> str:
    with pytest.raises(NotVouched) as error:
        await scene.vouched(**changes)
    return error.value.reason


async def test_a_provider_vouches_for_its_user(scene: Scene) -> None:
    vouched = await scene.vouched(amr=["mfa"])
    assert (vouched.subject, vouched.email, vouched.second_factor) == ("u-1", ALICE, False)
    written = scene.providers.sealed(vouched)
    assert await scene.providers.opened(written, ALICE) == vouched
    redeemed = next(each for each in scene.provider.host.asked if each.startswith(b"POST"))
    assert b"code=code" in redeemed
    assert b"authorization: Basic" in redeemed or b"Authorization: Basic" in redeemed


@pytest.mark.parametrize(
    "changes",
    [{"aud": "other"}, {"iss": "https://evil.test"}, {"nonce": "n"}, {"exp": 1}, {"sub": ""}],
)
async def test_a_token_that_is_wrong_in_one_point_is_not_believed(
    scene: Scene, changes: dict[str, Any]
) -> None:
    assert await refused(scene, **changes) == "unverified"


async def test_what_is_no_token_is_not_believed(scene: Scene) -> None:
    for octets in (b"", b"{}", b'{"id_token": "a.b.c"}', b'{"id_token": 5}'):
        sent, came = await scene.begun()
        scene.provider.say(octets)
        with pytest.raises(NotVouched) as error:
            await scene.providers.proof(sent.flow, came)
        assert error.value.reason == "unverified"


async def test_a_code_that_is_not_taken_is_told_apart_from_a_provider_that_fails(
    scene: Scene,
) -> None:
    sent, came = await scene.begun()
    scene.provider.say(b'{"error": "invalid_grant"}', "400 Bad Request")
    with pytest.raises(NotVouched):
        await scene.providers.proof(sent.flow, came)
    scene.provider.say(b"", "500 Internal Server Error")
    with pytest.raises(ProviderAway):
        await scene.providers.proof(sent.flow, came)
    scene.provider.say(b"x" * (1 << 20))
    with pytest.raises(ProviderAway):
        await scene.providers.proof(sent.flow, came)


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": "https://evil.test"},
        {"token_endpoint": "http://localhost/token"},
        {"response_types_supported": ["token"]},
        {"jwks_uri": None},
    ],
)
async def test_a_document_that_is_not_the_issuers_is_not_used(
    scene: Scene, changes: dict[str, Any]
) -> None:
    scene.provider.publish(**changes)
    with pytest.raises(ProviderAway):
        await scene.providers.begin(ALICE, BACK)


async def test_a_provider_is_asked_at_its_own_address_alone(scene: Scene) -> None:
    there = answer(b"", "text/plain", "Location: https://evil.test/", status="302 Found")
    scene.provider.host.answers["/.well-known/openid-configuration"] = there
    with pytest.raises(ProviderAway):
        await scene.providers.begin(ALICE, BACK)


async def test_a_provider_that_does_not_answer_is_left_alone_for_a_moment(
    scene: Scene, clock: ManualClock
) -> None:
    told = scene.provider.host.answers.pop("/.well-known/openid-configuration")
    for _ in range(3):
        with pytest.raises(ProviderAway):
            await scene.providers.begin(ALICE, BACK)
    assert len(scene.provider.host.asked) == 1
    scene.provider.host.answers["/.well-known/openid-configuration"] = told
    clock.advance(ASKED_AGAIN)
    assert (await scene.vouched()).subject == "u-1"


async def test_what_was_published_is_kept_for_an_hour(scene: Scene, clock: ManualClock) -> None:
    await scene.vouched()
    await scene.vouched()
    targets = scene.provider.host.targets
    assert (targets.count("/keys"), targets.count("/token")) == (1, 2)
    clock.advance(KEPT)
    await scene.vouched()
    assert scene.provider.host.targets.count("/keys") == 2


async def test_new_keys_are_found_and_old_ones_forgotten(scene: Scene, clock: ManualClock) -> None:
    await scene.vouched()
    scene.provider.key = ECKey.generate_key("P-256", {"kid": "2"})
    scene.provider.publish()
    assert await refused(scene) == "unverified"  # not asked again within a minute
    assert scene.provider.host.targets.count("/keys") == 1
    clock.advance(KEYS_AGAIN)
    assert (await scene.vouched()).subject == "u-1"
    scene.provider.key = ECKey.generate_key("P-256", {"kid": "1"})  # another of the old name
    assert await refused(scene) == "unverified"


async def test_what_took_too_long_begins_anew(scene: Scene, clock: ManualClock) -> None:
    sent, came = await scene.begun()
    vouched = await scene.vouched()
    written = scene.providers.sealed(vouched)
    clock.advance(GOOD_FOR)
    for late in (scene.providers.proof(sent.flow, came), scene.providers.opened(written, ALICE)):
        with pytest.raises(NotVouched) as error:
            await late
        assert error.value.reason == "flow_expired"


async def test_what_the_domain_asks_for_since_is_asked_for(scene: Scene) -> None:
    sent, came = await scene.begun()
    vouched = await scene.vouched()
    written = scene.providers.sealed(vouched)
    await scene.rules.set_provider(DOMAIN, replace(scene.provider.record, vouches=True))
    with pytest.raises(NotVouched):
        await scene.providers.opened(written, ALICE)
    await scene.rules.set_provider(DOMAIN, replace(scene.provider.record, client_id="another"))
    with pytest.raises(NotVouched) as error:
        await scene.providers.proof(sent.flow, came)
    assert error.value.reason == "flow_expired"


async def test_an_answer_names_its_issuer_where_the_provider_says_that_it_does(
    scene: Scene, clock: ManualClock
) -> None:
    scene.provider.publish(authorization_response_iss_parameter_supported=True)
    assert await refused(scene) == "unverified"
    sent, came = await scene.begun()
    scene.provider.vouch()
    named = replace(came, issuer=scene.provider.issuer)
    assert (await scene.providers.proof(sent.flow, named)).subject == "u-1"


async def test_a_link_is_made_once_and_written_down(scene: Scene) -> None:
    user = await scene.node.user(ALICE)
    account = await scene.node.keyring.account(user.account_id)
    vouched = await scene.vouched()
    linked = await scene.providers.linked(account, vouched)
    assert linked.record.linked == (scene.provider.issuer, "u-1")
    assert await scene.providers.linked(linked, replace(vouched, email="")) is linked
    with pytest.raises(NotVouched):
        await scene.providers.linked(linked, replace(vouched, subject="u-2"))
    rows = await scene.node.store.audit.rows(0, 1_000)
    assert sum(row.event == Event.IDENTITY_LINKED.value for row in rows) == 1


async def test_another_provider_of_the_domain_links_anew(scene: Scene) -> None:
    user = await scene.node.user(ALICE)
    account = await scene.node.keyring.account(user.account_id)
    before = ("https://before.test", "u-7")
    account = await scene.providers.link(account, before, "operator")
    linked = await scene.providers.linked(account, await scene.vouched())
    assert linked.record.linked == (scene.provider.issuer, "u-1")


async def test_an_account_without_a_password_needs_a_provider(scene: Scene) -> None:
    bob = Address.parse("bob@example.org")
    user = await scene.node.provisioning.add_user(bob, None, quota_octets=QUOTA)
    account = await scene.node.keyring.account(user.account_id)
    assert account.record.key_mode is KeyMode.SERVER
    wraps = await scene.node.keyring.wraps(user.account_id)
    assert {wrap.record.kind for wrap in wraps} == {WrapKind.SERVER, WrapKind.RECOVERY}
    wrap, key = await scene.providers.server_key(account)
    assert (wrap.record.kind, key.generation) == (WrapKind.SERVER, 1)
    key.prove(account.identity.public)
    key.close()
    await scene.rules.set_provider(DOMAIN, None)
    with pytest.raises(Refused) as error:
        await scene.node.provisioning.add_user(
            Address.parse("eve@example.org"), None, quota_octets=QUOTA
        )
    assert error.value.condition is Condition.NOT_PERMITTED


async def test_nobody_elses_account_is_opened_by_the_server(scene: Scene) -> None:
    user = await scene.node.user(ALICE)
    with pytest.raises(Absent):
        await scene.providers.server_key(await scene.node.keyring.account(user.account_id))


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": "http://idp.test"},
        {"issuer": "https://idp.test/?a"},
        {"client_id": ""},
        {"client_id": "a\nb"},
        {"client_secret": b"a\r\nb"},
        {"name": "x" * 2_000},
        {"acr": ("a\0",)},
    ],
)
async def test_a_provider_is_named_in_plain_words(scene: Scene, changes: dict[str, Any]) -> None:
    with pytest.raises(PeerFault):
        await scene.rules.set_provider(DOMAIN, replace(scene.provider.record, **changes))


async def test_a_domain_without_a_provider_takes_passwords(scene: Scene) -> None:
    await scene.rules.set_provider(DOMAIN, None)
    assert await scene.providers.offer(ALICE) is None
    assert await scene.providers.offer("no address") is None
    await scene.providers.check_way(ALICE, None)
    with pytest.raises(Absent):
        await scene.providers.begin(ALICE, BACK)
