"""The web app at its site: one page at every address of the app, and the files that it asks for.

`index.html` is asked for anew each time and answered with 304 where it is the same; what it names
has its hash in its name and is kept for good. A browser that comes with an old page after an
update finds its files gone; the app says so and loads anew.

Source: WEBUI §4 (frames), §5 (headers); RFC 9110 §13.1.2 (If-None-Match).
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from webui.account.cookies import SESSION
from webui.bundle import Bundle, File, Frame, Page
from webui.csrf import origin_of
from webui.errors import problem
from webui.security import DOCUMENT_POLICY, WORKER_POLICY, frame_policy
from webui.site import Place, Site

PAGES: Final = {Site.WEBMAIL: "index", Site.ADMIN: "admin", Site.PORTAL: "secure"}
"""The page of each site; no site sends another's."""
APP_PATHS: Final[Mapping[Site, tuple[str, ...]]] = {
    Site.WEBMAIL: (
        "mail",
        "search",
        "compose",
        "contacts",
        "settings",
        "privacy",
        "invitation",
        "reset",
        "recover",
    ),
    Site.ADMIN: (),
    Site.PORTAL: (),
}
"""First steps of the app's addresses, as `webui/spa/src/router/paths.ts` has them."""
KEPT: Final = "public, max-age=31536000, immutable"
SANDBOX: Final = {
    "frame": "allow-scripts allow-popups allow-popups-to-escape-sandbox",
    "editor": "allow-scripts",
}


def app_pages(place: Place, bundle: Bundle) -> APIRouter | None:
    """Return what sends the app of the site at `place`; None where none was built for it."""
    page = bundle.pages.get(PAGES.get(place.site, ""))
    if page is None:
        return None
    router = APIRouter(include_in_schema=False)
    _add_document(router, place.site, page)
    files = dict(page.files)
    if place.site is Site.WEBMAIL:
        for name, frame in bundle.frames.items():
            _add_frame(router, place, name, frame)
            files[frame.path] = frame.script
        for name, file in bundle.at_root.items():
            _add_at_root(router, name, file)
    shared = frozenset(frame.path for frame in bundle.frames.values())
    _add_files(router, files, shared=shared)
    return router


def _add_document(router: APIRouter, site: Site, page: Page) -> None:
    async def document(request: Request) -> Response:
        file = page.for_session if SESSION in request.cookies else page.document
        fields = {"content-security-policy": DOCUMENT_POLICY, "vary": "Cookie"}
        return _fresh(request, file, fields)

    for path in ("/", *(f"/{step}" for step in APP_PATHS[site])):
        router.add_api_route(path, document, methods=["GET"])
        if path != "/":
            router.add_api_route(path + "/{rest:path}", document, methods=["GET"])


def _add_frame(router: APIRouter, place: Place, name: str, frame: Frame) -> None:
    async def document(request: Request) -> Response:
        # 'self' is nothing in a sandbox, whose origin is opaque: the script has its whole name.
        script = f"{origin_of(place, request.headers)}/{frame.path}"
        policy = frame_policy(script, SANDBOX[name])
        return _fresh(request, frame.document, {"content-security-policy": policy})

    router.add_api_route(f"/{name}.html", document, methods=["GET"])


def _add_at_root(router: APIRouter, name: str, file: File) -> None:
    async def at_root(request: Request) -> Response:
        return _fresh(request, file, {"content-security-policy": WORKER_POLICY})

    router.add_api_route(f"/{name}", at_root, methods=["GET"])


def _add_files(router: APIRouter, files: Mapping[str, File], *, shared: frozenset[str]) -> None:
    async def asset(request: Request) -> Response:
        path = request.url.path.removeprefix("/")
        file = files.get(path)
        if file is None:
            return problem(HTTPStatus.NOT_FOUND)
        fields = {"cache-control": KEPT}
        if file.media_type.startswith("text/javascript"):
            fields["content-security-policy"] = WORKER_POLICY
        if path in shared:
            # A sandboxed frame is another origin to the browser, and this is its script.
            fields["cross-origin-resource-policy"] = "cross-origin"
        return _sent(request, file, fields)

    router.add_api_route("/assets/{name}", asset, methods=["GET"])


def _fresh(request: Request, file: File, fields: Mapping[str, str]) -> Response:
    """Send a file that the browser asks for each time; 304 where it has it."""
    return _sent(request, file, {**fields, "cache-control": "no-cache", "etag": file.etag})


def _sent(request: Request, file: File, fields: Mapping[str, str]) -> Response:
    known = [tag.strip().removeprefix("W/") for tag in _field(request, "if-none-match").split(",")]
    if "etag" in fields and file.etag in known:
        return Response(None, HTTPStatus.NOT_MODIFIED, dict(fields))
    body, coding = file.for_browser(_field(request, "accept-encoding"))
    headers = dict(fields)
    if file.encoded:
        headers["vary"] = ", ".join(filter(None, (headers.get("vary"), "Accept-Encoding")))
    if coding:
        headers["content-encoding"] = coding
    answer = Response(body, headers=headers)
    answer.headers["content-type"] = file.media_type
    return answer


def _field(request: Request, name: str) -> str:
    return request.headers.get(name, "")
