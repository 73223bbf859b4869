"""DANE for SMTP: what counts as proven, which records can be used, what matches (RFC 7672)."""

import hashlib
import ssl
from datetime import UTC, datetime, timedelta

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from mailserver.crypto.certificates import association
from mailserver.mailauth.dane import Keys, is_usable, keys_of, matches
from mailserver.model.errors import Corrupt
from mailserver.runtime.resolver import DnsTransient, Tlsa
from tests.support.dns import dns_zone

NOW = datetime.now(UTC)
HASH = "ab" * 32


def der(certificate: trustme.LeafCert | trustme.CA) -> bytes:
    pem = (
        certificate.cert_pem
        if isinstance(certificate, trustme.CA)
        else certificate.cert_chain_pems[0]
    )
    return ssl.PEM_cert_to_DER_cert(pem.bytes().decode())


def spki(certificate: bytes) -> bytes:
    public = x509.load_der_x509_certificate(certificate).public_key()
    return public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def shown(authority: trustme.CA) -> bytes:
    return der(authority.issue_cert("mx.there.test"))


def keys(*records: Tlsa, names: tuple[str, ...] = ("mx.there.test", "there.test")) -> Keys:
    return Keys(records, names, "mx.there.test")


@pytest.mark.parametrize("selector", [0, 1])
@pytest.mark.parametrize("matching", [0, 1, 2])
def test_the_servers_own_key_matches_in_every_form(
    shown: bytes, selector: int, matching: int
) -> None:
    whole = spki(shown) if selector else shown
    hashed = {0: whole, 1: hashlib.sha256(whole).digest(), 2: hashlib.sha512(whole).digest()}
    record = Tlsa(3, selector, matching, hashed[matching])
    assert is_usable(record)
    assert matches(keys(record), [shown], now=NOW)
    other = Tlsa(3, selector, matching, bytes(len(hashed[matching])))
    assert not matches(keys(other), [shown], now=NOW)
    assert matches(keys(other, record), [shown], now=NOW)  # one is enough, as in a key roll


def test_dates_and_names_say_nothing_for_the_servers_own_key(authority: trustme.CA) -> None:
    old = der(authority.issue_cert("elsewhere.test", not_after=NOW - timedelta(days=1)))
    record = Tlsa(3, 1, 1, hashlib.sha256(spki(old)).digest())
    assert matches(keys(record), [old], now=NOW)  # RFC 7672 §3.1.1


def test_nothing_shown_matches_nothing(shown: bytes) -> None:
    record = Tlsa(3, 1, 1, hashlib.sha256(spki(shown)).digest())
    assert not matches(keys(record), [], now=NOW)
    assert not matches(keys(record), [b"no certificate"], now=NOW)


def test_an_issuers_key_matches_a_chain_to_it_for_our_name_only(authority: trustme.CA) -> None:
    between = authority.create_child_ca()
    chain = [der(between.issue_cert("mx.there.test")), der(between), der(authority)]
    top = Tlsa(2, 0, 1, hashlib.sha256(chain[2]).digest())
    middle = Tlsa(2, 1, 1, hashlib.sha256(spki(chain[1])).digest())
    for record in (top, middle):
        assert matches(keys(record), chain, now=NOW)
        assert not matches(keys(record, names=("mx.other.test",)), chain, now=NOW)
    assert not matches(keys(top), chain[:2], now=NOW)  # it was not shown
    assert not matches(keys(top), chain, now=datetime(3001, 1, 1, tzinfo=UTC))
    other = trustme.CA()
    forged = [chain[0], der(other)]
    record = Tlsa(2, 0, 1, hashlib.sha256(forged[1]).digest())
    assert not matches(keys(record), forged, now=NOW)


@pytest.mark.parametrize(
    "record",
    [
        Tlsa(0, 1, 1, bytes(32)),  # PKIX-TA and PKIX-EE: RFC 7672 §3.1.3
        Tlsa(1, 1, 1, bytes(32)),
        Tlsa(4, 1, 1, bytes(32)),
        Tlsa(3, 2, 1, bytes(32)),
        Tlsa(3, 1, 3, bytes(32)),
        Tlsa(3, 1, 1, bytes(31)),
        Tlsa(3, 1, 2, bytes(32)),
        Tlsa(3, 0, 0, b""),
    ],
)
def test_records_that_cannot_be_used(record: Tlsa) -> None:
    assert not is_usable(record, chain_known=True)


def test_an_issuers_key_needs_the_chain() -> None:
    record = Tlsa(2, 1, 1, bytes(32))
    assert is_usable(record, chain_known=True)
    assert not is_usable(record, chain_known=False)


def test_unknown_forms_have_no_octets() -> None:
    certificate = der(trustme.CA())
    assert association(certificate, selector=7, matching=1) is None
    assert association(certificate, selector=0, matching=9) is None
    with pytest.raises(Corrupt):
        association(b"nonsense", selector=1, matching=0)


@pytest.mark.long
async def test_keys_are_those_that_dnssec_proves() -> None:
    records = {
        "there.test": ["MX 10 mx.there.test."],
        "mx.there.test": ["A 127.0.0.2"],
        "_25._tcp.mx.there.test": [f"TLSA 3 1 1 {HASH}", f"TLSA 1 1 1 {HASH}"],
        "useless.test": ["A 127.0.0.2"],
        "_25._tcp.useless.test": [f"TLSA 0 0 1 {HASH}"],
        "bare.test": ["A 127.0.0.2"],
        "alias.test": ["CNAME mx.there.test."],
        "alone.test": ["CNAME bare.test."],
        "_25._tcp.alone.test": [f"TLSA 3 0 1 {HASH}"],
        "mx.plain.test": ["A 127.0.0.2"],
        "_25._tcp.mx.plain.test": [f"TLSA 3 1 1 {HASH}"],
        "outward.test": ["CNAME mx.plain.test."],
        "_25._tcp.outward.test": [f"TLSA 3 1 1 {HASH}"],
        "mx.torn.test": ["A 127.0.0.2"],
        "_25._tcp.mx.torn.test": [f"TLSA 3 1 1 {HASH}"],
        "quiet.test": ["A 127.0.0.2"],
        "_25._tcp.quiet.test": [f"TLSA 3 1 1 {HASH}"],
    }
    torn = ["torn.test", "_tcp.quiet.test"]
    async with dns_zone(records, signed=True, unsigned=["plain.test"], bogus=torn) as dns:
        resolver = dns.resolver()

        async def asked(host: str) -> Keys:
            return await keys_of(resolver, host, 25, domain="there.test")

        found = await asked("mx.there.test")
        assert [record.usage for record in found.records] == [3]
        assert found.base == "mx.there.test"
        assert found.names == ("mx.there.test", "there.test")
        useless = await asked("useless.test")
        assert useless.base == "useless.test"
        assert useless.records == ()
        assert await asked("bare.test") == Keys()
        assert (await asked("alias.test")).base == "mx.there.test"  # RFC 7672 §2.2.3
        assert (await asked("alone.test")).base == "alone.test"
        assert await asked("mx.plain.test") == Keys()  # not proven, so not there
        assert (await asked("outward.test")).base == "outward.test"
        with pytest.raises(DnsTransient):
            await asked("mx.torn.test")
        with pytest.raises(DnsTransient):
            await asked("quiet.test")


async def test_a_resolver_that_is_not_ours_proves_nothing() -> None:
    records = {
        "mx.there.test": ["A 127.0.0.2"],
        "_25._tcp.mx.there.test": [f"TLSA 3 1 1 {HASH}"],
    }
    async with dns_zone(records) as dns:
        assert await keys_of(dns.resolver(), "mx.there.test", 25, domain="there.test") == Keys()
        resolver = dns.resolver()
        resolver.trusted = False
        assert await keys_of(resolver, "mx.there.test", 25, domain="there.test") == Keys()
