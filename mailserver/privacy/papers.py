"""Registers as files: JSON and CSV for programs, HTML for screens, PDF for printers and files.

A paper is what a register says, whichever it is: some facts of its own, and parts, each a list of
entries of the same kind. All four forms are written from it, so none says more than another; CSV
alone has only the first part, for it is one table. Source of CSV: RFC 4180.
"""

import csv
import io
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from html import escape
from typing import Any

from mailserver.privacy.paper_pdf import Block, pdf

Row = Mapping[str, Any]
"""An entry; JSON."""
NONE = "–"


class Form(StrEnum):
    """How a paper is written."""

    JSON = "json"
    CSV = "csv"
    HTML = "html"
    PDF = "pdf"


@dataclass(frozen=True, slots=True)
class Part:
    """Entries of one kind."""

    name: str
    """Its name in JSON."""
    title: str
    """Its heading; empty: none."""
    rows: Sequence[Row]
    headed_by: str = "name"
    """Which field heads an entry, where it has it."""
    hidden: frozenset[str] = frozenset()
    """Fields that are for programs only."""


@dataclass(frozen=True, slots=True)
class Paper:
    """A register, or a version of one, as it is given away."""

    title: str
    at: datetime
    """As of when."""
    facts: Mapping[str, Any]
    """What it says of itself: whose it is, which version."""
    parts: tuple[Part, ...]
    text: str = ""
    """What it says in whole sentences, before its parts."""
    language: str = "en"
    """In which it is written, ISO 639-1."""


def written(paper: Paper, form: Form) -> bytes:
    """Write a paper; text is UTF-8."""
    match form:
        case Form.JSON:
            return _json(paper).encode()
        case Form.CSV:
            return _csv(paper).encode()
        case Form.HTML:
            return _html(paper).encode()
        case Form.PDF:
            return pdf(paper.title, paper.language, paper.at, _blocks(paper))


def _json(paper: Paper) -> str:
    said: dict[str, Any] = {"at": paper.at.isoformat(), **paper.facts}
    if paper.text:
        said["text"] = paper.text
    said |= {part.name: [dict(row) for row in part.rows] for part in paper.parts}
    return json.dumps(said, ensure_ascii=False, indent=2) + "\n"


def _csv(paper: Paper) -> str:
    told = paper.parts[0].rows if paper.parts else [{**paper.facts, "text": paper.text}]
    rows = [_flat(row) for row in told]
    columns = list(dict.fromkeys(name for row in rows for name in row))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([_cell(name) for name in columns])
    for row in rows:
        writer.writerow([_cell(_text(row.get(name, ""))) for name in columns])
    return out.getvalue()


def _flat(row: Row) -> dict[str, Any]:
    """Give what an entry says in fields of a field a column of its own, `fields.cause`."""
    flat: dict[str, Any] = {}
    for name, value in row.items():
        if isinstance(value, Mapping):
            flat |= {f"{name}.{inner}": said for inner, said in value.items()}
        else:
            flat[name] = value
    return flat


_STYLE = (
    "body{font:16px/1.5 sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse;width:100%}"
    "th,td{border:1px solid #999;padding:.3rem .5rem;text-align:left;vertical-align:top;"
    "overflow-wrap:anywhere}"
    "th{width:10rem}section{break-inside:avoid}"
)


def _html(paper: Paper) -> str:
    """Write a page of its own: no script, nothing fetched."""
    lines = [
        "<!doctype html>",
        f'<html lang="{escape(paper.language)}"><head><meta charset="utf-8">',
        f"<title>{escape(paper.title)}</title><style>{_STYLE}</style></head><body>",
    ]
    for number, block in enumerate(_blocks(paper)):
        if block.heading:
            level = 1 if number == 0 else block.level
            lines.append(f"<h{level}>{escape(block.heading)}</h{level}>")
        lines += [f"<p>{escape(one)}</p>" for one in block.paragraphs]
        if block.rows:
            cells = "".join(
                f"<tr><th>{escape(name)}</th><td>{escape(said)}</td></tr>"
                for name, said in block.rows
            )
            lines.append(f"<section><table>{cells}</table></section>")
    return "\n".join([*lines, "</body></html>"]) + "\n"


def _blocks(paper: Paper) -> list[Block]:
    """Lay a paper out for people: the same on a screen as in print."""
    paragraphs = tuple(one.strip() for one in paper.text.split("\n\n") if one.strip())
    blocks = [
        Block(paper.title, 1, paragraphs, _pairs({"at": paper.at.isoformat(), **paper.facts}))
    ]
    for part in paper.parts:
        if part.title:
            blocks.append(Block(part.title, 2, () if part.rows else (NONE,)))
        level = 3 if part.title else 2
        for row in part.rows:
            shown = {name: said for name, said in row.items() if name not in part.hidden}
            heading = _text(shown.pop(part.headed_by, ""))
            blocks.append(Block(heading, level, (), _pairs(shown)))
    return blocks


def _pairs(fields: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    pairs: list[tuple[str, str]] = []
    for name, value in fields.items():
        if isinstance(value, Mapping):
            pairs += _pairs(value)
        else:
            pairs.append((name.replace("_", " "), _dated(_text(value)) or NONE))
    return tuple(pairs)


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return "; ".join(f"{name}: {_text(said)}" for name, said in value.items() if said)
    if isinstance(value, list | tuple):
        alone = all(isinstance(one, list | tuple) for one in value)
        return "\n".join(_step(one) for one in value) if alone else "; ".join(map(_text, value))
    return "" if value is None else str(value)


def _step(words: Sequence[Any]) -> str:
    """Write a step of a timeline: when, who, what."""
    return ", ".join(_dated(_text(one)) for one in words)


def _dated(text: str) -> str:
    """Write an instant as people read it, and leave everything else alone."""
    if "T" not in text[8:12] or not text[:4].isdigit():
        return text
    try:
        return f"{datetime.fromisoformat(text):%Y-%m-%d %H:%M %Z}"
    except ValueError:
        return text


_FORMULA = re.compile(r"""^(?=[=+\-@＝＋－＠\t\r\n])|[;\t\r\n]"*(?=[=+\-@＝＋－＠])""")


def _cell(text: str) -> str:
    """Keep a spreadsheet from reading a text, or a part of it, as a formula.

    Many in Europe end a cell at `;` wherever it stands, and some at a tab or a line's end, so what
    comes behind one counts as the begin of a cell. Source: OWASP, CSV Injection.
    """
    return _FORMULA.sub(r"\g<0>'", text)
