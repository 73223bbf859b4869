"""The front door of a site that has no web app: none was built for it, or not yet."""

from fastapi import APIRouter
from starlette.responses import HTMLResponse, Response

from webui.security import PAGE_POLICY

pages = APIRouter(include_in_schema=False)

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Zegel</title>
</head>
<body>
<main>
<h1>Zegel</h1>
<p>This is a mail server. Letters on it are sealed for their readers.</p>
</main>
</body>
</html>
"""


@pages.get("/")
async def front() -> Response:
    """Say what this is."""
    return HTMLResponse(_PAGE, headers={"content-security-policy": PAGE_POLICY})
