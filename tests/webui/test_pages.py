"""The web app as its site sends it: where, with which headers, and never what is another's."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.support.web import WebServer, web_server
from webui.bundle import STATIC, File, read_bundle
from webui.pages import APP_PATHS
from webui.security import ALWAYS, DOCUMENT_POLICY, HSTS
from webui.site import Site

ROOT = Path(__file__).resolve().parents[2]
PATHS = ROOT / "webui" / "spa" / "src" / "router" / "paths.ts"


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with web_server(tmp_path) as server, asked(server) as opened:
        yield opened


def asked(server: WebServer) -> httpx.AsyncClient:
    return server.client("https", headers={"accept-encoding": "identity"})


def test_the_server_knows_the_paths_of_the_app() -> None:
    listed = re.findall(r": '/([\w-]*)[^']*',", PATHS.read_text())
    assert set(APP_PATHS[Site.WEBMAIL]) == set(listed) - {""}


async def test_every_address_of_the_app_is_its_page(client: httpx.AsyncClient) -> None:
    begun = await client.get("/")
    for path in ("/mail", "/mail/inbox/T1", "/settings/security", "/invitation", "/search?q=a"):
        answer = await client.get(path)
        assert answer.status_code == 200, path
        assert answer.content == begun.content
        fields = answer.headers
        assert fields["content-security-policy"] == DOCUMENT_POLICY
        assert fields["cache-control"] == "no-cache"
        assert fields["content-type"] == "text/html; charset=utf-8"
        assert fields["strict-transport-security"] == HSTS
        for name, _ in ALWAYS:
            assert len(fields.get_list(name)) == 1, (path, name)
    assert (await client.get("/mails")).status_code == 404


async def test_a_page_that_is_known_is_not_sent_again(client: httpx.AsyncClient) -> None:
    etag = (await client.get("/mail")).headers["etag"]
    again = await client.get("/mail", headers={"if-none-match": f'"else", {etag}'})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["content-security-policy"] == DOCUMENT_POLICY
    assert (await client.get("/mail", headers={"if-none-match": '"else"'})).status_code == 200


async def test_a_browser_with_a_session_is_told_what_the_mail_needs(
    client: httpx.AsyncClient,
) -> None:
    before = await client.get("/")
    with_session = {"cookie": "__Host-sid=whatever", "if-none-match": before.headers["etag"]}
    page = await client.get("/", headers=with_session)
    assert page.status_code == 200  # another document, with a name of its own
    assert page.headers["vary"] == before.headers["vary"] == "Cookie"
    assert page.headers["content-security-policy"] == DOCUMENT_POLICY
    soon = re.findall(r'<link rel="(\w+)"[^>]* href="(/assets/[\w.-]+)"', page.text)
    more = [each for each in soon if each[1] not in before.text]
    assert {kind for kind, _ in more} == {"modulepreload", "preload"}
    assert any("/Shell-" in path for _, path in more)
    for _, path in more:
        assert (await client.get(path)).status_code == 200


async def test_what_a_page_names_is_kept_for_good_in_its_smallest_form(
    client: httpx.AsyncClient,
) -> None:
    page = (await client.get("/")).text
    script = next(iter(re.findall(r"modulepreload[^>]* href=\"(/assets/[\w.-]+\.js)\"", page)))
    plain = await client.get(script)
    assert plain.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert plain.headers["content-type"] == "text/javascript; charset=utf-8"
    assert plain.headers["cross-origin-resource-policy"] == "same-origin"
    assert "content-encoding" not in plain.headers
    for accepted, coding in (("gzip, br;q=0.5", "br"), ("gzip", "gzip"), ("br;q=0, gzip", "gzip")):
        packed = await client.get(script, headers={"accept-encoding": accepted})
        assert packed.headers["content-encoding"] == coding
        assert packed.headers["vary"] == "Accept-Encoding"
        assert packed.content == plain.content
        assert int(packed.headers["content-length"]) < len(plain.content)


async def test_nothing_else_of_the_folder_is_sent(client: httpx.AsyncClient) -> None:
    for path in (
        "/assets/../.build-stamp",
        "/assets/%2e%2e/index.html",
        "/.build-stamp",
        "/.vite/manifest.json",
        "/index.html",
        "/assets/nothing.js",
        "/assets/",
    ):
        assert (await client.get(path)).status_code == 404, path


async def test_a_frame_runs_its_one_script_in_a_sandbox(client: httpx.AsyncClient) -> None:
    origin = str(client.base_url).rstrip("/")
    for name, frame in read_bundle().frames.items():
        page = await client.get(f"/{name}.html")
        assert page.status_code == 200
        policy = page.headers["content-security-policy"]
        assert f"script-src {origin}/{frame.path};" in policy
        assert "sandbox allow-scripts" in policy
        assert "allow-same-origin" not in policy
        assert "frame-ancestors 'self'" in policy
        assert page.headers["cache-control"] == "no-cache"
        script = await client.get(f"/{frame.path}")
        assert script.headers["cross-origin-resource-policy"] == "cross-origin"
    assert set(read_bundle().frames) >= {"frame"}


@pytest.mark.long
async def test_no_other_site_sends_the_webmail(tmp_path: Path) -> None:
    others = {
        "listeners__admin__address": "127.0.0.1:0",
        "listeners__portal__address": "127.0.0.1:0",
    }
    async with web_server(tmp_path, **others) as server:
        for door in ("api", "admin", "portal"):
            async with server.client(door) as client:
                assert (await client.get("/mail")).status_code in (401, 404), door
                for name in read_bundle().pages["index"].files:
                    assert (await client.get(f"/{name}")).status_code in (401, 404), (door, name)


def test_without_a_build_there_is_no_app(tmp_path: Path) -> None:
    assert not read_bundle(tmp_path).pages


def test_a_browser_gets_a_coding_that_it_takes() -> None:
    file = File(b"plain", "text/css", '"a"', {"br": b"b", "gzip": b"g"})
    assert file.for_browser("") == (b"plain", "")
    assert file.for_browser("GZIP;q=0.3") == (b"g", "gzip")
    assert file.for_browser("br;q=0.000, gzip;q=0") == (b"plain", "")
    assert file.for_browser("zstd, br") == (b"b", "br")


def test_no_page_has_anything_inline() -> None:
    for page in STATIC.glob("*.html"):
        if page.stem in read_bundle().frames:
            continue
        text = page.read_text()
        assert not re.search(r"<style|style=|<script(?![^>]*\bsrc=)|\bon\w+=", text), page.name
