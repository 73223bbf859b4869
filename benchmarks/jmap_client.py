"""A JMAP client that costs little: one connection, kept open, and JSON (RFC 8620 §2, §3.3).

It measures servers, so it waits for nothing but them: no name is looked up, no ACK is put off.
"""

import base64
import json
import socket
import ssl
from typing import Any, Self
from urllib.parse import urlsplit

USING = ["urn:ietf:params:jmap:core", "urn:ietf:params:jmap:mail"]
MAIL = USING[1]
TIMEOUT_SECONDS = 120

Answer = dict[str, Any]


class Web:
    """A connection to a web server, kept open from request to request."""

    def __init__(self, origin: str, ca_file: str | None = None) -> None:
        """Speak to `origin`, over TLS where it says https; `ca_file` is whom to believe."""
        where = urlsplit(origin)
        self._host = where.netloc
        self._socket = socket.create_connection(
            (where.hostname or "", where.port or 443), TIMEOUT_SECONDS
        )
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if where.scheme == "https":
            self._socket = _tls(ca_file).wrap_socket(self._socket)
        self._read = bytearray()

    def ask(
        self, method: str, path: str, body: bytes | None, fields: dict[str, str]
    ) -> tuple[int, dict[str, str], bytes]:
        """Make a request; return status, header (names in lower case) and body.

        Raises:
            OSError: the connection ended.
        """
        head = [f"{method} {path} HTTP/1.1", f"host: {self._host}"]
        head += [f"{name}: {value}" for name, value in fields.items()]
        head.append(f"content-length: {len(body or b'')}")
        self._socket.sendall("\r\n".join(head).encode() + b"\r\n\r\n" + (body or b""))
        status, *lines = self._until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        named = (line.partition(":") for line in lines)
        header = {name.lower(): value.strip() for name, _, value in named}
        if header.get("transfer-encoding", "").lower() == "chunked":
            octets = self._chunks()
        else:
            octets = self._exactly(int(header.get("content-length", 0)))
        return int(status.split()[1]), header, octets

    def _chunks(self) -> bytes:
        chunks = []
        while size := int(self._until(b"\r\n").partition(b";")[0], 16):
            chunks.append(self._exactly(size))
            self._exactly(2)
        while self._until(b"\r\n"):
            continue  # trailers
        return b"".join(chunks)

    def _until(self, mark: bytes) -> bytes:
        while (at := self._read.find(mark)) < 0:
            self._more()
        found = bytes(self._read[:at])
        del self._read[: at + len(mark)]
        return found

    def _exactly(self, octets: int) -> bytes:
        while len(self._read) < octets:
            self._more()
        found = bytes(self._read[:octets])
        del self._read[:octets]
        return found

    def _more(self) -> None:
        # A server that writes an answer in pieces (Cyrus does) would wait 40 ms for each ACK.
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        octets = self._socket.recv(1 << 18)
        if not octets:
            raise ConnectionError("the server closed the connection")
        self._read += octets

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

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
