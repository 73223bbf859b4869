"""The web behind several processes: sessions, uploads, changes and revocations are everybody's.

Every request comes over a connection of its own, so that the kernel chooses who takes it: that a
dozen of them come to one process alone happens once in two thousand times.
"""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from tests.support.jmap_wire import USING, origin_of
from tests.support.mail_clients import User
from tests.support.server import databases, serving

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]

CROWD = 12
REVOKED_WITHIN = 5.0  # PRIVACY §6
MAIL = "urn:ietf:params:jmap:mail"
AS_MESSAGE = {"content-type": "message/rfc822"}
LETTER = b"From: a@elsewhere.example\r\nSubject: uploaded\r\n\r\nWords.\r\n"


@pytest.fixture(scope="module")
def person(tmp_path_factory: pytest.TempPathFactory) -> Iterator[User]:
    """Somebody at a server of two processes, on PostgreSQL."""
    with asyncio.Runner() as runner:
        bases = databases("postgresql")
        options = runner.run(bases.__aenter__())
        with serving(tmp_path_factory.mktemp("pair"), *options, "--workers", "2") as server:
            yield User(server, *server.user())
            assert len(server.children) == 2
            said = server.words()
        runner.run(bases.__aexit__(None, None, None))
    assert '"level":"error"' not in said


class Page:
    """A page of the webmail, whose browser keeps no connection."""

    def __init__(self, user: User) -> None:
        self._user = user
        self._origin = origin_of(user, "https")
        self._cookies: dict[str, str] = {}
        self._csrf = ""
        self.account_id = ""

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Make one request over a connection of its own."""
        fields = {"origin": self._origin, "sec-fetch-site": "same-origin"}
        fields |= {"x-csrf-token": self._csrf} if self._csrf else {}
        fields["cookie"] = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        fields |= options.pop("headers", {})
        with self._client() as client:
            answer = client.request(method, path, headers=fields, **options)
        self._cookies |= dict(answer.cookies)
        return answer

    def _client(self) -> httpx.Client:
        return httpx.Client(
            base_url=self._origin, verify=self._user.tls, timeout=30, trust_env=False
        )

    def sign_in(self) -> "Page":
        """Begin a session."""
        password = str(self._user.server.found["account_password"])
        login = {"address": self._user.address, "password": password}
        begun = self.ask("POST", "/api/account/sign-in", json=login)
        assert begun.status_code == 200, begun.text
        self._csrf = begun.json()["csrf"]
        session = self.ask("GET", "/jmap/session").json()
        self.account_id = session["primaryAccounts"][MAIL]
        return self

    def call(self, name: str, **arguments: Any) -> Any:
        """Call a method."""
        calls = [[name, {"accountId": self.account_id, **arguments}, "c"]]
        answer = self.ask("POST", "/jmap", json={"using": USING, "methodCalls": calls})
        assert answer.status_code == 200, answer.text
        told, response, _ = answer.json()["methodResponses"][0]
        assert told == name, response
        return response

    @contextmanager
    def listeners(self, count: int) -> Iterator[list[list[tuple[float, str]]]]:
        """Have so many streams of events for the length of a block; what each heard, and when."""
        heard: list[list[tuple[float, str]]] = [[] for _ in range(count)]
        ready = threading.Barrier(count + 1)
        clients = [self._client() for _ in range(count)]
        cookie = "; ".join(f"{name}={value}" for name, value in self._cookies.items())

        def listen(client: httpx.Client, mine: list[tuple[float, str]]) -> None:
            begun = False
            try:
                with client.stream(
                    "GET", "/jmap/events", params={"types": "*"}, headers={"cookie": cookie}
                ) as answer:
                    for line in answer.iter_lines():
                        if not begun:
                            begun = True
                            ready.wait(30)
                        mine.append((time.monotonic(), line))
            except (httpx.HTTPError, OSError, RuntimeError):
                mine.append((time.monotonic(), "broken"))
            mine.append((time.monotonic(), "ended"))

        threads = [
            threading.Thread(target=listen, args=each, daemon=True)
            for each in zip(clients, heard, strict=True)
        ]
        for thread in threads:
            thread.start()
        ready.wait(30)
        try:
            yield heard
        finally:
            for client in clients:
                client.close()


def wait_for(heard: list[list[tuple[float, str]]], words: str) -> list[float]:
    """Wait until each of the streams said something with `words`; return when each did."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        at = [next((at for at, line in mine if words in line), 0.0) for mine in list(heard)]
        if all(at):
            return at
        time.sleep(0.02)
    raise AssertionError(heard)


def test_a_session_is_one_in_every_process(person: User) -> None:
    page = Page(person).sign_in()
    for _ in range(CROWD):
        told = page.ask("GET", "/api/account/session")
        assert (told.status_code, told.json()["address"]) == (200, person.address)
    assert len([s for s in page.ask("GET", "/api/account/sessions").json() if s["current"]]) == 1


def test_what_one_process_took_another_makes_a_message_of(person: User) -> None:
    page = Page(person).sign_in()
    inbox = next(b["id"] for b in page.call("Mailbox/get")["list"] if b["role"] == "inbox")
    for number in range(CROWD):
        large = LETTER + b"x" * (number * 20_000)
        path = f"/jmap/upload/{page.account_id}"
        made = page.ask("POST", path, content=large, headers=AS_MESSAGE)
        assert made.status_code == 201, made.text
        email = {"blobId": made.json()["blobId"], "mailboxIds": {inbox: True}}
        answer = page.call("Email/import", emails={"k": email})
        assert answer["created"], answer
        name = answer["created"]["k"]["id"]
        assert page.call("Email/get", ids=[name])["list"][0]["subject"] == "uploaded"


def test_what_is_done_at_one_process_is_heard_at_the_others(person: User) -> None:
    page = Page(person).sign_in()
    with page.listeners(CROWD) as heard:
        state = page.call("Mailbox/set", create={"k": {"name": "Heard"}})["newState"]
        wait_for(heard, f'"Mailbox":"{state}"')


def test_a_revoked_session_ends_everywhere_within_five_seconds(person: User) -> None:
    owner, lost = Page(person).sign_in(), Page(person).sign_in()
    name = next(s["id"] for s in lost.ask("GET", "/api/account/sessions").json() if s["current"])
    with lost.listeners(CROWD) as heard:
        for _ in range(CROWD):  # open at both
            assert lost.ask("GET", "/jmap/session").status_code == 200
        began_at = time.monotonic()
        gone = owner.ask("DELETE", f"/api/account/sessions/{name}")
        assert gone.status_code == 204, gone.text
        assert max(wait_for(heard, "ended")) - began_at < REVOKED_WITHIN
    for _ in range(CROWD):
        assert lost.ask("GET", "/jmap/session").status_code == 401
    assert owner.ask("GET", "/jmap/session").status_code == 200


def test_passwords_guessed_at_any_process_are_in_the_history(person: User) -> None:
    page = Page(person)
    wrong = {"address": person.address, "password": "not the password of anybody"}
    for _ in range(CROWD):
        assert page.ask("POST", "/api/account/sign-in", json=wrong).status_code == 401
    page.sign_in()
    end = time.monotonic() + 30
    while time.monotonic() < end:  # the other process writes within seconds
        told = page.ask("GET", "/api/account/history").json()
        failed = sum(each["times"] for each in told if each["what"] == "password-failed")
        if failed == CROWD:
            return
        time.sleep(0.5)
    raise AssertionError(told)
