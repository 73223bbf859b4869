"""The doctor: content with a server whose records are those we print, and told of what is not."""

import asyncio
import json
import ssl
import warnings
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import httpx
import pytest

from mailserver.app.house import House, open_house
from mailserver.model.address import Address
from mailserver.operations.doctor import domain, host, tls, web
from mailserver.operations.doctor.examination import Examiner
from mailserver.operations.doctor.finding import Severity, good, worst
from mailserver.operations.doctor.machine import machine
from mailserver.operations.published import Published, published
from mailserver.runtime.resolver import Resolver
from mailserver.runtime.tls_client import ClientTls
from tests.support.command import Zegel, prepared
from tests.support.dns import dns_zone, txt
from tests.support.doctor import DOMAIN, HOST, by_check, certified, resolving, zone_of
from tests.support.house import PASSWORD, made, serving


async def test_a_server_with_the_records_we_print_is_in_good_health(tmp_path: Path) -> None:
    settings = certified(
        tmp_path / "a", listeners__https__address="127.0.0.1:0", web__mta_sts="enforce"
    )
    await made(settings)
    async with AsyncExitStack() as stack:
        running = await stack.enter_async_context(serving(settings))
        settings = settings.model_copy(
            update={
                "relay": settings.relay.model_copy(update={"port": running.ports["mx"]}),
            }
        )
        house = await stack.enter_async_context(open_house(settings))
        await house.provisioning.add_domain(DOMAIN)
        await house.provisioning.add_user(Address("jan", DOMAIN), PASSWORD, quota_octets=1 << 30)
        for role in ("postmaster", "abuse"):
            await house.people.domain_rules.set_role(DOMAIN, role, Address("jan", DOMAIN))
        facts = published(settings, DOMAIN, await house.signing_keys.listing(DOMAIN))
        resolver = await stack.enter_async_context(resolving(zone_of(facts), signed=True))
        examiner = _examiner(house, resolver, https_port=running.ports.get("https", 443))
        findings = await examiner.examine([facts])
    bad = [one for one in findings if one.severity > Severity.NOTE]
    assert "dane-rollover" in {one.check for one in findings}, "the next key is not made yet"
    # unbound itself answers for 127/8; the rest is this machine's own
    assert {one.check for one in bad} <= {"ptr", "ipv6", "separation", "disk", "clock"}
    seen = by_check(findings)
    for check in (
        *("mx", "spf", "dkim", "dmarc", "tls-rpt", "caa", "dnssec", "dane", "roles"),
        *("starttls", "tls-versions", "certificate", "secrets", "mta-sts", "hsts", "csp"),
        *("security.txt", "nosniff", "frames"),
    ):
        assert seen[check] is Severity.GOOD, check


def _examiner(house: House, resolver: Resolver, https_port: int) -> Examiner:
    client = ClientTls.load(house.settings.relay.ca_file)
    return Examiner(
        *(house.settings, resolver, house.directory, house.clock, house.offload, client),
        https_port=https_port,
    )


@pytest.fixture
def facts(tmp_path: Path) -> Published:
    return published(certified(tmp_path / "facts"), DOMAIN)


async def test_a_domain_without_records_is_told_of_each(facts: Published) -> None:
    async with resolving({"other.test": ["A 192.0.2.1"]}) as resolver:
        found = [one for look in domain.LOOKS for one in await look(resolver, facts)]
        found += [one for look in host.LOOKS for one in await look(resolver, facts)]
    seen = by_check(found)
    for check in ("mx", "spf", "dmarc", "dkim", "address"):
        assert seen[check] is Severity.FAILURE, check
    for check in ("tls-rpt", "caa", "ipv6", "dane"):
        assert seen[check] is Severity.WARNING, check
    assert seen["dnssec"] is Severity.WARNING
    assert all(one.advice for one in found if one.severity > Severity.GOOD)


async def test_a_resolver_that_does_not_answer_accuses_nobody(facts: Published) -> None:
    async with dns_zone({"other.test": ["A 192.0.2.1"]}, servfail=["test"]) as server:
        resolver = server.resolver()
        for look in (*domain.LOOKS, *host.LOOKS):
            found = await look(resolver, replace(facts, keys=()))
            assert worst(found) <= Severity.NOTE or found[0].check == "dkim", look


SPF_CASES = [
    ("v=spf1 +all", "warning", "end it"),
    ("v=spf1 ip4:198.51.100.1", "warning", "end it"),
    ("v=spf1 " + " ".join(f"a:h{n}.test" for n in range(11)) + " -all", "failure", "ten are left"),
    ("v=spf1 include:nowhere.test -all", "failure", "publish"),
    ("v=spf1 include:example.test -all", "failure", "publish"),
    ("v=spf1 broken:x -all", "failure", "publish"),
    ("v=spf1 ip4:203.0.113.9 -all", "failure", "publish"),  # but not this machine
]


@pytest.mark.parametrize(("record", "severity", "advice"), SPF_CASES)
async def test_an_spf_record_is_judged(
    facts: Published, record: str, severity: str, advice: str
) -> None:
    async with resolving({DOMAIN: [txt(record)]}) as resolver:
        found = await domain.spf(resolver, replace(facts, addresses=("198.51.100.1",)))
    assert worst(found) is Severity[severity.upper()]
    assert any(advice in one.advice for one in found)


async def test_lookups_of_included_records_count(facts: Published) -> None:
    records = {
        DOMAIN: [txt("v=spf1 include:a.test include:b.test redirect=c.test")],
        "a.test": [txt("v=spf1 a mx ?all")],
        "b.test": [txt("v=spf1 exists:%{i}.x.test include:a.test ~all")],
        "c.test": [txt("v=spf1 ip4:192.0.2.0/24 -all")],
    }
    async with resolving(records) as resolver:
        (found,) = await domain.spf(resolver, facts)
    assert found.severity is Severity.GOOD
    assert "9 lookups" in found.found


@pytest.mark.parametrize(
    ("record", "severity"),
    [
        ("v=DMARC1; p=none; rua=mailto:a@example.test", Severity.WARNING),
        ("v=DMARC1; p=quarantine; t=y; rua=mailto:a@example.test", Severity.WARNING),
        ("v=DMARC1; p=reject", Severity.WARNING),
        ("v=DMARC1; p=maybe", Severity.FAILURE),
        ("v=DMARC1; p=reject; rua=mailto:a@example.test", Severity.GOOD),
    ],
)
async def test_a_dmarc_record_is_judged(facts: Published, record: str, severity: Severity) -> None:
    async with resolving({f"_dmarc.{DOMAIN}": [txt(record)]}) as resolver:
        assert worst(await domain.dmarc(resolver, facts)) is severity


async def test_mail_that_goes_elsewhere_is_a_failure(facts: Published) -> None:
    async with resolving({DOMAIN: ["MX 10 mail.elsewhere.test."]}) as resolver:
        (found,) = await domain.mx(resolver, facts)
    assert (found.severity, found.found) == (Severity.FAILURE, "10 mail.elsewhere.test")


async def test_keys_that_the_zone_does_not_name_are_a_failure(facts: Published) -> None:
    name, now, later = f"_25._tcp.{HOST}", facts.tls_keys[0].hex(), bytes(32)
    both = replace(facts, tls_keys=(*facts.tls_keys, later))
    cases = [
        (["TLSA 3 1 1 " + "ab" * 32], facts, Severity.FAILURE),
        (["TLSA 2 0 1 " + "ab" * 32], facts, Severity.WARNING),  # an issuer's: may well match
        ([f"TLSA 3 1 1 {now}"], facts, Severity.NOTE),  # with no next key at hand
        ([f"TLSA 3 1 1 {now}"], both, Severity.WARNING),
        ([f"TLSA 3 1 1 {now}", f"TLSA 3 1 1 {later.hex()}"], both, Severity.GOOD),
    ]
    for records, asked, severity in cases:
        async with resolving({name: records}, signed=True) as resolver:
            assert worst(await host.dane(resolver, asked)) is severity, records


async def test_reverse_names_must_lead_back(facts: Published) -> None:
    here = replace(facts, addresses=("198.51.100.7",))
    pointer = "7.100.51.198.in-addr.arpa"
    cases = [
        ({}, Severity.FAILURE),
        ({pointer: ["PTR vps7.hoster.test."]}, Severity.WARNING),
        ({pointer: [f"PTR {HOST}."]}, Severity.FAILURE),
        ({pointer: [f"PTR {HOST}."], HOST: ["A 198.51.100.7"]}, Severity.GOOD),
    ]
    for records, severity in cases:
        async with resolving({"x.test": ["A 192.0.2.1"], **records}) as resolver:
            assert worst(await host.reverse_names(resolver, here)) is severity, records


async def test_an_authority_that_caa_leaves_out_is_a_failure(facts: Published) -> None:
    for record, severity in (
        ('CAA 0 issue "other.test"', Severity.FAILURE),
        ('CAA 0 issue "pki.test; x=y"', Severity.GOOD),
    ):
        async with resolving({DOMAIN: [record]}) as resolver:  # above the host's own name
            assert worst(await domain.caa(resolver, facts)) is severity


POLICY = b"version: STSv1\r\nmode: testing\r\nmx: mx.example.test\r\nmax_age: 604800\r\n"


async def serve(text: bytes, domain: str) -> bytes:
    assert domain == DOMAIN
    return text


async def test_a_policy_that_is_not_ours_is_told(facts: Published) -> None:
    served = {
        POLICY: Severity.NOTE,
        POLICY.replace(b"604800", b"86400"): Severity.WARNING,
        POLICY.replace(b"mx.example", b"mx.other"): Severity.FAILURE,
        b"no policy": Severity.FAILURE,
    }
    assert facts.policy == POLICY
    async with resolving({f"_mta-sts.{DOMAIN}": [txt(f"v=STSv1; id={facts.policy_id}")]}) as dns:
        for text, severity in served.items():
            assert worst(await domain.mta_sts(partial(serve, text))(dns, facts)) is severity, text


def test_a_certificate_is_judged_by_dates_and_names(facts: Published) -> None:
    assert facts.certificate is not None
    until = facts.certificate.valid_until
    for now, severity in (
        (until - timedelta(days=60), Severity.GOOD),
        (until - timedelta(days=10), Severity.WARNING),
        (until + timedelta(seconds=1), Severity.FAILURE),
        (facts.certificate.valid_from - timedelta(days=1), Severity.FAILURE),
    ):
        assert worst(tls.certificate(facts, now, [HOST])) is severity
    now = until - timedelta(days=60)
    assert worst(tls.certificate(facts, now, [HOST, "www.other.test"])) is Severity.WARNING
    own = replace(facts.certificate, self_signed=True)
    assert worst(tls.certificate(replace(facts, certificate=own), now, [])) is Severity.FAILURE
    assert worst(tls.certificate(replace(facts, certificate=None), now, [])) is Severity.FAILURE


async def test_a_mail_host_that_offers_no_tls_is_a_failure(facts: Published) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mx ESMTP\r\n")
        await reader.readline()
        writer.write(b"250-mx\r\n250 SIZE 1000\r\n")
        await reader.read()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        found = await asyncio.to_thread(tls.at_the_mx, facts, "127.0.0.1", port)
    assert (worst(found), found[0].check) == (Severity.FAILURE, "starttls")


async def test_what_does_not_speak_smtp_is_a_warning(facts: Published) -> None:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        found = await asyncio.to_thread(tls.at_the_mx, facts, "127.0.0.1", port)
    assert worst(found) is Severity.WARNING
    assert worst(await asyncio.to_thread(tls.at_the_mx, facts, "127.0.0.1", port)) is (
        Severity.WARNING
    )  # nobody is there any more


NOW = datetime(2026, 3, 2, tzinfo=UTC)
GOOD_HEADERS = {
    "strict-transport-security": "max-age=63072000",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}


def test_header_fields_are_judged() -> None:
    assert worst(web.headers(HOST, httpx.Response(200, headers=GOOD_HEADERS))) is Severity.GOOD
    for name, value in (
        ("strict-transport-security", "max-age=300"),
        ("content-security-policy", "script-src 'unsafe-inline'"),
        *((name, "") for name in GOOD_HEADERS),
    ):
        answer = httpx.Response(200, headers=GOOD_HEADERS | {name: value})
        assert worst(web.headers(HOST, answer)) is Severity.WARNING, name


@pytest.mark.parametrize(
    ("status", "text", "severity"),
    [
        (200, "Contact: mailto:a@b.test\nExpires: 2027-01-01T00:00:00Z\n", Severity.GOOD),
        (200, "Contact: mailto:a@b.test\nExpires: 2026-01-01T00:00:00Z\n", Severity.WARNING),
        (200, "Contact: mailto:a@b.test\nExpires: soon\n", Severity.WARNING),
        (200, "<html>", Severity.WARNING),
        (404, "Contact: x", Severity.WARNING),
    ],
)
def test_security_txt_is_judged(status: int, text: str, severity: Severity) -> None:
    assert worst(web.security(HOST, httpx.Response(status, text=text), NOW)) is severity


async def test_files_that_others_may_read_are_a_failure(tmp_path: Path) -> None:
    settings = certified(tmp_path / "m")
    await made(settings)
    settings.keys.audit_file.chmod(0o644)
    settings.tls.private_key.unlink()
    found = {one.subject: one for one in machine(settings) if one.check == "secrets"}
    assert found[str(settings.keys.audit_file)].severity is Severity.FAILURE
    assert found[str(settings.keys.audit_file)].advice.startswith("chmod")
    assert found[str(settings.tls.private_key)].found == "missing"
    assert found[str(settings.keys.master_file)].severity is Severity.GOOD


async def test_a_keystore_beside_the_mail_is_told(tmp_path: Path) -> None:
    settings = certified(tmp_path / "m")
    await made(settings)
    (found,) = (one for one in machine(settings) if one.check == "separation")
    assert found.severity is Severity.WARNING  # one file system: a snapshot holds both


async def test_a_listener_that_is_not_there_is_a_failure(tmp_path: Path) -> None:
    settings = certified(tmp_path / "m", listeners__mx__address="127.0.0.1:1")
    found = [one for one in machine(settings) if one.check == "listener"]
    assert [(one.subject, one.severity) for one in found] == [("mx", Severity.FAILURE)]


def test_nothing_found_is_nothing_bad() -> None:
    assert worst([]) is Severity.GOOD
    assert worst([good("mx", "a", "b")]) is Severity.GOOD


@pytest.fixture
def zegel(tmp_path: Path) -> Zegel:
    ready = prepared(tmp_path / "run")
    ready.done("domain", "add", DOMAIN)
    return ready


def test_the_command_tells_and_fails(zegel: Zegel) -> None:
    said = zegel("doctor", DOMAIN)
    assert said.status == 1
    assert f"FAIL  roles  abuse@{DOMAIN}: nobody answers" in said.out
    assert "failures" in said.out.splitlines()[-1]
    read = json.loads(zegel("doctor", "--json").out)
    assert {"check", "subject", "severity", "found", "wanted", "advice"} == set(read[0])
    assert zegel("doctor", "other.test").status == 1


async def test_a_mail_host_with_old_tls_is_seen(tmp_path: Path) -> None:
    settings = certified(tmp_path / "old")
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        old.minimum_version = ssl.TLSVersion.TLSv1
    old.set_ciphers("ALL:@SECLEVEL=0")
    old.load_cert_chain(settings.tls.certificate, settings.tls.private_key)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mx\r\n")
        await reader.readline()
        writer.write(b"250-mx\r\n250 STARTTLS\r\n")
        await reader.readline()
        writer.write(b"220 go\r\n")
        with suppress(OSError):
            await writer.start_tls(old)
            await reader.read()
        writer.close()

    facts = published(settings, DOMAIN)
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        found = await asyncio.to_thread(tls.at_the_mx, facts, "127.0.0.1", port)
    assert by_check(found)["tls-versions"] is Severity.FAILURE
