"""Identity providers in a domain's row, and sign-ins that a browser carries there and back."""

from dataclasses import replace

import pytest

from mailserver.crypto.secret import SecretKey
from mailserver.model.errors import Condition, Corrupt, Refused
from mailserver.vault.master import MasterKeys
from mailserver.vault.providers import (
    CHARACTERS,
    FlowRecord,
    ProviderRecord,
    VouchedRecord,
    open_flow,
    open_vouched,
    seal_flow,
    seal_vouched,
)
from mailserver.vault.receiving import DomainRecord, open_domain, seal_domain
from tests.support.vault import NOW, a_master

PROVIDER = ProviderRecord("https://idp.test", "zegel", b"s3cret", "Idp", acr=("gold",))
FLOW = FlowRecord(
    "ann@example.org", "https://idp.test", "zegel", "https://mail.test/back", "s", "n", "v", NOW
)
VOUCHED = VouchedRecord(
    "ann@example.org", "https://idp.test", "u-1", "ann@example.org", second_factor=True, at=NOW
)


@pytest.mark.parametrize("provider", [None, PROVIDER, replace(PROVIDER, required=False, acr=())])
def test_a_domains_row_has_its_provider(provider: ProviderRecord | None) -> None:
    master = a_master()
    record = DomainRecord("example.org", provider=provider)
    row = seal_domain(master, record)
    assert open_domain(master, "example.org", row.sealed) == record
    with pytest.raises(Corrupt):
        open_domain(master, "example.net", row.sealed)


def test_a_secret_is_in_no_words_about_a_provider() -> None:
    assert "s3cret" not in repr(PROVIDER)
    assert "s3cret" not in repr(DomainRecord("example.org", provider=PROVIDER))


def test_what_a_browser_brings_back_is_what_it_was_given() -> None:
    guard = a_master().instance_guard
    assert open_flow(guard, seal_flow(guard, FLOW)) == FLOW
    assert open_vouched(guard, seal_vouched(guard, VOUCHED)) == VOUCHED
    assert "ann" not in seal_flow(guard, FLOW)


def test_nothing_else_is_taken_for_it() -> None:
    guard, other = a_master().instance_guard, a_master().instance_guard
    flow, vouched = seal_flow(guard, FLOW), seal_vouched(guard, VOUCHED)
    for written in ("", "ann", "é" * 40, flow[:20], flow[:-4] + "AAAA", "A" * (CHARACTERS + 4)):
        with pytest.raises(Refused) as refused:
            open_flow(guard, written)
        assert refused.value.condition is Condition.AUTHENTICATION_FAILED
    for open_it, written in ((open_flow, vouched), (open_vouched, flow)):
        with pytest.raises(Refused):
            open_it(guard, written)
    with pytest.raises(Refused):
        open_flow(other, flow)


def test_a_sign_in_survives_a_new_master_key() -> None:
    old = SecretKey.random()
    before = MasterKeys({1: old}, 1)
    flow = seal_flow(before.instance_guard, FLOW)
    after = MasterKeys({1: old, 2: SecretKey.random()}, 2)
    assert open_flow(after.instance_guard, flow) == FLOW
