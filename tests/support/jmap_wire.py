"""JMAP over TLS with an app password, as a program speaks it: on a server in another process."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from tests.support.mail_clients import HOST, PATIENCE_SECONDS, User

USING = [
    "urn:ietf:params:jmap:core",
    "urn:ietf:params:jmap:mail",
    "urn:ietf:params:jmap:submission",
    "urn:ietf:params:jmap:vacationresponse",
    "urn:ietf:params:jmap:blob",
    "urn:ietf:params:jmap:quota",
]
MAIL = "urn:ietf:params:jmap:mail"

Json = dict[str, Any]


class JmapWire:
    """One program's connection to its account."""

    def __init__(self, client: httpx.Client) -> None:
        """Speak over `client`, which shows the credential."""
        self.client = client
        session = client.get("/jmap/session").raise_for_status().json()
        self.account_id = str(session["primaryAccounts"][MAIL])

    def request(self, *calls: tuple[str, Json]) -> list[tuple[str, Json]]:
        """Make one request; return each response's name and arguments."""
        named = [
            [name, {**self._account(name), **arguments}, f"c{n}"]
            for n, (name, arguments) in enumerate(calls)
        ]
        answer = self.client.post("/jmap", json={"using": USING, "methodCalls": named})
        assert answer.status_code == 200, answer.text
        return [(name, arguments) for name, arguments, _ in answer.json()["methodResponses"]]

    def _account(self, name: str) -> Json:
        of_account = not name.startswith(("Core/", "PushSubscription/"))
        return {"accountId": self.account_id} if of_account else {}

    def call(self, name: str, **arguments: Any) -> Json:
        """Call one method that must succeed; return its response's arguments."""
        told, answer = self.request((name, arguments))[0]
        assert told == name, answer
        return answer

    def mailboxes(self) -> list[Json]:
        """Return every mailbox."""
        return list(self.call("Mailbox/get", ids=None)["list"])

    def upload(self, octets: bytes) -> str:
        """Upload; return the blob id."""
        made = self.client.post(f"/jmap/upload/{self.account_id}", content=octets)
        assert made.status_code == 201, made.text
        return str(made.json()["blobId"])


def origin_of(user: User, door: str = "api") -> str:
    """Return the origin of a listener of a user's server, as its certificate names it."""
    return f"https://{HOST}:{user.server.port(door)}"


@contextmanager
def jmap(user: User) -> Iterator[JmapWire]:
    """Sign a program in for the length of a block."""
    with httpx.Client(
        base_url=origin_of(user),
        auth=(user.address, user.password),
        verify=user.tls,
        timeout=PATIENCE_SECONDS,
        trust_env=False,
    ) as client:
        yield JmapWire(client)
