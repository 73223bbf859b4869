"""Port 80: challenges, and the way to https."""

from pathlib import Path

import httpx

from tests.support.web import web_server

CHALLENGES = ".well-known/acme-challenge"
TOKEN = "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA"


async def test_challenges_are_shown_and_nothing_else_of_the_directory(tmp_path: Path) -> None:
    webroot = tmp_path / "webroot"
    (webroot / CHALLENGES).mkdir(parents=True)
    (webroot / CHALLENGES / TOKEN).write_text(f"{TOKEN}.thumbprint")
    (webroot / "secret").write_text("secret")
    (webroot / CHALLENGES / "link").symlink_to(tmp_path / "nothing")
    async with (
        web_server(
            tmp_path, listeners__http__address="127.0.0.1:0", web__acme_webroot=str(webroot)
        ) as server,
        httpx.AsyncClient(base_url=server.origin("http"), trust_env=False) as client,
    ):
        for host in ("example.test", "whatever.else.test"):
            answer = await client.get(f"/{CHALLENGES}/{TOKEN}", headers={"host": host})
            assert answer.text == f"{TOKEN}.thumbprint"
            assert answer.headers["content-type"].startswith("text/plain")
        for wrong in ("no-such-token", "..%2f..%2fsecret", "%2e%2e", "link", "a" * 200, "a.b"):
            answer = await client.get(f"/{CHALLENGES}/{wrong}", headers={"host": "localhost"})
            # A slash makes it another path, which is sent to https.
            assert answer.status_code == (308 if "%2f" in wrong else 404), wrong
            assert "secret" not in answer.text


async def test_everything_else_is_sent_to_https_under_names_of_ours(tmp_path: Path) -> None:
    async with (
        web_server(tmp_path, listeners__http__address="127.0.0.1:0") as server,
        httpx.AsyncClient(base_url=server.origin("http"), trust_env=False) as client,
    ):
        port = server.serving.ports["https"]
        for host, path in (
            ("localhost", "/a/b?c=d"),
            ("autoconfig.example.test", "/mail/config-v1.1.xml?emailaddress=a@example.test"),
            ("example.test", "//else.test/x"),
        ):
            whole = server.origin("http", "127.0.0.1") + path
            answer = await client.get(whole, headers={"host": host})
            assert answer.status_code == 308, path
            assert answer.headers["location"] == f"https://{host}:{port}{path}"
            assert "strict-transport-security" not in answer.headers  # RFC 6797 §7.2
        broken = await client.get("/%0d%0aX:y", headers={"host": "example.test"})
        assert broken.status_code == 404
        assert "x" not in broken.headers
        assert (await client.get("/", headers={"host": "else.test"})).status_code == 403
        assert (await client.post("/", content=b"x")).status_code == 405
