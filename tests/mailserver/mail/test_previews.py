"""Pages of attachments: pictures, PDFs and texts; what is hostile comes to nothing, and soon."""

import io
import struct
import time
import zipfile
import zlib

import pypdfium2 as pdfium  # type: ignore[import-untyped]  # it says no types
import pytest
from PIL import Image

from mailserver.mail.preview_question import HEIGHT, WIDTH, Kind, No
from mailserver.mail.preview_texts import CHARACTERS
from mailserver.mail.previews import NoPreview, Page, Previews, kind_of
from mailserver.model.sealed import Plaintext
from mailserver.runtime.settings_reading import Reading
from mailserver.runtime.settings_values import MIB

READING = Reading(preview_octets=8 * MIB, preview_seconds=10)
HEAD = b"\x89PNG\r\n\x1a\n"


async def page(
    file: bytes, number: int = 1, *, type: str = "", charset: str = "", reading: Reading = READING
) -> Page:
    return await Previews(reading).page(Plaintext(file), number, type=type, charset=charset)


async def why_not(file: bytes, number: int = 1, *, type: str = "") -> No:
    began = time.monotonic()
    with pytest.raises(NoPreview) as none:
        await page(file, number, type=type)
    assert time.monotonic() - began < 25
    return none.value.no


def drawn(shown: Page) -> Image.Image:
    return Image.open(io.BytesIO(shown.octets.reveal()), formats=("PNG",))


def saved(image: Image.Image, format: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


def pdf(*sizes: tuple[float, float]) -> bytes:
    """Make a PDF of empty pages."""
    made = pdfium.PdfDocument.new()
    for width, height in sizes:
        made.new_page(width, height)
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def pdf_of(*objects: bytes, trailer: bytes = b"") -> bytes:
    """Write a PDF by hand, its objects numbered from 1; the first is the catalogue."""
    out, places = bytearray(b"%PDF-1.7\n"), []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer\n<</Size %d/Root 1 0 R%b>>\n" % (len(objects) + 1, trailer)
    return bytes(out + b"startxref\n%d\n%%%%EOF\n" % start)


CATALOGUE = b"<</Type/Catalog/Pages 2 0 R>>"
ONE_PAGE = b"<</Type/Pages/Kids[3 0 R]/Count 1>>"
LEAF = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 100]/Contents 4 0 R/Resources<<%b>>>>"


def stream(content: bytes, more: bytes = b"") -> bytes:
    return b"<</Length %d%b>>\nstream\n%b\nendstream" % (len(content), more, content)


@pytest.mark.parametrize("format", ["PNG", "JPEG", "GIF", "WEBP", "AVIF"])
async def test_a_picture_is_shown_as_one_that_we_wrote(format: str) -> None:
    shown = await page(saved(Image.new("RGB", (3_000, 1_000), "red"), format))
    assert (shown.kind, shown.number, shown.pages) == (Kind.PICTURE, 1, 1)
    image = drawn(shown)
    assert image.width == WIDTH
    assert abs(image.height - WIDTH // 3) <= 1
    assert image.convert("RGB").getpixel((5, 5))[0] > 200  # type: ignore[index]  # a tuple, of RGB


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
async def test_a_png_of_any_kind_is_shown(mode: str) -> None:
    assert drawn(await page(saved(Image.new(mode, (9, 7)), "PNG"))).size == (9, 7)


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
async def test_a_jpeg_of_any_kind_is_shown(mode: str) -> None:
    assert drawn(await page(saved(Image.new(mode, (9, 7)), "JPEG"))).size == (9, 7)


async def test_of_a_pair_of_jpegs_the_first_is_shown() -> None:
    pair = saved(
        Image.new("RGB", (9, 7)), "MPO", save_all=True, append_images=[Image.new("RGB", (9, 7))]
    )
    assert drawn(await page(pair)).size == (9, 7)


async def test_a_picture_is_upright_and_tells_nothing_of_where_it_was_taken() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned
    exif[0x010E] = "at home"
    shown = await page(saved(Image.new("RGB", (40, 20)), "JPEG", exif=exif))
    assert drawn(shown).size == (20, 40)
    assert b"at home" not in shown.octets.reveal()


async def test_of_a_moving_picture_the_first_frame_is_shown() -> None:
    frames = [Image.new("RGB", (10, 10), colour) for colour in ("red", "blue")]
    moving = saved(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert drawn(await page(moving)).convert("RGB").getpixel((5, 5)) == (255, 0, 0)
    assert await why_not(moving, 2) is No.NO_SUCH_PAGE


async def test_pages_of_a_pdf_are_pictures() -> None:
    document = pdf((595, 842), (842, 595), (72, 72))
    sizes = []
    for number in (1, 2, 3):
        shown = await page(document, number, type="text/html")
        assert (shown.kind, shown.number, shown.pages) == (Kind.DOCUMENT, number, 3)
        sizes.append(drawn(shown).size)
    assert sizes[0][0] < sizes[0][1] <= HEIGHT
    assert sizes[1][0] > sizes[1][1]
    assert sizes[2] == (216, 216)
    assert await why_not(document, 4) is No.NO_SUCH_PAGE


async def test_a_pdf_that_is_wide_or_narrow_beyond_reason_is_bounded() -> None:
    for size in ((14_400.0, 20.0), (20.0, 14_400.0), (14_400.0, 14_400.0)):
        image = drawn(await page(pdf(size)))
        assert image.width <= WIDTH + 1
        assert image.height <= HEIGHT + 1


async def test_texts_are_shown_in_any_charset_and_by_pages() -> None:
    shown = await page("Grüße\r\nan alle".encode("latin-1"), type="text/plain")
    assert (shown.kind, shown.pages) == (Kind.TEXT, 1)
    assert shown.octets.reveal().decode() == "Grüße\nan alle"
    shown = await page("日本語".encode("shift_jis"), type="text/csv", charset="Shift_JIS")
    assert shown.octets.reveal().decode() == "日本語"
    shown = await page("ž".encode("utf-16"), type="text/plain", charset="utf-16")
    assert shown.octets.reveal().decode() == "ž"
    long = "ä" * (CHARACTERS + 5)
    shown = await page(long.encode(), 2, type="text/plain; charset=utf-8")
    assert (shown.pages, shown.octets.reveal().decode()) == (2, "ä" * 5)
    assert await why_not(long.encode(), 3, type="text/plain") is No.NO_SUCH_PAGE


@pytest.mark.parametrize(
    ("file", "type"),
    [
        (b"<html><script>alert(1)</script>", "text/html"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/png"),
        (b"PK\x03\x04", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        (b"MZ", "application/octet-stream"),
        (b"\x00\x00\x00\x00", "text/plain"),
        (b"BM" + b"\x00" * 60, "image/bmp"),
        (b"II*\x00" + b"\x00" * 60, "image/tiff"),
        (b"%!PS-Adobe-3.0 EPSF", "application/postscript"),
        (b"words", ""),
        (b"", ""),
    ],
)
async def test_nothing_else_is_looked_into(file: bytes, type: str) -> None:
    assert kind_of(file, type) is None
    assert await why_not(file, type=type) is No.UNSUPPORTED


async def test_what_is_too_large_is_not_even_begun() -> None:
    assert await why_not(HEAD + b"\x00" * READING.preview_octets) is No.TOO_LARGE


def _chunk(kind: bytes, content: bytes) -> bytes:
    crc = struct.pack(">I", zlib.crc32(kind + content))
    return struct.pack(">I", len(content)) + kind + content + crc


def png(width: int, height: int, *chunks: bytes) -> bytes:
    """Write a PNG by hand."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return HEAD + _chunk(b"IHDR", header) + b"".join(chunks) + _chunk(b"IEND", b"")


def _zipped(octets: int) -> bytes:
    return zlib.compress(b"\x00" * octets, 9)


def _archive() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb", b"\x00" * 50_000_000)
    return out.getvalue()


def _jpeg_said_to_be(width: int, height: int) -> bytes:
    made = saved(Image.new("RGB", (8, 8)), "JPEG")
    at = made.index(b"\xff\xc0") + 5
    return made[:at] + struct.pack(">HH", height, width) + made[at + 4 :]


HOSTILE_PICTURES = {
    "a picture of a million pixels a side": png(1_000_000, 1_000_000),
    "a bomb of zeros": png(20_000, 20_000, _chunk(b"IDAT", _zipped(400_000_000))),
    "a comment that unpacks": png(
        8, 8, _chunk(b"zTXt", b"Comment\x00\x00" + _zipped(300_000_000)), _chunk(b"IDAT", b"")
    ),
    "no data": png(100, 100),
    "data that breaks off": saved(Image.effect_noise((200, 200), 50), "PNG")[:9_000],
    "a large JPEG": _jpeg_said_to_be(65_000, 65_000),
    "a GIF without frames": b"GIF89a" + b"\xff" * 40,
    "a GIF of the largest size": b"GIF89a\xff\xff\xff\xff\x80\x00\x00" + b"\x00" * 6 + b",",
    "a WebP of nonsense": b"RIFF\xff\xff\xff\x7fWEBPVP8X" + b"\xff" * 100,
    "an AVIF of nonsense": b"\x00\x00\x00\x1cftypavif" + b"\xff" * 200,
}


@pytest.mark.parametrize("what", HOSTILE_PICTURES)
async def test_hostile_pictures_come_to_nothing(what: str) -> None:
    assert await why_not(HOSTILE_PICTURES[what]) in (No.DAMAGED, No.TOO_COMPLEX)


HOSTILE_DOCUMENTS = {
    "no PDF at all": (b"%PDF-1.7\nnothing", No.DAMAGED),
    "an archive that calls itself PDF": (b"%PDF-1.7\n" + _archive(), No.DAMAGED),
    "a hundred thousand pages": (
        pdf_of(
            CATALOGUE,
            b"<</Type/Pages/Kids[%b]/Count 100000>>" % (b"3 0 R " * 100_000),
            LEAF % b"",
            stream(b""),
        ),
        No.TOO_COMPLEX,
    ),
    "pages that hold themselves": (
        pdf_of(CATALOGUE, b"<</Type/Pages/Kids[2 0 R 2 0 R]/Count 9>>", LEAF % b"", stream(b"")),
        No.DAMAGED,
    ),
    "a password": (
        pdf_of(
            CATALOGUE,
            ONE_PAGE,
            LEAF % b"",
            stream(b""),
            b"<</Filter/Standard/V 1/R 2/P -4/O<%b>/U<%b>>>" % (b"41" * 32, b"42" * 32),
            trailer=b"/Encrypt 5 0 R/ID[<00><00>]",
        ),
        No.ENCRYPTED,
    ),
}


@pytest.mark.parametrize("what", HOSTILE_DOCUMENTS)
async def test_hostile_documents_come_to_nothing(what: str) -> None:
    file, wanted = HOSTILE_DOCUMENTS[what]
    assert await why_not(file) is wanted


async def test_a_page_without_a_size_has_the_usual_one() -> None:
    leaf = (LEAF % b"").replace(b"/MediaBox[0 0 200 100]", b"")
    assert drawn(await page(pdf_of(CATALOGUE, ONE_PAGE, leaf, stream(b"")))).width == WIDTH


async def test_a_pdf_that_unpacks_without_end_is_stopped() -> None:
    page_of_lines = _zipped_lines(60_000_000)
    document = pdf_of(
        CATALOGUE, ONE_PAGE, LEAF % b"", stream(page_of_lines, b"/Filter/FlateDecode")
    )
    reading = Reading(preview_seconds=2)
    began = time.monotonic()
    with pytest.raises(NoPreview) as none:
        await page(document, reading=reading)
    assert none.value.no is No.TOO_COMPLEX
    assert time.monotonic() - began < 10


def _zipped_lines(octets: int) -> bytes:
    line = b"0 0 m 200 100 l 5 9 190 3 7 80 c S\n"
    return zlib.compress(line * (octets // len(line)), 9)


async def test_scripts_and_links_of_a_pdf_do_nothing() -> None:
    script = b"<</S/JavaScript/JS(app.alert\\(1\\); while\\(true\\){})>>"
    document = pdf_of(
        b"<</Type/Catalog/Pages 2 0 R/OpenAction %b/AA<</WC %b>>>>" % (script, script),
        ONE_PAGE,
        LEAF % b"",
        stream(b"1 0 0 rg 0 0 200 100 re f"),
    )
    assert drawn(await page(document)).convert("RGB").getpixel((50, 50)) == (255, 0, 0)


async def test_a_font_of_nonsense_does_no_harm() -> None:
    document = pdf_of(
        CATALOGUE,
        ONE_PAGE,
        LEAF % b"/Font<</A 5 0 R>>",
        stream(b"BT /A 20 Tf 10 10 Td (words) Tj ET"),
        b"<</Type/Font/Subtype/TrueType/BaseFont/A/FontDescriptor 6 0 R>>",
        b"<</Type/FontDescriptor/FontName/A/Flags 4/FontFile2 7 0 R>>",
        stream(b"\x00\x01\x00\x00\xff\xff" + b"\xff" * 5_000),
    )
    assert (await page(document)).pages == 1
