"""Pages of PDFs that strangers sent, drawn. Runs in a confined process and nowhere else.

Source: ISO 32000, read by PDFium, which here has no scripts, forms or links to follow.
"""

import io
import math

import pypdfium2 as pdfium  # type: ignore[import-untyped]  # it says no types
from PIL import Image

from mailserver.mail.preview_question import HEIGHT, PAGES, WIDTH, No, NoPageError

_SHARPEST = 3.0  # pixels a point; a visiting card needs no more
_PASSWORD = 4  # FPDF_ERR_PASSWORD

Image.preinit()  # else Pillow looks for its writers when it writes: too late for us


def page(octets: bytes, number: int, _charset: str) -> tuple[int, bytes]:
    """Return (pages, PNG) of a page of a PDF.

    Raises:
        NoPageError: it cannot be shown.
    """
    try:
        opened = pdfium.PdfDocument(octets)
        pages = len(opened)
        if pages > PAGES:
            raise NoPageError(No.TOO_COMPLEX)
        if number > pages:
            raise NoPageError(No.NO_SUCH_PAGE)
        leaf = opened[number - 1]
        drawn = leaf.render(scale=_scale(*leaf.get_size()), may_draw_forms=False)
        image: Image.Image = drawn.to_pil().convert("RGB")
    except pdfium.PdfiumError as error:
        locked = error.err_code == _PASSWORD
        raise NoPageError(No.ENCRYPTED if locked else No.DAMAGED) from error
    except MemoryError as error:
        raise NoPageError(No.TOO_COMPLEX) from error
    out = io.BytesIO()
    image.save(out, "PNG", compress_level=3)
    return pages, out.getvalue()


def _scale(width: float, height: float) -> float:
    """Return pixels a point, for a page of any size. Raises NoPageError: it has none."""
    if not (math.isfinite(width) and math.isfinite(height) and width > 0 and height > 0):
        raise NoPageError(No.DAMAGED)
    scale = min(WIDTH / width, HEIGHT / height, _SHARPEST)
    if min(width, height) * scale < 1:
        raise NoPageError(No.DAMAGED)  # a line, and no page
    return scale
