"""Every register as a file: JSON, CSV that no spreadsheet reckons with, HTML, PDF to be copied."""

import csv
import io
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pypdfium2  # type: ignore[import-untyped]  # it has no stubs
import pytest

from mailserver.app.registers import Books
from mailserver.audit.checkpoint import create_key
from mailserver.privacy.agreement import Signatory
from mailserver.privacy.assessments import Occasion
from mailserver.privacy.breach import Field
from mailserver.privacy.papers import Form, Paper, Part, written
from mailserver.privacy.processing import View
from mailserver.privacy.register_papers import Book, paper_of, processing_paper
from mailserver.privacy.request import Right, Source
from mailserver.runtime.clock import ManualClock
from tests.support.accounts import Node, open_node
from tests.support.books import books_of

MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
LETTERS = "Bäckerei Müßig & Søn, café « Noël », Crêpes à 5 €, Łódź – “één” ’s œuvre → ĳ Ελλάδα Цар"
FORMULAS = ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1")


@pytest.fixture
async def node(mail_url: str, keystore_url: str, tmp_path: Path) -> AsyncIterator[Node]:
    opened = await open_node(mail_url, keystore_url, tmp_path, ManualClock(MONDAY))
    yield opened
    await opened.close()


async def filled(node: Node, directory: Path) -> Books:
    """Open registers that all have an entry, each with our letters in it."""
    create_key(directory / "audit.key")
    books = books_of(
        node, keys__audit_file=directory / "audit.key", organisation__name=LETTERS[:100]
    )
    papers = books.papers
    await books.processing.record()
    number = await books.breaches.open(LETTERS)
    await books.breaches.become_aware(number)
    await books.breaches.fill(number, {Field.CAUSE: "theft"})
    await books.requests.receive(Right.ACCESS, Source.LETTER, LETTERS)
    await books.holds.add(LETTERS, MONDAY, category="trash")
    await papers.agreements.publish(LETTERS, "nl")
    await papers.agreements.accept(LETTERS[:60], Signatory("Ann", "director", True))
    told = await papers.announcements.announce(LETTERS, "scanner", "IE", "agreement")
    await papers.announcements.object(told.number, "Bakery", LETTERS)
    await papers.assessments.draft(Occasion.REMOTE_SCANNING)
    risk = {"likelihood": "low", "impact": "high", "treatment": LETTERS}
    await papers.risks.add("A disk is stolen", "Ann", risk)
    await papers.training.add(LETTERS, "Ann", {"people": "all", "held": "2026-03-01"})
    await papers.measures.add(LETTERS, "Ann", {"evidence": "report"})
    asked = ("Police", "2026/17", "Art. 126na Sv", LETTERS, MONDAY.date())
    await papers.lawful.receive(*asked)
    return books


async def paper(books: Books, book: Book) -> Paper:
    if book is Book.PROCESSING:
        (version,) = await books.processing.versions()
        return processing_paper(version, View.CONTROLLER)
    organisation = books.processing.current()["organisation"]
    return await paper_of(book, books.ledger, organisation, books.profile, MONDAY)


def text_of(pdf: bytes) -> str:
    """Read a PDF as somebody does who copies all of its text; lines are joined."""
    document = pypdfium2.PdfDocument(pdf)
    try:
        pages = [page.get_textpage().get_text_range() for page in document]
    finally:
        document.close()
    return " ".join(" ".join(pages).split())


@pytest.mark.long
async def test_every_register_comes_out_in_every_form(node: Node, tmp_path: Path) -> None:
    books = await filled(node, tmp_path)
    for book in Book:
        one = await paper(books, book)
        read = json.loads(written(one, Form.JSON))
        key = "activities" if book is Book.PROCESSING else "entries"
        rows = list(csv.DictReader(io.StringIO(written(one, Form.CSV).decode(), newline="")))
        assert len(read[key]) == len(rows) > 0, book
        assert {name.partition(".")[0] for name in rows[0]} == set(read[key][0]), book
        page, pdf = written(one, Form.HTML).decode(), written(one, Form.PDF)
        assert pdf.startswith(b"%PDF-")
        copied = text_of(pdf)
        for said in (one.title, "Bäckerei Müßig & Søn, café « Noël »"):
            assert said in copied, book
        assert "Bäckerei Müßig &amp; Søn, café « Noël »" in page, book


async def test_a_breach_and_a_request_say_by_when(node: Node, tmp_path: Path) -> None:
    books = await filled(node, tmp_path)
    (breach,) = json.loads(written(await paper(books, Book.BREACHES), Form.JSON))["entries"]
    assert breach["deadline"] == "2026-03-05T09:00:00+00:00"
    assert breach["timeline"][0][2] == "suspected"
    assert breach["fields"]["cause"] == "theft"
    (request,) = json.loads(written(await paper(books, Book.REQUESTS), Form.JSON))["entries"]
    assert (request["target"], request["due"]) == ("2026-04-02", "2026-04-02")
    assert "reminded" not in request


def sheet(*rows: dict[str, object]) -> Paper:
    return Paper("A register", MONDAY, {"version": 1}, (Part("entries", "", rows),), language="nl")


@pytest.mark.parametrize("formula", FORMULAS)
def test_a_spreadsheet_is_given_no_formula(formula: str) -> None:
    rows = [*csv.reader(io.StringIO(written(sheet({formula: formula}), Form.CSV).decode()))]
    assert [cell[0] for row in rows for cell in row if cell] == ["'", "'"]


@pytest.mark.parametrize("mark", [";", ';"', "\t", "\n", "\r\n"])
def test_a_spreadsheet_that_ends_cells_elsewhere_is_given_no_formula(mark: str) -> None:
    text = written(sheet({"said": f"a{mark}=1+1; -2"}), Form.CSV).decode()
    (_, row) = csv.reader(io.StringIO(text, newline=""))
    assert row == [f"a{mark}'=1+1; -2"]  # behind a space it is text to all of them


def test_csv_has_a_column_for_all_that_any_entry_says() -> None:
    text = written(sheet({"name": "a", "one": 1}, {"name": 'b, "c"', "two": None}), Form.CSV)
    assert text == b'name,one,two\r\na,1,\r\n"b, ""c""",,\r\n'


def test_a_pdf_has_its_language_its_title_and_the_number_of_each_page() -> None:
    rows: list[dict[str, object]] = [{"name": f"entry {n}", "said": LETTERS * 3} for n in range(40)]
    pdf = written(sheet(*rows), Form.PDF)
    assert b"/Lang (nl)" in pdf
    document = pypdfium2.PdfDocument(pdf)
    pages = [page.get_textpage().get_text_range() for page in document]
    assert document.get_metadata_value("Title") == "A register"
    assert len(pages) > 5
    for number, text in enumerate(pages, 1):
        assert f"{number} / {len(pages)}" in text
    assert [one.get_title() for one in document.get_toc()][:2] == ["A register", "entry 0"]
    document.close()
    assert text_of(pdf).count("Ελλάδα Цар") == 120


def test_a_pdf_is_the_same_each_time_and_marks_what_it_has_no_letter_for() -> None:
    one = sheet({"name": "日本", "said": "a\tb\r\nc"})
    assert written(one, Form.PDF) == written(one, Form.PDF)
    assert "\N{REPLACEMENT CHARACTER}" in text_of(written(one, Form.PDF))


def test_a_text_is_shown_paragraph_by_paragraph() -> None:
    one = Paper("Overeenkomst", MONDAY, {"version": 2}, (), "Artikel 1.\n\nArtikel <2>.", "nl")
    page = written(one, Form.HTML).decode()
    assert '<html lang="nl">' in page
    assert "<p>Artikel 1.</p>\n<p>Artikel &lt;2&gt;.</p>" in page
    assert json.loads(written(one, Form.JSON))["text"] == "Artikel 1.\n\nArtikel <2>."
    assert "Artikel <2>." in text_of(written(one, Form.PDF))
