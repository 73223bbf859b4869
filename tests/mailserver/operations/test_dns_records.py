"""The records a domain wants: complete, a zone file that others read, and the same every time."""

import json
from datetime import UTC, datetime
from pathlib import Path

import dns.zone
import pytest
from dns.rdatatype import RdataType

from mailserver.accounts.signing_keys import DomainKey
from mailserver.mailauth.dmarc import Policy
from mailserver.model.errors import Misconfigured
from mailserver.operations.dns_records import as_json, wanted, zone
from mailserver.operations.published import Published, mta_sts_policy, published
from mailserver.runtime.tls import create_self_signed
from tests.support.house import settings_in

NOW = datetime(2026, 3, 2, tzinfo=UTC)
LONG = "v=DKIM1; k=rsa; p=" + "A" * 392
KEY = DomainKey("example.org", "202603-rsa-abcde", "rsa", LONG, NOW, NOW, None)
MORE = {
    "hostname": "mx.example.org",
    "listeners__https__address": "127.0.0.1:8443",
    "relay__source_addresses": "203.0.113.1",
}


def facts(directory: Path, **settings: object) -> Published:
    chosen = settings_in(directory, **{**MORE, **settings})
    if not chosen.tls.certificate.exists():
        create_self_signed(chosen.tls.certificate, chosen.tls.private_key, chosen.hostname)
    return published(chosen, "example.org", [KEY])


def texts(zone_: dns.zone.Zone, name: str) -> list[str]:
    found = zone_.find_rdataset(name, RdataType.TXT)
    return [b"".join(each.strings).decode() for each in found]


def test_what_is_printed_is_a_zone_file_with_all_records(tmp_path: Path) -> None:
    text = zone(wanted(facts(tmp_path)), "example.org")
    read = dns.zone.from_text(text, "example.org", relativize=False, check_origin=False)
    mx = read.find_rdataset("example.org.", RdataType.MX)[0]
    assert (mx.preference, str(mx.exchange)) == (10, "mx.example.org.")
    assert texts(read, "example.org.") == ["v=spf1 mx -all"]
    assert texts(read, "mx.example.org.") == ["v=spf1 a -all"]
    assert texts(read, "202603-rsa-abcde._domainkey.example.org.") == [LONG]
    assert texts(read, "_dmarc.example.org.")[0].endswith("rua=mailto:dmarc-reports@example.org")
    assert texts(read, "_smtp._tls.example.org.") == [
        "v=TLSRPTv1; rua=mailto:tls-reports@example.org"
    ]
    assert texts(read, "_mta-sts.example.org.")[0].startswith("v=STSv1; id=")
    for alias in ("mta-sts", "autoconfig", "autodiscover"):
        target = read.find_rdataset(f"{alias}.example.org.", RdataType.CNAME)[0].target
        assert str(target) == "mx.example.org."
    assert read.find_rdataset("_25._tcp.mx.example.org.", RdataType.TLSA)
    assert str(read.find_rdataset("_pop3._tcp.example.org.", RdataType.SRV)[0].target) == "."


@pytest.mark.parametrize(
    ("policy", "next_step"),
    [
        (Policy.NONE, "then --dmarc quarantine"),
        (Policy.QUARANTINE, "--dmarc reject when"),
        (Policy.REJECT, "the last step"),
    ],
)
def test_each_step_of_dmarc_names_the_next(tmp_path: Path, policy: Policy, next_step: str) -> None:
    (record,) = [
        one for one in wanted(facts(tmp_path), dmarc=policy) if one.name == "_dmarc.example.org"
    ]
    assert record.data.startswith(f'"v=DMARC1; p={policy.value}; rua=mailto:')
    assert next_step in record.purpose


def test_the_key_that_is_used_next_stands_beside_the_one_in_use(tmp_path: Path) -> None:
    now = facts(tmp_path)
    create_self_signed(tmp_path / "n.pem", tmp_path / "next.pem", "mx.example.org")
    both = facts(tmp_path, tls__next_private_key=tmp_path / "next.pem")
    assert both.tls_keys[0] == now.tls_keys[0]
    assert len(set(both.tls_keys)) == 2
    lines = [record.data for record in wanted(both) if record.type == "TLSA"]
    assert lines == [f"3 1 1 {digest.hex()}" for digest in both.tls_keys]


def test_a_next_key_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "next.pem").write_text("no key")
    with pytest.raises(Misconfigured, match="next_private_key"):
        facts(tmp_path, tls__next_private_key=tmp_path / "next.pem")


def test_the_policys_id_changes_with_the_policy_alone(tmp_path: Path) -> None:
    testing = facts(tmp_path)
    assert facts(tmp_path).policy_id == testing.policy_id
    enforced = facts(tmp_path, web__mta_sts="enforce")
    assert b"mode: enforce\r\n" in enforced.policy
    assert enforced.policy_id != testing.policy_id


def test_without_a_policy_nothing_announces_one(tmp_path: Path) -> None:
    none = facts(tmp_path, web__mta_sts="none")
    assert not any("mta-sts" in record.name for record in wanted(none))
    assert mta_sts_policy(settings_in(tmp_path, web__mta_sts="none")) == b""


def test_another_server_that_sends_for_us_is_named(tmp_path: Path) -> None:
    carrier = {"name": "Carrier", "role": "relay", "host": "smtp.example.net", "country": "NL"}
    named = [carrier | {"basis": "agreement"}]  # who sees all mail that leaves has to be named
    records = wanted(facts(tmp_path, relay__smart_host="smtp.example.net:587", processors=named))
    assert any(record.data == '"v=spf1 mx a:smtp.example.net ~all"' for record in records)


def test_authorities_are_named_where_the_settings_do(tmp_path: Path) -> None:
    records = wanted(facts(tmp_path, tls__issuers="letsencrypt.org, pki.example"))
    caa = [record.data for record in records if record.type == "CAA"]
    assert caa == ['0 issue "letsencrypt.org"', '0 issue "pki.example"']


def test_json_holds_each_record(tmp_path: Path) -> None:
    records = wanted(facts(tmp_path))
    read = json.loads(as_json(records))
    assert [each["name"] for each in read] == [record.name for record in records]
    assert set(read[0]) == {"name", "type", "data", "purpose", "needed"}
