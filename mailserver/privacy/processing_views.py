"""The register of processing as a file: JSON and CSV for programs, HTML for people and printers."""

import csv
import io
import json
from html import escape
from typing import Any

from mailserver.privacy.processing import Version, View, seen_by

_TITLES = {
    View.CONTROLLER: "Record of processing activities (GDPR Art. 30(1))",
    View.PROCESSOR: "Record of processing activities as a processor (GDPR Art. 30(2))",
}
_STYLE = (
    "body{font:16px/1.5 sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse;width:100%}"
    "th,td{border:1px solid #999;padding:.3rem .5rem;text-align:left;vertical-align:top}"
    "th{width:10rem}section{break-inside:avoid}"
)


def as_json(version: Version, view: View) -> str:
    """Write one view of a version as JSON."""
    return json.dumps(
        {
            "version": version.number,
            "at": version.at.isoformat(),
            "view": view.value,
            "organisation": version.document["organisation"],
            "processors": version.document["processors"],
            "activities": seen_by(version.document, view),
        },
        ensure_ascii=False,
        indent=2,
    )


def as_csv(version: Version, view: View) -> str:
    """Write the activities as CSV, a line each (RFC 4180)."""
    activities = seen_by(version.document, view)
    out = io.StringIO()
    columns = list(activities[0]) if activities else []
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(columns)
    for activity in activities:
        writer.writerow([_cell(_text(activity[name])) for name in columns])
    return out.getvalue()


def as_html(version: Version, view: View) -> str:
    """Write one view as a page of its own: no script, nothing fetched."""
    document = version.document
    head = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        f"<title>{escape(_TITLES[view])}</title><style>{_STYLE}</style></head><body>",
        f"<h1>{escape(_TITLES[view])}</h1>",
        f"<p>Version {version.number}, {version.at:%Y-%m-%d %H:%M} UTC</p>",
        _table(document["organisation"]),
    ]
    body = [
        f"<section><h2>{escape(one['title'])}</h2>"
        + _table({name: one[name] for name in one if name not in ("name", "title", "views")})
        + "</section>"
        for one in seen_by(document, view)
    ]
    others = [f"<section>{_table(one)}</section>" for one in document["processors"]]
    named = ["<h2>Processors</h2>", *(others or ["<p>None.</p>"])]
    return "\n".join([*head, *body, *named, "</body></html>"]) + "\n"


def _table(fields: dict[str, Any]) -> str:
    rows = "".join(
        f"<tr><th>{escape(name)}</th><td>{escape(_text(value)) or '–'}</td></tr>"
        for name, value in fields.items()
    )
    return f"<table>{rows}</table>"


def _text(value: Any) -> str:
    return "; ".join(value) if isinstance(value, list) else str(value)


def _cell(text: str) -> str:
    """Keep a spreadsheet from reading a text as a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@") else text
