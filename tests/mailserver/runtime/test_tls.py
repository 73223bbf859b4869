import asyncio
import os
import ssl
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from cryptography import x509

from mailserver.model.errors import Misconfigured
from mailserver.runtime.tls import ServerTls, create_self_signed, server_context


def pair(directory: Path, name: str = "a", hostname: str = "mail.example.org") -> tuple[Path, Path]:
    files = directory / f"{name}.pem", directory / f"{name}.key"
    create_self_signed(*files, hostname)
    return files


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(await reader.read(100))
    await writer.drain()
    writer.close()


@asynccontextmanager
async def listening(context: ssl.SSLContext) -> AsyncIterator[int]:
    server = await asyncio.start_server(echo, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def talk(port: int, context: ssl.SSLContext, name: str | None = "localhost") -> ssl.SSLObject:
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", port, ssl=context, server_hostname=name
    )
    writer.write(b"hello")
    assert await reader.read(100) == b"hello"
    session: ssl.SSLObject = writer.get_extra_info("ssl_object")
    writer.close()
    return session


def client(certificate: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=certificate)
    context.verify_flags |= ssl.VERIFY_X509_STRICT  # Python 3.13 checks so by itself
    return context


async def test_self_signed_pair_serves_a_client_that_trusts_it(tmp_path: Path) -> None:
    files = pair(tmp_path)
    async with listening(server_context(*files)) as port:
        for name in ("localhost", "mail.example.org", "127.0.0.1"):
            session = await talk(port, client(files[0]), name)
            assert session.version() == "TLSv1.3"
            assert session.compression() is None


def test_key_file_is_for_its_owner_alone_and_is_never_replaced(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        certificate, key = pair(tmp_path)
    finally:
        os.umask(old)
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    with pytest.raises(Misconfigured, match="exists"):
        create_self_signed(certificate, key, "mail.example.org")


async def test_older_protocols_and_weak_ciphers_are_refused(tmp_path: Path) -> None:
    files = pair(tmp_path)
    async with listening(server_context(*files)) as port:
        old = client(files[0])
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        session = await talk(port, old)
        assert session.version() == "TLSv1.2"
        cipher = session.cipher()
        assert cipher is not None
        assert "ECDHE" in cipher[0]
        assert "GCM" in cipher[0] or "CHACHA20" in cipher[0]
        old.set_ciphers("ECDHE+AES128:!AESGCM:!AESCCM")  # CBC
        with pytest.raises(OSError):  # noqa: PT011 - an SSLError or a reset, as the timing falls
            await talk(port, old)


async def test_reload_changes_the_certificate_of_new_connections(tmp_path: Path) -> None:
    first, second = pair(tmp_path, "a"), pair(tmp_path, "b")
    live = tmp_path / "live.pem", tmp_path / "live.key"
    for source, target in zip(first, live, strict=True):
        target.write_bytes(source.read_bytes())
    tls = ServerTls(*live)
    async with listening(tls.context) as port:
        await talk(port, client(first[0]))
        assert tls.reload_if_changed() is False
        for source, target in zip(second, live, strict=True):
            target.write_bytes(source.read_bytes())
        assert tls.reload_if_changed() is True
        await talk(port, client(second[0]))
        with pytest.raises(ssl.SSLCertVerificationError):
            await talk(port, client(first[0]))
        anonymous = client(second[0])
        anonymous.check_hostname = False
        await talk(port, anonymous, "")  # without SNI the newest is served too


async def test_half_done_renewal_leaves_the_old_pair_in_use(tmp_path: Path) -> None:
    files, other = pair(tmp_path, "a"), pair(tmp_path, "b")
    trusted = tmp_path / "trusted.pem"
    trusted.write_bytes(files[0].read_bytes())
    tls = ServerTls(*files)
    files[1].write_bytes(other[1].read_bytes())
    async with listening(tls.context) as port:
        with pytest.raises(Misconfigured, match="not a certificate and its key"):
            tls.reload_if_changed()
        await talk(port, client(trusted))
        with pytest.raises(Misconfigured):
            tls.reload_if_changed()  # it stays pending until the files agree


def test_missing_file_is_named(tmp_path: Path) -> None:
    certificate, key = pair(tmp_path)
    with pytest.raises(Misconfigured, match=r"none\.key"):
        server_context(certificate, tmp_path / "none.key")
    with pytest.raises(Misconfigured, match=r"none\.pem"):
        server_context(tmp_path / "none.pem", key)


def test_certificate_covers_localhost_and_the_host(tmp_path: Path) -> None:
    certificate, _ = pair(tmp_path, hostname="büro.example.org")
    found = x509.load_pem_x509_certificate(certificate.read_bytes())
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost", "xn--bro-hoa.example.org"]
    assert len(names.get_values_for_type(x509.IPAddress)) == 2
