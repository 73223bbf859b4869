"""The page at the end of an offer's link: the agreement, and a form for who may sign it.

It has no script and no cookie, and is the same in every browser. Nobody signs in: the secret in the
path is what lets somebody sign, so a form of another site has nothing to gain here. The log has the
route, never the secret. Source: GDPR Art. 28(9).
"""

from html import escape
from http import HTTPStatus
from typing import Annotated
from urllib.parse import parse_qs

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import HTMLResponse, Response

from mailserver.model.errors import Absent, Condition, Conflict, PeerFault, Refused
from mailserver.privacy.agreement import Signatory
from mailserver.privacy.offers import Offer
from webui.deps import Peer, Served
from webui.public.agreement_texts import WORDS, Words

router = APIRouter(include_in_schema=False, prefix="/agreement")

POLICY = "default-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
"""Of a page that is read and signed, and does nothing else."""
Secret = Annotated[str, Path(min_length=16, max_length=128)]
Language = Annotated[str | None, Query(max_length=2)]


@router.get("/{secret}")
async def read(served: Served, secret: Secret, language: Language = None) -> Response:
    """Show the agreement, or the receipt once it is signed."""
    try:
        offer = await served.offers.look(secret, language)
    except Absent:
        return _gone(language, HTTPStatus.NOT_FOUND)
    if offer.accepted is not None:
        return _signed(offer, secret)
    return _form(offer, _processor(served), secret)


@router.get("/{secret}/receipt.json")
async def receipt(served: Served, secret: Secret) -> Response:
    """Give the receipt as a file.

    Raises:
        Absent: nothing was signed by this link.
    """
    offer = await served.offers.look(secret)
    if offer.accepted is None:
        raise Absent(Condition.NO_SUCH_MESSAGE, "nothing was signed by this link")
    return Response(
        offer.accepted.receipt,
        media_type="application/json",
        headers={"content-disposition": 'attachment; filename="receipt.json"'},
    )


@router.post("/{secret}")
async def sign(
    request: Request, served: Served, peer: Peer, secret: Secret, language: Language = None
) -> Response:
    """Sign it; the page comes again with a word where something is missing."""
    try:
        offer = await served.offers.look(secret, language)
    except Absent:
        return _gone(language, HTTPStatus.NOT_FOUND)
    if offer.accepted is not None:
        return _signed(offer, secret)
    given = parse_qs((await request.body()).decode("utf-8", "replace"), max_num_fields=10)
    signatory = Signatory(
        " ".join(given.get("name", [""])[0].split()),
        " ".join(given.get("role", [""])[0].split()),
        given.get("authority", [""])[0] == "yes",
        peer,
    )
    try:
        await served.offers.accept(secret, signatory, offer.text.language)
    except (PeerFault, Refused):
        return _form(offer, _processor(served), secret, signatory)
    except Conflict:  # it was accepted by another way meanwhile
        return _gone(offer.text.language, HTTPStatus.CONFLICT)
    return _signed(await served.offers.look(secret, language), secret)


def _gone(language: str | None, status: HTTPStatus) -> Response:
    """Say that the link is of no use, in a language of ours."""
    known = language if language in WORDS else "en"
    return _page(known, f"<p>{escape(WORDS[known].gone)}</p>", status)


def _processor(served: Served) -> str:
    return served.settings.organisation.name or served.settings.hostname


def _form(offer: Offer, processor: str, secret: str, before: Signatory | None = None) -> Response:
    """Write the text and the form; `before` is what was filled in and did not do."""
    words, language = WORDS[offer.text.language], offer.text.language
    names = {"processor": processor, "customer": offer.customer}
    links = " ".join(
        f'<a href="?language={one}" lang="{one}" hreflang="{one}">{escape(WORDS[one].title)}</a>'
        for one in offer.languages
        if one != language
    )
    missing = f'<p role="alert"><strong>{escape(words.missing)}</strong></p>' if before else ""
    name, role = (before.name, before.role) if before else ("", "")
    body = [
        f"<p>{escape(words.intro.format(**names))}</p>",
        f"<nav>{links}</nav>" if links else "",
        _text(offer, words),
        missing,
        f'<form method="post" action="/agreement/{escape(secret)}?language={language}">',
        f'<p><label for="name">{escape(words.name)}</label><br><input id="name" name="name"'
        f' value="{escape(name)}" required maxlength="200" autocomplete="name"></p>',
        f'<p><label for="role">{escape(words.role)}</label><br><input id="role" name="role"'
        f' value="{escape(role)}" required maxlength="200"'
        ' autocomplete="organization-title"></p>',
        '<p><input type="checkbox" id="authority" name="authority" value="yes" required>'
        f' <label for="authority">{escape(words.authority.format(**names))}</label></p>',
        f'<p><button type="submit">{escape(words.button)}</button></p></form>',
    ]
    status = HTTPStatus.UNPROCESSABLE_ENTITY if before else HTTPStatus.OK
    return _page(language, "\n".join(body), status)


def _signed(offer: Offer, secret: str) -> Response:
    words, accepted = WORDS[offer.text.language], offer.accepted
    told = "" if accepted is None else accepted.receipt
    body = [
        f'<p role="status">{escape(words.done)}</p>',
        f"<pre>{escape(told)}</pre>",
        f'<p><a href="/agreement/{escape(secret)}/receipt.json" download>{escape(words.receipt)}'
        "</a></p>",
        _text(offer, words),
    ]
    return _page(offer.text.language, "\n".join(body), HTTPStatus.OK)


def _text(offer: Offer, words: Words) -> str:
    text = offer.text
    which = words.version.format(version=text.version, language=text.language)
    paragraphs = "\n".join(
        f"<p>{'<br>'.join(escape(line) for line in one.splitlines())}</p>"
        for one in text.text.split("\n\n")
        if one.strip()
    )
    return (
        f"<article>{paragraphs}</article>\n"
        f"<p>{escape(which)}. {escape(words.sha256)}: <code>{text.sha256}</code></p>"
    )


def _page(language: str, body: str, status: HTTPStatus) -> Response:
    title = escape(WORDS[language].title)
    page = (
        f'<!DOCTYPE html>\n<html lang="{language}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n{body}\n</main>\n"
        "</body>\n</html>\n"
    )
    fields = {"content-security-policy": POLICY, "cache-control": "no-store"}
    return HTMLResponse(page, status, headers=fields)
