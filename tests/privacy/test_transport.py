"""T-TLS-1 and T-TLS-5 (PRIVACY §7): what TLS every listener takes, and what sent mail tells.

T-TLS-2, T-TLS-3 and T-TLS-6 are with `outbound`, and with real servers in `interop`; T-TLS-4 is
with the abuse of submission.
"""

import asyncio
import smtplib
import ssl
import subprocess
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from mailserver.app.house import open_house
from mailserver.operations.first_run import make_certificate
from mailserver.runtime.tls import create_self_signed
from tests.support.house import Serving, add_person, made, serving, settings_in
from tests.support.mail_host import MailHost, hosting
from tests.support.programs import program
from tests.support.waiting import until

SECONDS = 30
ANY = "ALL:eNULL:aNULL:@SECLEVEL=0"
STARTTLS = {"mx": "smtp", "submission": "smtp", "imap": "imap", "managesieve": "sieve"}
DOORS = (*STARTTLS, "submissions", "imaps", "https", "api")
OFFERS = {
    "TLS 1.3": (["-tls1_3"], True),
    "TLS 1.2, GCM": (["-tls1_2", "-cipher", "ECDHE+AESGCM"], True),
    "TLS 1.2, ChaCha20": (["-tls1_2", "-cipher", "ECDHE+CHACHA20"], True),
    "TLS 1.1": (["-tls1_1", "-cipher", ANY], False),
    "TLS 1.0": (["-tls1", "-cipher", ANY], False),
    "CBC": (["-tls1_2", "-cipher", "ECDHE+AES:!AESGCM:!AESCCM:@SECLEVEL=0"], False),
    "a key without forward secrecy": (["-tls1_2", "-cipher", "kRSA:@SECLEVEL=0"], False),
    "finite fields": (["-tls1_2", "-cipher", "DHE:@SECLEVEL=0"], False),
    "nobody's certificate": (["-tls1_2", "-cipher", "aNULL:@SECLEVEL=0"], False),
    "no cipher": (["-tls1_2", "-cipher", "eNULL:@SECLEVEL=0"], False),
    "SHA-1": (["-tls1_2", "-cipher", ANY, "-sigalgs", "RSA+SHA1:ECDSA+SHA1"], False),
    "another curve": (["-tls1_3", "-groups", "P-256"], True),
}


def spoken(port: int, *options: str, starttls: str = "", said: bytes = b"") -> str:
    """Shake hands with a listener as openssl does; return what it says of it."""
    command = [program("openssl"), "s_client", "-connect", f"127.0.0.1:{port}"]
    if starttls:
        command += ["-starttls", starttls]
    ended = subprocess.run(
        [*command, "-servername", "localhost", *options],
        input=said,
        capture_output=True,
        timeout=SECONDS,
        check=False,
    )
    return (ended.stdout + ended.stderr).decode(errors="replace")


def agreed(transcript: str) -> bool:
    return "Cipher is (NONE)" not in transcript and "Cipher is " in transcript


def rsa_pair(certificate: Path, key_file: Path) -> None:
    """Write a pair of RSA: a suite without forward secrecy could be had with no other."""
    key = rsa.generate_private_key(65_537, 2_048)
    old = x509.load_pem_x509_certificate(certificate.read_bytes())
    signed = (
        x509.CertificateBuilder()
        .subject_name(old.subject)
        .issuer_name(old.issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(old.not_valid_before_utc)
        .not_valid_after(old.not_valid_after_utc)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    certificate.write_bytes(signed.public_bytes(pem))
    key_file.write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


@asynccontextmanager
async def every_door(directory: Path) -> AsyncIterator[Serving]:
    doors = {f"listeners__{name}__address": "127.0.0.1:0" for name in DOORS}
    settings = settings_in(directory, **doors, listeners__lmtp__address="off")
    await made(settings)
    make_certificate(settings)
    rsa_pair(settings.tls.certificate, settings.tls.private_key)
    async with serving(settings, seconds=300.0) as server:
        yield server


async def taken(port: int, names: Iterable[str], starttls: str = "") -> dict[str, bool]:
    """Say of each offer whether a listener takes it."""
    found = {}
    for name in names:
        options, _ = OFFERS[name]
        transcript = await asyncio.to_thread(spoken, port, *options, starttls=starttls)
        found[name] = agreed(transcript)
    return found


async def test_t_tls_1_every_listener_takes_what_is_sound_and_nothing_else(tmp_path: Path) -> None:
    async with every_door(tmp_path) as server:
        assert set(DOORS) <= set(server.ports)
        for door in DOORS:  # they have one certificate and one context: each offer once will do
            names = OFFERS if door == "imaps" else ("TLS 1.3", "TLS 1.1", "CBC")
            took = await taken(server.ports[door], names, STARTTLS.get(door, ""))
            assert took == {name: OFFERS[name][1] for name in names}, door


async def test_the_offers_are_such_as_somebody_lax_would_take(tmp_path: Path) -> None:
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    create_self_signed(certificate, key, "localhost")
    rsa_pair(certificate, key)
    lax = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    lax.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    lax.set_ciphers(ANY)
    lax.load_cert_chain(certificate, key)

    async def close(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_server(close, "127.0.0.1", 0, ssl=lax) as server:
        port = server.sockets[0].getsockname()[1]
        assert all((await taken(port, OFFERS.keys() - {"finite fields"})).values())


async def test_t_tls_1_a_connection_stays_what_it_began_as(tmp_path: Path) -> None:
    async with every_door(tmp_path) as server:
        port = server.ports["imaps"]
        old = await asyncio.to_thread(spoken, port, "-tls1_2", said=b"R\n")  # R: renegotiate
        assert "Compression: NONE" in old
        assert "Extended master secret: yes" in old
        assert "no renegotiation" in old
        new = await asyncio.to_thread(spoken, port, "-tls1_3", said=b"a NOOP\r\n")
        assert "Early data was not sent" in new
        assert "Max Early Data: 0" in new or "Max Early Data" not in new


def traces(directory: Path) -> Sequence[bytes]:
    """What a message must not tell: where, with what and to whom in secret it was written."""
    return [
        b"127.0.0.1",
        b"laptop.home.test",
        b"198.51.100.77",
        b"Zeldzaampost",
        b"hidden@else.test",
        b"secret@example.test",
        b"mail.example.test",
        str(directory).encode(),
    ]


async def test_t_tls_5_nothing_tells_where_and_with_what_a_message_was_written(
    tmp_path: Path,
) -> None:
    letter = (
        b"Received: from laptop.home.test ([198.51.100.77]) by relay.home.test; 1 Jan 2026\r\n"
        b"X-Originating-IP: [198.51.100.77]\r\n"
        b"User-Agent: Zeldzaampost 1.0\r\n"
        b"X-Mailer: Zeldzaampost 1.0\r\n"
        b"From: noor@example.test\r\nTo: joe@else.test\r\nSubject: tides\r\n"
        b"Bcc: hidden@else.test,\r\n secret@example.test\r\n\r\nHigh water at noon.\r\n"
    )
    people = ["joe@else.test", "hidden@else.test", "noor@example.test"]

    def submit(server: Serving, secret: str) -> None:
        context = ssl.create_default_context(cafile=server.settings.tls.certificate)
        port = server.ports["submissions"]
        with smtplib.SMTP_SSL(
            "localhost", port, local_hostname="laptop.home.test", context=context
        ) as client:
            client.login("noor@example.test", secret)
            client.sendmail("noor@example.test", people, letter)

    async with hosting(MailHost()) as there:
        settings = settings_in(
            tmp_path,
            hostname="mail.example.test",
            relay__enabled=True,
            relay__routes=[f"else.test 127.0.0.1:{there.port} none"],
            dns__nameservers=["127.0.0.1:9"],
        )
        await made(settings)
        async with open_house(settings) as house:
            secret = await add_person(house, "noor")
        async with serving(settings) as server:
            await asyncio.to_thread(submit, server, secret)
            await until(lambda: bool(there.contents))
    for content in there.contents:
        header = content.partition(b"\r\n\r\n")[0]
        assert [one for one in traces(tmp_path) if one in content] == []
        assert header.count(b"Received:") == 1
        assert b"Received: with ESMTPSA id " in header
        message_id = header.partition(b"Message-ID: <")[2].partition(b">")[0]
        assert message_id.endswith(b"@example.test")
