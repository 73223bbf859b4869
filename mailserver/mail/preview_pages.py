"""Pages of what strangers sent, as pictures and text. Runs in a confined process and nowhere else.

Nothing here is kept from harm by care alone: sizes are looked at before pixels are made, and what
slips through meets the process's limits.

Source: ISO 32000 (PDF), read by PDFium; pictures read by Pillow.
"""

import io
import math
import warnings

import pypdfium2 as pdfium  # type: ignore[import-untyped]  # it says no types
from PIL import (
    AvifImagePlugin,
    GifImagePlugin,
    Image,
    ImageColor,
    ImageOps,
    ImagePalette,
    JpegImagePlugin,
    MpoImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from mailserver.mail.preview_question import PAGES, No
from mailserver.protocol.mime.charsets import decode

WIDTH, HEIGHT = 1_600, 2_400  # pixels of a page, at most
PIXELS = 50_000_000  # of a picture as it was sent
TEXT_CHARACTERS = 64 * 1024  # of a page
_SHARPEST = 3.0  # pixels a point; a visiting card needs no more
_PASSWORD = 4  # FPDF_ERR_PASSWORD
_FORMATS = tuple(
    plugin.format
    for plugin in (
        PngImagePlugin.PngImageFile,
        JpegImagePlugin.JpegImageFile,
        GifImagePlugin.GifImageFile,
        WebPImagePlugin.WebPImageFile,
        AvifImagePlugin.AvifImageFile,
    )
)

_ON_THE_WAY = (ImageColor, ImagePalette, MpoImagePlugin, TiffImagePlugin)
"""Pillow imports them when it meets colours, palettes, pairs of JPEGs or EXIF: too late for us."""

Image.MAX_IMAGE_PIXELS = PIXELS
AvifImagePlugin.DEFAULT_MAX_THREADS = 1  # a confined process can begin no thread
warnings.simplefilter("error", Image.DecompressionBombWarning)


class NoPageError(Exception):
    """There is nothing to be shown; `no` says why."""

    def __init__(self, no: No) -> None:
        """Carry the reason."""
        super().__init__(no.value)
        self.no = no


def picture(octets: bytes, page: int) -> tuple[int, bytes]:
    """Return (1, PNG) of a picture, upright, of a moving one its first frame.

    Raises:
        NoPageError: it cannot be shown.
    """
    if page != 1:
        raise NoPageError(No.NO_SUCH_PAGE)
    try:
        with Image.open(io.BytesIO(octets), formats=_FORMATS) as image:
            image.draft("RGB", (WIDTH, HEIGHT))  # a large JPEG is read in less detail
            shown = ImageOps.exif_transpose(image)
            shown = shown.convert("RGBA" if shown.has_transparency_data else "RGB")
            shown.thumbnail((WIDTH, HEIGHT))
            return 1, _png(shown)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning, MemoryError) as error:
        raise NoPageError(No.TOO_COMPLEX) from error
    except Exception as error:  # whatever its reader stumbled over, the picture is broken
        raise NoPageError(No.DAMAGED) from error


def document(octets: bytes, page: int) -> tuple[int, bytes]:
    """Return (pages, PNG) of a page of a PDF; its scripts, forms and links do nothing.

    Raises:
        NoPageError: it cannot be shown.
    """
    try:
        opened = pdfium.PdfDocument(octets)
        pages = len(opened)
        if pages > PAGES:
            raise NoPageError(No.TOO_COMPLEX)
        if page > pages:
            raise NoPageError(No.NO_SUCH_PAGE if pages else No.DAMAGED)
        leaf = opened[page - 1]
        drawn = leaf.render(scale=_scale(*leaf.get_size()), may_draw_forms=False)
        return pages, _png(drawn.to_pil().convert("RGB"))
    except pdfium.PdfiumError as error:
        locked = error.err_code == _PASSWORD
        raise NoPageError(No.ENCRYPTED if locked else No.DAMAGED) from error
    except MemoryError as error:
        raise NoPageError(No.TOO_COMPLEX) from error


def text(octets: bytes, page: int, charset: str) -> tuple[int, bytes]:
    """Return (pages, UTF-8) of a text in a charset, or in one that is guessed.

    Raises:
        NoPageError: there is no such page, or it is more than anybody reads.
    """
    whole = decode(octets, charset.encode("ascii", "replace") or None).replace("\r\n", "\n")
    pages = max(1, math.ceil(len(whole) / TEXT_CHARACTERS))
    if pages > PAGES:
        raise NoPageError(No.TOO_COMPLEX)
    if page > pages:
        raise NoPageError(No.NO_SUCH_PAGE)
    shown = whole[(page - 1) * TEXT_CHARACTERS : page * TEXT_CHARACTERS]
    return pages, shown.encode("utf-8", "replace")


def _scale(width: float, height: float) -> float:
    """Return pixels a point, for a page of any size. Raises NoPageError: it has none."""
    if not (math.isfinite(width) and math.isfinite(height) and width > 0 and height > 0):
        raise NoPageError(No.DAMAGED)
    scale = min(WIDTH / width, HEIGHT / height, _SHARPEST)
    if min(width, height) * scale < 1:
        raise NoPageError(No.DAMAGED)  # a line, and no page
    return scale


def _png(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG", compress_level=3)
    return out.getvalue()
