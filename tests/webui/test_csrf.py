"""Which requests of a browser count (PRIVACY §6)."""

from pathlib import Path

from tests.support.web import from_page, web_server

JSON = {"content-type": "application/json"}
ELSE = "https://else.test"


async def test_a_change_needs_every_sign_of_its_own_page(tmp_path: Path) -> None:
    async with web_server(tmp_path) as server, server.client() as client:
        whole = {**from_page(server), **JSON}
        assert (await client.post("/x", headers=whole, content=b"{}")).status_code == 404
        for wrong in (
            {"origin": ELSE},
            {"origin": "null"},
            {"origin": server.origin(host="else.test")},
            {"sec-fetch-site": "cross-site"},
            {"sec-fetch-site": "same-site"},
            {"sec-fetch-site": "none"},
            {"content-type": "text/plain"},
            {"content-type": "multipart/form-data; boundary=x"},
            {"content-type": "application/x-www-form-urlencoded"},
        ):
            answer = await client.post("/x", headers={**whole, **wrong}, content=b"{}")
            assert answer.status_code == 403, wrong
        for missing in whole:
            fields = {name: value for name, value in whole.items() if name != missing}
            answer = await client.post("/x", headers=fields, content=b"{}")
            assert answer.status_code == 403, missing
        for method in ("PUT", "PATCH", "DELETE"):
            assert (await client.request(method, "/x")).status_code == 403


async def test_the_web_site_takes_no_authorization_and_asks_for_none(tmp_path: Path) -> None:
    async with web_server(tmp_path) as server, server.client() as client:
        refused = await client.get("/", auth=("noor@example.test", server.secret))
        assert refused.status_code == 403
        assert "www-authenticate" not in refused.headers


async def test_pages_use_the_api_only_from_origins_that_were_named(tmp_path: Path) -> None:
    named = "https://friend.test"
    async with (
        web_server(tmp_path, api__origins=named) as server,
        server.client("api") as client,
    ):
        for fields in (
            {"origin": ELSE},
            {"origin": "null"},
            {"sec-fetch-site": "none"},
            {"sec-fetch-site": "cross-site"},
            {"origin": "https://friend.test.else.test"},
        ):
            answer = await client.get("/x", headers=fields)
            assert answer.status_code == 403, fields
            assert "access-control-allow-origin" not in answer.headers
        answer = await client.get("/x", headers={"origin": named, "sec-fetch-site": "cross-site"})
        assert answer.status_code == 404
        assert answer.headers["access-control-allow-origin"] == named
        assert answer.headers["vary"] == "Origin"
        assert "access-control-allow-credentials" not in answer.headers
        asked = await client.options(
            "/jmap", headers={"origin": named, "access-control-request-method": "POST"}
        )
        assert asked.status_code == 204
        assert "Authorization" in asked.headers["access-control-allow-headers"]
