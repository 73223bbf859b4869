"""Asking for a right without an account, on pages without script or cookie (PRIVACY §14).

The form sends a letter to the address that was given, and says the same whatever becomes of it;
only its link writes the request down. Source: GDPR Art. 12(2).
"""

from collections.abc import Mapping
from html import escape
from http import HTTPStatus
from typing import Annotated
from urllib.parse import parse_qs

from fastapi import APIRouter, Path, Request
from starlette.responses import HTMLResponse, Response

from mailserver.model.address import Address
from mailserver.model.errors import Absent, PeerFault
from mailserver.privacy.request import Right
from mailserver.privacy.request_form import PATH, WORDS, Wish
from mailserver.runtime.limits import network_of
from webui.deps import Peer, Served, Web
from webui.public.consent_texts import language_of
from webui.public.trust import POLICY, TEXTS, document

router = APIRouter(prefix=PATH, include_in_schema=False)

FORM_POLICY = POLICY.replace("form-action 'none'", "form-action 'self'")
Token = Annotated[str, Path(max_length=4_000)]
_FIELDS = 5


@router.get("")
async def form(request: Request, served: Served) -> Response:
    """Show the form."""
    return _form(served, _language(request))


@router.post("")
async def ask(request: Request, web: Web, served: Served, peer: Peer) -> Response:
    """Send the letter, and say the same to everybody."""
    language = _language(request)
    words = TEXTS[language]
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return _form(served, language, HTTPStatus.FORBIDDEN)
    given = parse_qs((await request.body()).decode("utf-8", "replace"), max_num_fields=_FIELDS)
    said = {name: given.get(name, [""])[0].strip() for name in ("right", "address")}
    try:
        wish = Wish(Right(said["right"]), str(Address.parse(said["address"])))
    except (ValueError, PeerFault):
        return _form(served, language, HTTPStatus.UNPROCESSABLE_ENTITY, said)
    paces = web.paces.forms
    if paces.wait_seconds(network_of(peer)) or paces.wait_seconds(wish.address.casefold()):
        return _page(language, [_said(words["ask_often"])], HTTPStatus.TOO_MANY_REQUESTS)
    await served.books.form.ask(wish, language, web.place.origin)
    return _page(language, [_said(words["ask_sent"])])


@router.get("/{token}")
async def doubt(token: Token, request: Request, served: Served) -> Response:
    """Show what was asked, and a button that sends it."""
    return _doubt(served, token, _language(request))


@router.post("/{token}")
async def send(token: Token, request: Request, served: Served) -> Response:
    """Write the request down, with its term; again, it is the same one."""
    language = _language(request)
    given = parse_qs((await request.body()).decode("utf-8", "replace"), max_num_fields=_FIELDS)
    try:
        made = await served.books.form.confirm(token, given.get("words", [""])[0].strip())
    except Absent:
        return _gone(language)
    except PeerFault:
        return _doubt(served, token, language, HTTPStatus.UNPROCESSABLE_ENTITY)
    due = made.term(served.books.profile, served.clock.now()).due
    said = TEXTS[language]["ask_done"].format(number=made.number, due=due)
    return _page(language, [_said(said)])


def _doubt(
    served: Served, token: str, language: str, status: HTTPStatus = HTTPStatus.OK
) -> Response:
    words = TEXTS[language]
    try:
        _, wish = served.books.form.read(token)
    except Absent:
        return _gone(language)
    asked = words["ask_confirm"].format(right=_right(wish.right, words))
    parts = [
        f"<p>{escape(asked)}</p>",
        f'<form method="post" action="{PATH}/{escape(token)}">',
        f'<label for="words">{escape(words["ask_words"])}</label>',
        f'<textarea id="words" name="words" rows="5" maxlength="{WORDS}"></textarea>',
        f'<p><button type="submit">{escape(words["ask_confirm_button"])}</button></p></form>',
    ]
    return _page(language, parts, status)


def _gone(language: str) -> Response:
    return _page(language, [_said(TEXTS[language]["ask_gone"])], HTTPStatus.NOT_FOUND)


def _form(
    served: Served,
    language: str,
    status: HTTPStatus = HTTPStatus.OK,
    before: Mapping[str, str] | None = None,
) -> Response:
    words, given = TEXTS[language], before or {}
    if not served.books.form.posts:
        contact = served.settings.organisation.contact or served.settings.hostname
        return _page(language, [_said(words["ask_closed"].format(contact=contact))])
    options = "".join(
        f'<option value="{right}"{" selected" if given.get("right") == right else ""}>'
        f"{escape(_right(right, words))}</option>"
        for right in Right
    )
    parts = [
        f"<p>{escape(words['ask_text'])}</p>",
        f'<p role="alert"><strong>{escape(words["ask_fault"])}</strong></p>' if before else "",
        f'<form method="post" action="{PATH}">',
        f'<label for="right">{escape(words["ask_right"])}</label>',
        f'<select id="right" name="right">{options}</select>',
        f'<label for="address">{escape(words["ask_address"])}</label>',
        '<input id="address" name="address" type="email" required maxlength="320"'
        f' autocomplete="email" value="{escape(given.get("address", ""))}">',
        f'<p><button type="submit">{escape(words["ask_send"])}</button></p></form>',
    ]
    return _page(language, parts, status)


def _page(language: str, parts: list[str], status: HTTPStatus = HTTPStatus.OK) -> Response:
    words = TEXTS[language]
    back = f'<a href="/trust/{language}">{escape(words["back"])}</a>'
    page = document(language, words["ask"], back, [f"<h1>{escape(words['ask'])}</h1>", *parts])
    fields = {"content-security-policy": FORM_POLICY, "cache-control": "no-store"}
    return HTMLResponse(page, status, headers={**fields, "vary": "Accept-Language"})


def _said(text: str) -> str:
    return f'<p role="status">{escape(text)}</p>'


def _right(right: Right, words: Mapping[str, str]) -> str:
    return words[f"right_{right.value.replace('-', '_')}"]


def _language(request: Request) -> str:
    return language_of(request.headers.get("accept-language", ""))
