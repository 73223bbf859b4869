"""Port 80: challenges of a certificate authority, and the way to https; nothing else.

Challenges are files that an ACME client (certbot and lego with a webroot) writes.

Source: RFC 8555 §8.3.
"""

import re
from http import HTTPStatus
from pathlib import Path

from fastapi import APIRouter, Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from mailserver.model.errors import Absent, Condition, Refused
from webui.deps import Served, Web
from webui.hosts import Names, host_of, split_port

CHALLENGES = ".well-known/acme-challenge"
CHALLENGE_OCTETS = 4_096
_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,128}\Z")  # RFC 8555 §8.3: the base64url alphabet

router = APIRouter(include_in_schema=False)


@router.get(f"/{CHALLENGES}/{{token}}")
async def challenge(token: str, served: Served) -> Response:
    """Show an answer that the ACME client wrote."""
    webroot = served.settings.web.acme_webroot
    if webroot is None or not _TOKEN.match(token):
        raise Absent(Condition.NO_SUCH_CREDENTIAL, "there is no such challenge")
    return PlainTextResponse(await served.offload(_read, webroot / CHALLENGES / token))


@router.api_route("/{path:path}", methods=["GET", "HEAD"])
async def to_https(request: Request, web: Web) -> Response:
    """Send a browser to the same address over TLS, where the name is ours."""
    host = split_port(host_of(request.scope))[0]
    names = Names(web.services.directory.is_local)
    if host not in web.hostnames and await names.domain_of(host) is None:
        raise Refused(Condition.NOT_PERMITTED, "no site of this name is served here")
    port = split_port(web.place.host)[1]
    origin = f"https://{host}:{port}" if port else f"https://{host}"
    path = request.scope["raw_path"].decode("ascii", "replace")
    query = request.scope["query_string"].decode("ascii", "replace")
    target = f"{origin}{path}?{query}" if query else f"{origin}{path}"
    return RedirectResponse(target, HTTPStatus.PERMANENT_REDIRECT)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(CHALLENGE_OCTETS)
    except OSError as error:
        raise Absent(Condition.NO_SUCH_CREDENTIAL, "there is no such challenge") from error
