"""TLS with mail hosts: what each policy takes and refuses (PRIVACY §7, T-TLS-1 to T-TLS-3)."""

import asyncio
import hashlib
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from mailserver.mailauth.dane import Keys
from mailserver.outbound.client import Connection
from mailserver.outbound.dial import Dialer
from mailserver.outbound.security import Host, Level, Security
from mailserver.outbound.tls_results import Applied, Observation, PolicyType
from mailserver.outbound.wire import Gone
from mailserver.runtime.clock import SystemClock
from mailserver.runtime.resolver import Tlsa
from mailserver.runtime.tls_client import ClientTls, covers
from tests.mailserver.mailauth.test_dane import der, spki
from tests.mailserver.outbound.test_client import PATIENCE, package
from tests.support.mail_host import MailHost, hosting, tls_with

NAME = "mx.there.test"
STS = Applied(PolicyType.STS, ("version: STSv1",), (NAME,))
DANE = Applied(PolicyType.TLSA, ("3 1 1 …",))
LEVELS = [Level.OPPORTUNISTIC, Level.ENCRYPTED, Level.VERIFIED, Level.DANE]


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def good(authority: trustme.CA) -> trustme.LeafCert:
    return authority.issue_cert(NAME)


@pytest.fixture(scope="module")
def contexts(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> ClientTls:
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return ClientTls.load(path)


def keys_of(certificate: trustme.LeafCert) -> Keys:
    digest = hashlib.sha256(spki(der(certificate))).digest()
    return Keys((Tlsa(3, 1, 1, digest),), (NAME,), NAME)


@dataclass
class Office:
    """Dials, and keeps what was observed."""

    contexts: ClientTls
    seen: list[Observation] = field(default_factory=list)

    @asynccontextmanager
    async def dialled(self, there: MailHost, security: Security) -> AsyncIterator[Connection]:
        async with hosting(there):
            dialer = Dialer(
                "mail.here.test",
                self.contexts,
                clock=SystemClock(),
                observe=self.seen.append,
                patience=replace(PATIENCE, handshake=timedelta(seconds=2)),
            )
            host = Host(NAME, ("127.0.0.1",), there.port, security)
            connection = await dialer.dial("there.test", host)
            yield connection
            await connection.close()

    async def sends(self, there: MailHost, security: Security) -> bool:
        """Send a message; say whether it went in TLS."""
        async with self.dialled(there, security) as connection:
            await connection.send(package())
        (encrypted,) = there.encrypted
        return encrypted

    async def refuses(self, there: MailHost, security: Security) -> Gone:
        """Try to; nothing may be said of the message."""
        with pytest.raises(Gone) as gone:
            await self.sends(there, security)
        assert gone.value.insecure
        assert gone.value.said.status == "4.7.5"  # mail waits
        assert not any(line.startswith(("MAIL", "RCPT")) for line in there.commands)
        assert there.contents == []
        return gone.value

    @property
    def results(self) -> list[str]:
        return [each.result for each in self.seen]


@pytest.fixture
def office(contexts: ClientTls) -> Office:
    return Office(contexts)


def security(level: Level, certificate: trustme.LeafCert) -> Security:
    match level:
        case Level.DANE:
            return Security(level, keys=keys_of(certificate), applied=DANE)
        case Level.VERIFIED:
            return Security(level, applied=STS)
        case _:
            return Security(level)


@pytest.mark.parametrize("level", LEVELS)
async def test_t_tls_1_a_sound_host_is_given_mail_in_tls_under_every_policy(
    office: Office, good: trustme.LeafCert, level: Level
) -> None:
    names: list[str | None] = []
    there = MailHost(tls=tls_with(good, seen=names))
    assert await office.sends(there, security(level, good))
    assert office.results == [""]
    assert office.seen[0].success
    assert names == [NAME]  # SNI: RFC 7672 §8.1, RFC 8461 §4
    assert [line for line in there.commands if line.startswith("EHLO")] == [
        "EHLO mail.here.test",
        "EHLO mail.here.test",  # RFC 3207 §4.2: what was said before TLS is forgotten
    ]


@pytest.mark.parametrize(
    ("version", "ciphers", "allowed"),
    [
        (ssl.TLSVersion.TLSv1_3, None, True),
        (ssl.TLSVersion.TLSv1_2, "ECDHE+AESGCM", True),
        (ssl.TLSVersion.TLSv1_2, "ECDHE+CHACHA20", True),
        (ssl.TLSVersion.TLSv1_1, "ALL:@SECLEVEL=0", False),
        (ssl.TLSVersion.TLSv1, "ALL:@SECLEVEL=0", False),
    ],
)
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
async def test_t_tls_1_versions_before_1_2_are_no_tls(
    office: Office,
    good: trustme.LeafCert,
    version: ssl.TLSVersion,
    ciphers: str | None,
    *,
    allowed: bool,
) -> None:
    context = tls_with(good)
    if ciphers:
        context.set_ciphers(ciphers)
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.maximum_version = version
    there = MailHost(tls=context)
    if allowed:
        async with office.dialled(there, Security(Level.VERIFIED)) as connection:
            shown = connection.wire.tls
            assert shown is not None
            assert shown.version() == version.name.replace("_", ".")
        return
    await office.refuses(there, Security(Level.VERIFIED))
    # Who asks for nothing gets the mail all the same, as RFC 7435 has it.
    assert not await office.sends(MailHost(tls=context), Security())


@pytest.mark.parametrize("level", LEVELS[1:])
async def test_t_tls_2_without_starttls_a_policy_that_asks_for_it_keeps_the_mail(
    office: Office, good: trustme.LeafCert, level: Level
) -> None:
    there = MailHost()  # the offer was stripped on the way
    await office.refuses(there, security(level, good))
    assert office.results == ["starttls-not-supported"]


@pytest.mark.parametrize("level", LEVELS[1:])
@pytest.mark.parametrize("says", ["454 4.7.0 not now", "500 what", "250 no"])
async def test_t_tls_2_starttls_refused_is_starttls_stripped(
    office: Office, good: trustme.LeafCert, level: Level, says: str
) -> None:
    there = MailHost(tls=tls_with(good), says={"STARTTLS": says})
    await office.refuses(there, security(level, good))


@pytest.mark.parametrize("level", LEVELS)
async def test_t_tls_2_words_in_front_of_the_handshake_are_never_obeyed(
    office: Office, good: trustme.LeafCert, level: Level
) -> None:
    injected = b"250 mx.there.test\r\n250 2.1.0 ok\r\n"
    there = MailHost(tls=tls_with(good), said_before_tls=injected)
    with pytest.raises(Gone):
        async with office.dialled(there, security(level, good)):
            pass
    assert there.contents == []


async def test_who_asks_for_nothing_gets_plaintext_on_the_same_connection(office: Office) -> None:
    there = MailHost()
    assert not await office.sends(there, Security())
    assert there.connections == 1
    assert office.results == ["starttls-not-supported"]


async def test_t_tls_3_a_key_that_the_zone_does_not_name_keeps_the_mail(
    office: Office, authority: trustme.CA, good: trustme.LeafCert
) -> None:
    there = MailHost(tls=tls_with(authority.issue_cert(NAME)))
    await office.refuses(there, security(Level.DANE, good))
    assert office.results == ["validation-failure"]


async def test_t_tls_3_the_zones_own_key_counts_whoever_signed_it_and_when(office: Office) -> None:
    expired = trustme.CA().issue_cert(
        "elsewhere.test", not_after=datetime.now(UTC) - timedelta(days=1)
    )
    there = MailHost(tls=tls_with(expired))
    assert await office.sends(there, security(Level.DANE, expired))


async def test_t_tls_3_bad_certificates_keep_the_mail_and_are_told_apart(
    office: Office, authority: trustme.CA
) -> None:
    yesterday = datetime.now(UTC) - timedelta(days=1)
    bad = {
        "certificate-expired": authority.issue_cert(NAME, not_after=yesterday),
        "certificate-host-mismatch": authority.issue_cert("mx.other.test"),
        "certificate-not-trusted": trustme.CA().issue_cert(NAME),
    }
    for certificate in bad.values():
        await office.refuses(MailHost(tls=tls_with(certificate)), Security(Level.VERIFIED))
    assert office.results == list(bad)
    for certificate in bad.values():  # RFC 7672 §2.2: none of these matter there
        assert await office.sends(MailHost(tls=tls_with(certificate)), Security(Level.ENCRYPTED))
        assert await office.sends(MailHost(tls=tls_with(certificate)), Security())


@pytest.mark.parametrize(
    ("certified", "wanted", "fits"),
    [
        ("mail.partner.test", "mail.partner.test", True),
        ("mail.partner.test", ".partner.test", True),
        ("a.b.partner.test", ".partner.test", True),
        ("*.partner.test", "mail.partner.test", True),
        ("*.partner.test", "a.mail.partner.test", False),
        ("*.partner.test", ".partner.test", True),
        ("evilpartner.test", ".partner.test", False),
        ("partner.test", ".partner.test", False),
        ("mx.there.test", "mail.partner.test", False),
    ],
)
async def test_t_tls_3_the_operators_names_decide_where_he_gave_some(
    office: Office, authority: trustme.CA, certified: str, wanted: str, *, fits: bool
) -> None:
    assert covers(certified, wanted) == fits
    there = MailHost(tls=tls_with(authority.issue_cert(certified)))
    wants = Security(Level.VERIFIED, names=("other.test", wanted))
    if fits:
        assert await office.sends(there, wants)
    else:
        await office.refuses(there, wants)
        assert office.results == ["certificate-host-mismatch"]


async def test_t_tls_3_the_operators_names_do_without_no_authority(office: Office) -> None:
    there = MailHost(tls=tls_with(trustme.CA().issue_cert("mail.partner.test")))
    wants = Security(Level.VERIFIED, names=("mail.partner.test",))
    await office.refuses(there, wants)
    assert office.results == ["certificate-not-trusted"]


async def test_a_policy_in_testing_reports_and_lets_the_mail_go(
    office: Office, authority: trustme.CA
) -> None:
    trial = Security(Level.VERIFIED, is_trial=True, applied=STS)
    wrong = MailHost(tls=tls_with(authority.issue_cert("mx.other.test")))
    assert await office.sends(wrong, trial)  # with TLS, if not with the one that was asked for
    assert office.results == ["certificate-host-mismatch"]
    assert not await office.sends(MailHost(), trial)
    assert office.results[1:] == ["starttls-not-supported"]
    assert {each.policy for each in office.seen} == {STS}


async def test_a_policy_in_testing_goes_no_lower_than_the_floor(
    office: Office, authority: trustme.CA
) -> None:
    trial = Security(Level.VERIFIED, is_trial=True, applied=STS, least=Level.ENCRYPTED)
    wrong = MailHost(tls=tls_with(authority.issue_cert("mx.other.test")))
    assert await office.sends(wrong, trial)
    bare = MailHost()
    with pytest.raises(Gone) as gone:
        await office.sends(bare, trial)
    assert gone.value.insecure
    assert bare.contents == []


async def test_a_handshake_that_fails_is_no_end_where_nobody_asked_for_tls(
    office: Office, good: trustme.LeafCert
) -> None:
    context = tls_with(good)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("PSK")  # there is none that we share
    there = MailHost(tls=context)
    assert not await office.sends(there, Security())
    assert there.connections == 2
    assert office.results == ["validation-failure"]


async def test_each_address_is_tried_in_turn(office: Office, good: trustme.LeafCert) -> None:
    there = MailHost(tls=tls_with(good))
    async with hosting(there, "127.0.0.3"):
        dialer = Dialer("mail.here.test", office.contexts, clock=SystemClock(), patience=PATIENCE)
        addresses = ("::1", "127.0.0.2", "127.0.0.3")
        host = Host(NAME, addresses, there.port, Security(Level.VERIFIED))
        connection = await dialer.dial("there.test", host)
        await connection.close()
        nobody = replace(host, addresses=("127.0.0.2",))
        with pytest.raises(Gone) as gone:
            await dialer.dial("there.test", nobody)
        assert gone.value.said.status == "4.4.1"
        assert not gone.value.insecure


async def test_we_dial_from_the_address_we_are_told(office: Office) -> None:
    there = MailHost()
    async with hosting(there):
        dialer = Dialer(
            "mail.here.test",
            office.contexts,
            clock=SystemClock(),
            sources=["127.0.0.9", "::1"],
            patience=PATIENCE,
        )
        host = Host(NAME, ("127.0.0.1",), there.port, Security())
        connection = await dialer.dial("there.test", host)
        (writer,) = there.talks.values()
        assert writer.get_extra_info("peername")[0] == "127.0.0.9"
        await connection.close()


async def test_a_host_that_is_ourselves_is_a_loop(office: Office) -> None:
    there = MailHost(name="Mail.Here.Test")
    with pytest.raises(Gone) as gone:
        async with office.dialled(there, Security()):
            pass
    assert gone.value.said.status == "5.4.6"


async def test_tls_from_the_first_octet(
    office: Office, authority: trustme.CA, tmp_path: Path
) -> None:
    there = MailHost()
    context = tls_with(authority.issue_cert(NAME))
    server = await asyncio.start_server(there.talk, "127.0.0.1", 0, ssl=context)
    there.port = server.sockets[0].getsockname()[1]
    dialer = Dialer("mail.here.test", office.contexts, clock=SystemClock(), patience=PATIENCE)
    host = Host(NAME, ("127.0.0.1",), there.port, Security(Level.VERIFIED), implicit_tls=True)
    connection = await dialer.dial("there.test", host)
    assert connection.wire.tls is not None
    await connection.close()
    server.close()
    await asyncio.gather(*there.talks, return_exceptions=True)
