"""T-LOG-1 on every listener: what strangers and readers say to a server at INFO is in no line.

The metrics are scraped afterwards, and say nothing of it either (PRIVACY §11, §18).
"""

import asyncio
import base64
import imaplib
import json
import smtplib
import ssl
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from mailserver.app.house import open_house
from tests.support.cage import canary
from tests.support.house import DOMAIN, Serving, add_person, made, serving, settings_in
from tests.support.wire import raw

LISTENERS = (
    *("mx", "submission", "submissions", "lmtp", "imap", "imaps", "managesieve"),
    *("https", "api", "admin", "portal", "http", "metrics"),
)
SITES = ("https", "api", "admin", "portal", "http", "metrics")
WHO = f"noor@{DOMAIN}"


@dataclass(frozen=True)
class Talk:
    """A server, and the word that everybody says to it."""

    server: Serving
    word: str
    secret: str

    def tls(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.server.settings.tls.certificate)

    def address(self, name: str) -> tuple[str, int]:
        return "localhost", self.server.ports[name]

    def mail(self) -> None:
        """Deliver, and be refused, with the word wherever one fits."""
        word = self.word
        letter = f"From: {word} <{word}@else.test>\r\nSubject: {word}\r\n\r\n{word}\r\n".encode()
        for kind, name in ((smtplib.SMTP, "mx"), (smtplib.LMTP, "lmtp")):
            with kind(*self.address(name), local_hostname=word) as client:
                client.sendmail(f"{word}@{word}.test", [WHO], letter)
                client.docmd(word, word)
                client.docmd("MAIL", f"FROM:<{word}@else.test> {word}=1")
                client.docmd("MAIL", f"FROM:<{word}@else.test>")
                assert client.docmd("RCPT", f"TO:<{word}@{DOMAIN}>")[0] == 550
        for name in ("submission", "submissions"):
            kinds = {"submission": smtplib.SMTP, "submissions": smtplib.SMTP_SSL}
            more = {"context": self.tls()} if name == "submissions" else {}
            with kinds[name](*self.address(name), local_hostname=word, **more) as client:
                if name == "submission":
                    client.starttls(context=self.tls())
                with pytest.raises(smtplib.SMTPAuthenticationError):
                    client.login(f"{word}@{DOMAIN}", word)
                client.login(WHO, self.secret)
                with pytest.raises(smtplib.SMTPException):
                    client.sendmail(f"{word}@else.test", [WHO], letter)

    def read(self) -> None:
        """Use a mailbox, and be refused."""
        word = self.word
        for name in ("imap", "imaps"):
            client = (
                imaplib.IMAP4_SSL(*self.address(name), ssl_context=self.tls())
                if name == "imaps"
                else imaplib.IMAP4(*self.address(name))
            )
            if name == "imap":
                client.starttls(self.tls())
            with pytest.raises(imaplib.IMAP4.error):
                client.login(f"{word}@{DOMAIN}", word)
            client.login(WHO, self.secret)
            client.select("INBOX")
            assert client.search(None, "TEXT", word)[1] == [b"1 2"]
            client.fetch("1:*", "(BODY[])")
            client.create(f"{word}{name}")
            client.select(f"{word}{name}missing")
            client.xatom("ID", f'("name" "{word}")')
            with suppress(imaplib.IMAP4.error):
                client.xatom(word)
            client.logout()

    def keep_rules(self) -> None:
        """Say what ManageSieve refuses."""
        with raw(self.address("managesieve")) as wire:
            wire.until(b"OK")
            for line in (self.word, f'AUTHENTICATE "PLAIN" "{self.word}"', f'NOOP "{self.word}"'):
                wire.send(line.encode() + b"\r\n")
                time.sleep(0.1)

    def browse(self) -> None:
        """Ask every site for what it has and what it has not, and sign in wrongly."""
        word = self.word
        fields = {
            "User-Agent": word,
            "Referer": f"https://{word}.test/{word}",
            "Cookie": f"__Host-sid={word}; {word}={word}",
            "X-Forwarded-For": word,
            word: word,
        }
        login = base64.b64encode(f"{word}@{DOMAIN}:{word}".encode()).decode()
        paths = (
            *("/", f"/{word}", f"/api/{word}?{word}={word}", f"/metrics?{word}", f"/mail/{word}"),
            *(f"/.well-known/{word}", f"/.well-known/openpgpkey/hu/{word}?l={word}"),
            f"/jmap/download/{word}/{word}/{word}?type={word}",
        )
        for site in SITES:
            scheme = "https" if site not in ("http", "metrics") else "http"
            base = f"{scheme}://localhost:{self.server.ports[site]}"
            with httpx.Client(verify=self.tls(), base_url=base, headers=fields) as client:
                for path in paths:
                    client.get(path)
                    client.get(path, headers={"Host": f"{word}.test"})
                    client.get(path, headers={"Authorization": f"Basic {login}"})
                    client.post(path, json={word: word})
                typed = {"address": f"{word}@{DOMAIN}", "login": word, "password": word}
                client.post("/api/account/sign-in", json=typed, headers={"Origin": base})
                with suppress(httpx.HTTPError):
                    client.request(word.upper(), "/")
            with suppress(OSError), raw(self.address(site)) as wire:  # neither HTTP nor TLS
                wire.send(f"{word} {word}\r\n\r\n".encode())

    def scrape(self) -> str:
        answer = httpx.get(f"http://localhost:{self.server.ports['metrics']}/metrics")
        assert answer.status_code == 200
        return answer.text

    def everything(self) -> str:
        """Do all that; return the metrics."""
        self.mail()
        self.read()
        self.keep_rules()
        self.browse()
        return self.scrape()


def samples(text: str) -> Iterator[tuple[str, dict[str, str], float]]:
    for family in text_string_to_metric_families(text):
        yield from ((one.name, one.labels, one.value) for one in family.samples)


@pytest.mark.long
async def test_t_log_1_no_listener_writes_what_it_is_told(
    tmp_path: Path, databases: dict[str, str], capfd: pytest.CaptureFixture[str]
) -> None:
    word = canary()
    web = {f"listeners__{one}__address": "127.0.0.1:0" for one in (*SITES, "managesieve")}
    settings = settings_in(tmp_path, **databases, **web, log__level="info")
    await made(settings)
    async with open_house(settings) as house:
        secret = await add_person(house, "noor")
    async with serving(settings, seconds=90) as server:
        assert set(server.ports) == set(LISTENERS)
        text = await asyncio.to_thread(Talk(server, word, secret).everything)
    lines = capfd.readouterr().err.splitlines()
    said = [json.loads(line) for line in lines]
    assert len(said) > 100
    seen = {one.get("listener") for one in said} | {one.get("service") for one in said}
    # IMAP and ManageSieve write nothing as long as all is well; a scrape is no line either.
    assert {"mx", "lmtp", "submission", "https", "api", "admin", "portal", "http"} <= seen
    hits = [line for line in lines if word in line.lower() or "noor" in line]
    assert not hits, hits[:3]
    assert word not in text.lower()
    assert "noor" not in text
    _is_bounded(text)


def _is_bounded(text: str) -> None:
    """Only words of ours are labels, and what happened is counted."""
    found = list(samples(text))
    assert len(found) < 400
    words = {word for _, labels, _ in found for word in labels.values()}
    assert not [
        word for word in words if "@" in word or "." in word.removeprefix("0.").strip("0123456789.")
    ]
    assert DOMAIN not in text
    assert "else.test" not in text
    counted = {name: value for name, labels, value in found if len(labels) == 1}
    assert counted["zegel_imap_commands_total"] > 10
    assert counted["zegel_sealed_objects_total"] >= 2
    assert counted["zegel_opened_objects_total"] > 2
    assert counted["zegel_commit_seconds_count"] > 5
    failed = [v for n, labels, v in found if labels.get("result") == "failed"]
    assert failed[0] >= 4
    refused = [v for _, labels, v in found if labels.get("reason") == "no_such_user"]
    assert sum(refused) >= 2
