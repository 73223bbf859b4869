"""A paper as PDF: text that can be copied and searched, the page's number, the language.

The letters are DejaVu Sans, cut down to the scripts of Europe and embedded, so that it looks the
same everywhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib import resources

from fpdf import FPDF, FontFace
from fpdf.enums import TableBordersLayout, VAlign

_FAMILY = "DejaVu"
_UNKNOWN = "\N{REPLACEMENT CHARACTER}"
_SIZES = {1: 16, 2: 13, 3: 11}
_TEXT, _SMALL = 9, 8
_MARGIN, _LINE = 18, 5  # millimetres
_NAMES, _SAID = 40, 134  # the width of both columns, of A4 less its margins


@dataclass(frozen=True, slots=True)
class Block:
    """A heading, and what stands below it."""

    heading: str
    level: int
    """1 to 3."""
    paragraphs: tuple[str, ...] = ()
    rows: tuple[tuple[str, str], ...] = ()
    """Names and what is said of each."""


class _Document(FPDF):
    """Pages with their number at the foot."""

    def footer(self) -> None:
        """Write the number of the page and how many there are."""
        self.set_y(-_MARGIN + 4)
        self.set_font(_FAMILY, size=_SMALL)
        self.cell(0, _LINE, f"{self.page_no()} / {{nb}}", align="C")


def pdf(title: str, language: str, at: datetime, blocks: Sequence[Block]) -> bytes:
    """Write a document of A4 pages.

    Args:
        title: its title in a reader's window.
        language: ISO 639-1, for those to whom it is read aloud.
        at: when it is made; the same paper at the same time gives the same octets.
        blocks: what it says, in order; letters that the fonts lack are shown as U+FFFD.
    """
    page = _Document(format="A4")
    page.set_title(title)
    page.set_lang(language)
    page.set_creation_date(at)
    page.set_producer("zegel")
    page.set_margins(_MARGIN, _MARGIN)
    page.set_auto_page_break(True, margin=_MARGIN)
    for style, file in (("", "DejaVuSans.ttf"), ("B", "DejaVuSans-Bold.ttf")):
        place = resources.files("mailserver.privacy") / "data" / file
        with resources.as_file(place) as path:
            page.add_font(_FAMILY, style, path)
    letters = frozenset(chr(one) for one in page.fonts[_FAMILY.lower()].cmap)  # type: ignore[union-attr]  # these are TrueType
    page.add_page()
    for block in blocks:
        _write(page, block, letters)
    return bytes(page.output())


def _write(page: FPDF, block: Block, letters: frozenset[str]) -> None:
    if block.heading:
        page.set_font(_FAMILY, "B", _SIZES[block.level])
        if page.will_page_break(4 * _LINE):  # no heading alone at a page's foot
            page.add_page()
        page.ln(_LINE / 2)
        page.start_section(_shown(block.heading, letters)[:200].replace("\n", " "), block.level - 1)
        page.multi_cell(0, _SIZES[block.level] / 2, _shown(block.heading, letters), align="L")
        page.ln(_LINE / 2)
    page.set_font(_FAMILY, size=_TEXT)
    for paragraph in block.paragraphs:
        page.multi_cell(0, _LINE, _shown(paragraph, letters), align="L")
        page.ln(_LINE / 2)
    if block.rows:
        _table(page, block.rows, letters)


def _table(page: FPDF, rows: Sequence[tuple[str, str]], letters: frozenset[str]) -> None:
    with page.table(
        borders_layout=TableBordersLayout.HORIZONTAL_LINES,
        col_widths=(_NAMES, _SAID),
        first_row_as_headings=False,
        line_height=_LINE,
        text_align="LEFT",
        v_align=VAlign.T,
        padding=(0.6, 1),
    ) as table:
        for name, said in rows:
            row = table.row()
            row.cell(_shown(name, letters), style=FontFace(emphasis="BOLD"))
            row.cell(_shown(said, letters))
    page.ln(_LINE / 2)


def _shown(text: str, letters: frozenset[str]) -> str:
    """Put a mark in the place of what the fonts have no letter for."""
    text = text.expandtabs(4).replace("\r\n", "\n")
    return "".join(one if one in letters or one == "\n" else _UNKNOWN for one in text)
