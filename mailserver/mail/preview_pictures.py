"""Pictures that strangers sent, drawn anew. Runs in a confined process and nowhere else.

Nothing here is kept from harm by care alone: sizes are looked at before pixels are made, and what
slips through meets the process's limits.
"""

import io
import warnings

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

from mailserver.mail.preview_question import HEIGHT, WIDTH, No, NoPageError

PIXELS = 50_000_000  # of a picture as it was sent
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

Image.preinit()
Image.MAX_IMAGE_PIXELS = PIXELS
AvifImagePlugin.DEFAULT_MAX_THREADS = 1  # a confined process can begin no thread
warnings.simplefilter("error", Image.DecompressionBombWarning)


def page(octets: bytes, number: int, _charset: str) -> tuple[int, bytes]:
    """Return (1, PNG) of a picture, upright, of a moving one its first frame.

    Raises:
        NoPageError: it cannot be shown.
    """
    if number != 1:
        raise NoPageError(No.NO_SUCH_PAGE)
    try:
        with Image.open(io.BytesIO(octets), formats=_FORMATS) as image:
            image.draft("RGB", (WIDTH, HEIGHT))  # a large JPEG is read in less detail
            shown = ImageOps.exif_transpose(image)
            shown = shown.convert("RGBA" if shown.has_transparency_data else "RGB")
            shown.thumbnail((WIDTH, HEIGHT))
            out = io.BytesIO()
            shown.save(out, "PNG", compress_level=3)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning, MemoryError) as error:
        raise NoPageError(No.TOO_COMPLEX) from error
    except Exception as error:  # whatever its reader stumbled over, the picture is broken
        raise NoPageError(No.DAMAGED) from error
    return 1, out.getvalue()
