"""What a mail with a report holds: found, unpacked, and never more than the bounds."""

import gzip
import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailserver.model.errors import Condition, PeerFault
from mailserver.protocol.reports import unpack
from mailserver.protocol.reports.unpack import attachments, unpacked
from tests.support.reports import OLD_STYLE, TLS_STYLE, gzipped_mail, mail_with, zipped


@pytest.mark.parametrize(
    ("octets", "kind", "name"),
    [
        (gzip.compress(OLD_STYLE), "application/gzip", "r.xml.gz"),
        (gzip.compress(OLD_STYLE), "application/octet-stream", "r"),
        (zipped(OLD_STYLE), "application/zip", "r.zip"),
        (zipped(OLD_STYLE), "application/gzip", "called-wrongly.gz"),
        (OLD_STYLE, "text/xml", "r.xml"),
        (b"\xef\xbb\xbf" + OLD_STYLE, "application/xml", "r.xml"),
    ],
)
def test_reports_are_found_whatever_they_are_called(octets: bytes, kind: str, name: str) -> None:
    (found,) = attachments(mail_with(octets, kind, name))
    assert found.removeprefix(b"\xef\xbb\xbf") == OLD_STYLE


def test_a_tls_report_is_found_by_its_media_type() -> None:
    mail = mail_with(gzip.compress(TLS_STYLE), "application/tlsrpt+gzip", "r")
    assert list(attachments(mail)) == [TLS_STYLE]


def test_letters_and_pictures_are_no_reports() -> None:
    assert list(attachments(mail_with(b"\x89PNG", "image/png", "logo.png"))) == []


@pytest.mark.parametrize(
    "octets", [b"\x1f\x8bbroken", gzip.compress(OLD_STYLE)[:-9], b"PK\x03\x04x"]
)
def test_what_is_broken_holds_nothing(octets: bytes) -> None:
    assert list(unpacked(octets)) == []


def refused(octets: bytes) -> None:
    with pytest.raises(PeerFault) as told:
        list(unpacked(octets))
    assert told.value.condition is Condition.TOO_LARGE


def test_a_gzip_file_that_unpacks_without_end_is_refused() -> None:
    bomb = gzip.compress(b"<" + bytes(unpack.REPORT_OCTETS * 2))
    assert len(bomb) < 200_000
    refused(bomb)


def test_a_zip_file_that_unpacks_without_end_is_refused() -> None:
    refused(zipped(bytes(unpack.REPORT_OCTETS + 1)))


def test_many_members_that_together_are_too_much_are_refused() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(4):
            archive.writestr(f"{number}.xml", bytes(unpack.REPORT_OCTETS // 3))
    refused(file.getvalue())


def test_an_archive_of_countless_files_is_refused_unopened() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for number in range(1_000):
            archive.writestr(str(number), b"")
    refused(file.getvalue())


def test_a_large_attachment_is_refused_packed() -> None:
    refused(b"<" * (unpack.PACKED_OCTETS + 1))
    with pytest.raises(PeerFault):
        list(attachments(mail_with(b"<" * (unpack.PACKED_OCTETS * 2), "text/xml", "r.xml")))


def test_only_some_attachments_are_tried() -> None:
    boundary = b"--b\r\nContent-Type: text/xml\r\n\r\n<a/>\r\n"
    head = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
    assert len(list(attachments(head + boundary * 50 + b"--b--\r\n"))) == unpack.PARTS_TRIED


def test_directories_and_locked_files_of_an_archive_are_passed_over() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.mkdir("reports")
        archive.writestr("reports/r.xml", OLD_STYLE)
    whole = bytearray(file.getvalue())
    assert list(unpacked(bytes(whole))) == [OLD_STYLE]
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        whole[whole.rindex(mark) + at] |= 1  # says that it is encrypted
    assert list(unpacked(bytes(whole))) == []


@given(st.binary(max_size=200))
def test_no_octets_upset_the_unpacking(octets: bytes) -> None:
    mails = (octets, gzipped_mail()[:700] + octets)
    for mail in mails:
        list(attachments(mail))
    for packed in (b"PK\x03\x04" + octets, zipped(OLD_STYLE)[:-30] + octets, b"\x1f\x8b" + octets):
        list(unpacked(packed))
