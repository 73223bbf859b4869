"""A JMAP client that costs little: one connection, kept open, and JSON (RFC 8620 §2, §3.3)."""

import base64
import http.client
import json
import ssl
from typing import Any, Self
from urllib.parse import urlsplit

USING = ["urn:ietf:params:jmap:core", "urn:ietf:params:jmap:mail"]
MAIL = USING[1]
TIMEOUT_SECONDS = 120

Answer = dict[str, Any]


class Web:
    """A connection to a web server, opened again when it was closed."""

    def __init__(self, origin: str, ca_file: str | None = None) -> None:
        """Speak to `origin`, over TLS where it says https; `ca_file` is whom to believe."""
        where = urlsplit(origin)
        host, port = where.hostname or "", where.port
        if where.scheme == "https":
            self._http: http.client.HTTPConnection = http.client.HTTPSConnection(
                host, port, timeout=TIMEOUT_SECONDS, context=_tls(ca_file)
            )
        else:
            self._http = http.client.HTTPConnection(host, port, timeout=TIMEOUT_SECONDS)

    def ask(
        self, method: str, path: str, body: bytes | None, fields: dict[str, str]
    ) -> tuple[int, dict[str, str], bytes]:
        """Make a request; return status, header (names in lower case) and body."""
        self._http.request(method, path, body, fields)
        response = self._http.getresponse()
        octets = response.read()
        return response.status, {k.lower(): v for k, v in response.getheaders()}, octets

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def __enter__(self) -> Self:
        """Use it for a block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()


def _tls(ca_file: str | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca_file)
    context.check_hostname = False  # throw-away servers are called localhost and asked by number
    return context


class Jmap:
    """Somebody's mail account on a JMAP server."""

    def __init__(self, web: Web, user: str, password: str) -> None:
        """Sign in to the server behind `web`.

        Raises:
            RuntimeError: it has no JMAP session for us.
        """
        self._web = web
        credential = base64.b64encode(f"{user}:{password}".encode()).decode()
        self._fields = {"authorization": f"Basic {credential}", "content-type": "application/json"}
        session = self._session("/.well-known/jmap")
        self.account_id: str = session["primaryAccounts"][MAIL]
        url = urlsplit(session["apiUrl"])
        self._path = url.path + (f"?{url.query}" if url.query else "")

    def _session(self, path: str) -> Answer:
        for _ in range(3):
            status, fields, octets = self._web.ask("GET", path, None, self._fields)
            if status == 200:
                found: Answer = json.loads(octets)
                return found
            if "location" not in fields:
                break
            path = urlsplit(fields["location"]).path
        raise RuntimeError(f"no JMAP session: {status} {octets[:200]!r}")

    def request(self, *calls: tuple[str, Answer]) -> list[Answer]:
        """Make some calls in one request; return their responses' arguments.

        Raises:
            RuntimeError: one of them failed.
        """
        body = {
            "using": USING,
            "methodCalls": [
                [name, {"accountId": self.account_id, **arguments}, f"c{n}"]
                for n, (name, arguments) in enumerate(calls)
            ],
        }
        status, _, octets = self._web.ask(
            "POST", self._path, json.dumps(body).encode(), self._fields
        )
        if status != 200:
            raise RuntimeError(f"{status} {octets[:200]!r}")
        answers = json.loads(octets)["methodResponses"]
        for name, arguments, _ in answers:
            if name == "error":
                raise RuntimeError(f"{arguments}")
        return [arguments for _, arguments, _ in answers]

    def call(self, name: str, **arguments: Any) -> Answer:
        """Make one call; return its response's arguments."""
        return self.request((name, arguments))[0]

    def mailbox(self, role: str) -> str:
        """Return the id of the mailbox with a role."""
        listed = self.call("Mailbox/get", ids=None, properties=["role"])["list"]
        return next(str(each["id"]) for each in listed if each["role"] == role)
