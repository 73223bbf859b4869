"""The pages behind the links in letters about consent: a plain page to look at, a POST that acts.

Nobody signs in, no cookie is set, nothing is loaded. What only fetches links (a scanner, a preview)
changes nothing; a mail program that unsubscribes by itself sends the same POST (RFC 8058 §3.2).
"""

from html import escape
from http import HTTPStatus
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Path, Request
from starlette.responses import HTMLResponse, Response

from mailserver.model.errors import Absent, Conflict
from mailserver.privacy.consent_desk import PATH
from webui.deps import Served
from webui.public.consent_texts import (
    CONFIRM,
    CONFIRMED,
    OVER,
    WITHDRAW,
    WITHDRAWN,
    Words,
    language_of,
)
from webui.security import FORM_POLICY
from webui.services import Services

router = APIRouter(prefix=PATH, include_in_schema=False)

Token = Annotated[str, Path(max_length=100)]
Purpose = Annotated[str, Path(max_length=40)]

_PAGE = """<!DOCTYPE html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
</head>
<body>
<main>
<h1>{title}</h1>
<p>{text}</p>
{body}{form}</main>
</body>
</html>
"""
_FORM = '<form method="post" action="{action}"><button type="submit">{button}</button></form>\n'


@router.get("/confirm/{token}")
async def question(token: Token, request: Request, served: Served) -> Response:
    """Show what is asked, and a button that says yes."""
    try:
        _, text = await served.consents.consents.asked(token)
    except Absent:
        return _over(request, served)
    return _page(served, text.language, CONFIRM[text.language], request.url.path, text.body)


@router.post("/confirm/{token}")
async def confirm(token: Token, request: Request, served: Served) -> Response:
    """Take the yes, and show the way back."""
    try:
        course, text = await served.consents.confirm(token)
    except (Absent, Conflict):
        return _over(request, served)
    back = urlsplit(served.consents.withdrawal(course.person, course.purpose)).path
    return _page(served, text.language, CONFIRMED[text.language], back)


@router.get("/withdraw/{purpose}/{token}")
async def doubt(purpose: Purpose, token: Token, request: Request, served: Served) -> Response:
    """Show a button that says no."""
    try:
        await served.consents.consents.linked(purpose, token)
    except Absent:
        return _over(request, served)
    language = _language(request)
    return _page(served, language, WITHDRAW[language], request.url.path)


@router.post("/withdraw/{purpose}/{token}")
async def withdraw(purpose: Purpose, token: Token, request: Request, served: Served) -> Response:
    """Take the no, at once, whatever the form says."""
    try:
        await served.consents.withdraw_by_link(purpose, token)
    except Absent:
        return _over(request, served)
    language = _language(request)
    return _page(served, language, WITHDRAWN[language])


def _language(request: Request) -> str:
    return language_of(request.headers.get("accept-language", ""))


def _over(request: Request, served: Services) -> Response:
    language = _language(request)
    return _page(served, language, OVER[language], status=HTTPStatus.NOT_FOUND)


def _page(
    served: Services,
    language: str,
    words: Words,
    action: str = "",
    body: str = "",
    status: HTTPStatus = HTTPStatus.OK,
) -> Response:
    who = served.settings.organisation.name or served.settings.hostname
    paragraphs = [line for line in body.splitlines() if line.strip()]
    form = _FORM.format(action=escape(action), button=escape(words.button)) if action else ""
    page = _PAGE.format(
        language=language,
        title=escape(words.title),
        text=escape(words.text.format(who=who)),
        body="".join(f"<p>{escape(line)}</p>\n" for line in paragraphs),
        form=form,
    )
    return HTMLResponse(page, status, headers={"content-security-policy": FORM_POLICY})
