"""Names of attachments, also inside archives."""

import base64
import io
import zipfile

import pytest

from mailserver.protocol.mime.scan import scan
from mailserver.screening.attachments import MEMBERS, look
from mailserver.screening.opinion import GOOD, Advice, Opinion


def judged(name: str, content: bytes = b"content", *, refuse: bool = True) -> Opinion:
    message = (
        b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\n\r\nHello\r\n--b\r\n'
        b"Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n"
        b"Content-Disposition: attachment; filename*=utf-8''%b\r\n\r\n%b\r\n--b--\r\n"
    ) % ("".join(f"%{octet:02X}" for octet in name.encode()).encode(), base64.b64encode(content))
    return look(scan(message), message, refuse=refuse)


def archive(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in members.items():
            made.writestr(name.replace("__", "."), content)
    return buffer.getvalue()


@pytest.mark.parametrize("name", ["run.exe", "Rechnung.pdf.JS", "a.exe. ", "x.lnk", "ü.Bat"])
def test_a_program_is_refused(name: str) -> None:
    opinion = judged(name)
    assert opinion.advice is Advice.REJECT
    assert "program" in opinion.words()


def test_or_marked_where_the_settings_say_so() -> None:
    assert judged("run.exe", refuse=False).advice is Advice.JUNK


@pytest.mark.parametrize("name", ["letter.pdf", "exe", "notes.txt", "photo.jpeg", ""])
def test_other_names_are_no_matter(name: str) -> None:
    assert judged(name) is GOOD


def test_a_program_in_an_archive_in_an_archive_is_found() -> None:
    inner = archive(run__exe=b"MZ")
    assert judged("a.zip", archive(b__zip=inner)).advice is Advice.REJECT
    assert judged("a.dat", archive(b__zip=inner)).advice is Advice.REJECT  # whatever its name


def test_an_archive_of_letters_is_no_matter() -> None:
    assert judged("a.zip", archive(letter__txt=b"Dear")) is GOOD


def test_an_encrypted_archive_is_told() -> None:
    octets = bytearray(archive(letter__txt=b"Dear"))
    directory = octets.rindex(b"PK\x01\x02")
    octets[directory + 8] |= 1
    opinion = judged("a.zip", bytes(octets))
    assert opinion.advice is Advice.ACCEPT
    assert [reason.name for reason in opinion.reasons] == ["closed-archive"]


@pytest.mark.parametrize(
    "octets", [b"PK\x03\x04", b"PK\x05\x06" + bytes(18), b"PK\x03\x04" + b"\xff" * 500]
)
def test_a_broken_archive_does_no_harm(octets: bytes) -> None:
    assert judged("a.zip", octets).advice is Advice.ACCEPT


def test_an_archive_with_too_many_members_is_not_listed() -> None:
    octets = archive(**{f"n{number}__exe": b"" for number in range(MEMBERS + 1)})
    assert [reason.name for reason in judged("a.zip", octets).reasons] == ["closed-archive"]
