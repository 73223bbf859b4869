"""`/trust`: what this server does with personal data, from the settings it runs with (PRIVACY §15).

It has no script and no cookie, loads nothing, and is the same for everybody; each language has its
own address. Nothing in it names a version of a program. Source: GDPR Art. 12, 13, 14, 28(2).
"""

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping
from html import escape
from importlib.resources import files

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, Response

from mailserver.privacy.centre import About, Purpose
from mailserver.privacy.trust import Change, Trust
from webui.deps import Served
from webui.public.consent_texts import language_of

router = APIRouter(include_in_schema=False)

LANGUAGES: Mapping[str, str] = {
    "en": "English", "nl": "Nederlands", "de": "Deutsch", "fr": "Français",
}  # fmt: skip
Words = Mapping[str, str]
TEXTS: Mapping[str, Words] = {
    language: json.loads(
        (files("webui.public") / "trust_texts" / f"{language}.json").read_text("utf-8")
    )
    for language in LANGUAGES
}
_GROUNDS = {
    "6(1)(a)": "basis_consent",
    "6(1)(b)": "basis_contract",
    "6(1)(c)": "basis_duty",
    "6(1)(f)": "basis_interest",
}
_COOKIES = {"__Host-sid": "c_sid", "__Host-trust": "c_trust", "__Host-admin": "c_admin"}
_STYLE = (
    ":root{color-scheme:light dark;--text:#1a1f27;--muted:#545d6b;--bg:#fff;--line:#e3e6eb;"
    "--accent:#1857b6}@media(prefers-color-scheme:dark){:root{--text:#e7eaf0;--muted:#a7b0be;"
    "--bg:#14171c;--line:#2c323c;--accent:#8ab4f8}}"
    "body{margin:0;background:var(--bg);color:var(--text);font:15px/22px system-ui,sans-serif}"
    "main,nav{max-width:52rem;margin:0 auto;padding:16px 24px}nav a{margin-right:16px}"
    "h1{font-size:26px;line-height:32px}h2{font-size:17px;line-height:24px;margin-top:32px}"
    "a{color:var(--accent)}.muted,th{color:var(--muted)}"
    "table{border-collapse:collapse;width:100%;font-size:14px}"
    "th,td{border-bottom:1px solid var(--line);padding:8px 12px 8px 0;text-align:left;"
    "vertical-align:top;overflow-wrap:anywhere}li{margin:4px 0;overflow-wrap:anywhere}"
    "label{display:block;margin:12px 0 4px}input,select,textarea{width:100%;max-width:32rem;"
    "box-sizing:border-box;padding:8px;border:1px solid var(--muted);border-radius:6px;"
    "background:var(--bg);color:var(--text);font:inherit}button{margin-top:16px;padding:10px 16px;"
    "border:0;border-radius:6px;background:var(--accent);color:var(--bg);font:inherit;"
    "font-weight:600}"
    "@media(max-width:600px){main,nav{padding:12px 16px}thead{position:absolute;clip-path:"
    "inset(50%)}tr,td{display:block}td{border:0;padding:2px 0}tr{border-bottom:1px solid "
    "var(--line);padding:8px 0}}"
)
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'"
)


@router.get("/trust")
async def trust(request: Request, served: Served) -> Response:
    """Show the page in a language that the browser accepts."""
    language = language_of(request.headers.get("accept-language", ""))
    return await _page(served, language, {"vary": "Accept-Language"})


@router.get("/trust/en")
@router.get("/trust/nl")
@router.get("/trust/de")
@router.get("/trust/fr")
async def trust_in(request: Request, served: Served) -> Response:
    """Show the page in one language."""
    return await _page(served, request.url.path.rpartition("/")[2], {})


async def _page(served: Served, language: str, fields: Mapping[str, str]) -> Response:
    told, about = await served.books.trust(), served.privacy.about()
    headers = {"content-security-policy": POLICY, "cache-control": "public, max-age=300", **fields}
    return HTMLResponse(page(told, about, language), headers=headers)


def page(told: Trust, about: About, language: str) -> str:
    """Write the page. Raises KeyError: no such language."""
    words = TEXTS[language]
    organisation = about.organisation or told.hostname
    links = "".join(_link(code, name, is_here=code == language) for code, name in LANGUAGES.items())
    parts = [
        f"<h1>{escape(words['title'])}</h1>",
        _p(words["intro"].format(organisation=organisation), "muted"),
        _p(words["claim"]),
        _h(words["moments"]),
        _list(_moments(told, words)),
        *_notice(about, organisation, words),
        _h(words["measures"]),
        _list(_measures(told, words)),
        *_processors(told, words),
        _h(words["cookies"]),
        _p(words["cookies_text"]),
        _list(f"{name}: {words[key]}" for name, key in _COOKIES.items()),
        *_lawful(told, words),
        _h(words["changes"]),
        _list(f"{one.day.isoformat()}: {_change(one, words)}" for one in told.changes),
        f'<p><a href="/.well-known/security.txt">{escape(words["security"])}</a></p>',
    ]
    return document(language, words["title"], links, parts)


def document(language: str, title: str, links: str, parts: Iterable[str]) -> str:
    """Write a page with the style of the public pages; `links` and `parts` are HTML."""
    nav = f'<nav aria-label="{escape(title)}">{links}</nav>\n' if links else ""
    body = "\n".join(parts)
    return (
        f'<!DOCTYPE html>\n<html lang="{language}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f"{nav}<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def _link(code: str, name: str, *, is_here: bool) -> str:
    here = ' aria-current="page"' if is_here else ""
    return f'<a href="/trust/{code}" lang="{code}" hreflang="{code}"{here}>{name}</a>'


def _moments(told: Trust, words: Words) -> list[str]:
    epoch = words["moment_epoch"].format(minutes=max(told.epoch_seconds // 60, 1))
    shown = ["moment_reception", "moment_session", "moment_guarded", "moment_clear"]
    said = [words[key] for key in shown]
    return [*said[:2], *([epoch] if told.epoch_seconds else []), *said[2:]]


def _notice(about: About, organisation: str, words: Words) -> list[str]:
    contact = [_p(words["contact"].format(contact=about.contact))] if about.contact else []
    rows = [
        (
            _activity(one.name, words),
            _grounds(one.basis, words),
            _period(one, words),
            ", ".join(one.recipients) or words["nobody"],
        )
        for one in about.purposes
    ]
    authority = words["complain"].format(authority=about.authority)
    return [
        _h(words["notice"]),
        _p(words["who"].format(organisation=organisation)),
        *contact,
        _table([words[key] for key in ("purpose", "basis", "kept", "seen")], rows),
        _h(words["rights"]),
        _p(words["rights_text"]),
        f'<p><a href="{escape(about.authority_url)}" rel="noopener noreferrer">'
        f"{escape(authority)}</a></p>",
        f'<p><a href="/trust/request">{escape(words["ask_link"])}</a></p>',
        _p(words["decisions"]),
    ]


def _measures(told: Trust, words: Words) -> list[str]:
    days = {"m_backups": (told.backup_days, told.keystore_backup_days)}
    said = []
    for name in told.measures:
        backup, keys = days.get(name, (0, 0))
        count = told.grace_days if name == "m_grace" else backup
        said.append(words[name].format(days=count, key_days=keys))
    return said


def _processors(told: Trust, words: Words) -> list[str]:
    head = _h(words["processors"])
    if not told.processors:
        return [head, _p(words["processors_none"])]
    columns = [words[key] for key in ("p_name", "p_role", "p_country", "p_basis")]
    rows = [(one.name, one.role, one.country, one.basis) for one in told.processors]
    return [head, _table(columns, rows)]


def _lawful(told: Trust, words: Words) -> list[str]:
    head = _h(words["lawful"])
    if not told.lawful:
        return [head, _p(words["lawful_none"])]
    said = (
        words["lawful_year"].format(
            year=one.year, asked=one.received, answered=one.answered, refused=one.refused
        )
        for one in told.lawful
    )
    return [head, _list(said)]


def _change(one: Change, words: Words) -> str:
    said = []
    for key, names in (("changes_came", one.came), ("changes_went", one.went)):
        if names:
            said.append(words[key].format(names=", ".join(_activity(n, words) for n in names)))
    return "; ".join(said) or words["changes_first" if one.is_first else "changes_other"]


def _activity(name: str, words: Words) -> str:
    return words.get(f"act_{name.replace('-', '_')}", name)


def _grounds(basis: str, words: Words) -> str:
    return "; ".join(words[key] for point, key in _GROUNDS.items() if point in basis) or basis


def _period(one: Purpose, words: Words) -> str:
    if one.with_account:
        key = "until_and_days" if one.longest_days else "until_deleted"
    else:
        key = "days" if one.longest_days else "not_kept"
    return words[key].format(days=one.longest_days)


def _h(text: str) -> str:
    return f"<h2>{escape(text)}</h2>"


def _p(text: str, kind: str = "") -> str:
    return f'<p class="{kind}">{escape(text)}</p>' if kind else f"<p>{escape(text)}</p>"


def _list(said: Iterable[str]) -> str:
    return "<ul>" + "".join(f"<li>{escape(one)}</li>" for one in said) + "</ul>"


def _table(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in columns)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
