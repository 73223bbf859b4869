"""What anybody may read without signing in."""

from fastapi import APIRouter
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from webui.security import PAGE_POLICY

router = APIRouter(include_in_schema=False)

_LANDING = """<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>Zegel</title></head>
<body><main><h1>Zegel</h1><p>This is a mail server.</p></main></body>
</html>
"""


@router.get("/")
async def landing() -> Response:
    """Say what this is, until there is a web app."""
    return HTMLResponse(_LANDING, headers={"content-security-policy": PAGE_POLICY})


@router.get("/robots.txt")
async def robots() -> Response:
    """Keep search engines out. Source: RFC 9309."""
    return PlainTextResponse("User-agent: *\nDisallow: /\n")
