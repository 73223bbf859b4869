"""What a webmail user, a JMAP program and a keeper of scripts tell a caged product."""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import managesieve
import pyotp

from tests.support.cage import WHO, Cage, letter

Json = dict[str, Any]


class Caller:
    """Somebody who asks a web listener, and what it told them last."""

    def __init__(self, cage: Cage, client: httpx.Client) -> None:
        """Ask over `client`."""
        self.cage = cage
        self.client = client
        self.account_id = ""
        self.capabilities: list[str] = []

    def post(self, path: str, status: int = 200, **body: Any) -> Json:
        """Send JSON to the account's API; look at the status; keep the session's token."""
        answer = self.client.post(f"/api/account{path}", json=body)
        assert answer.status_code == status, (path, answer.status_code, answer.text)
        told: Json = answer.json() if answer.content else {}
        if "csrf" in told:
            self.client.headers["x-csrf-token"] = told["csrf"]
        return told

    def renew(self) -> None:
        """Take the token of the session that a privilege's change made."""
        told = self.client.get("/api/account/session").raise_for_status().json()
        self.client.headers["x-csrf-token"] = told["csrf"]

    def begin(self) -> None:
        """Ask for the JMAP session."""
        session = self.client.get("/jmap/session").raise_for_status().json()
        self.account_id = session["primaryAccounts"]["urn:ietf:params:jmap:mail"]
        self.capabilities = list(session["capabilities"])

    def call(self, name: str, **arguments: Any) -> Json:
        """Call a method; return its answer's arguments, of an error too."""
        call = [name, {"accountId": self.account_id, **arguments}, "c"]
        body = {"using": self.capabilities, "methodCalls": [call]}
        answer = self.client.post("/jmap", json=body)
        assert answer.status_code == 200, answer.text
        told: Json = answer.json()["methodResponses"][0][1]
        return told

    def make(self, kind: str, **value: Any) -> Json:
        """Create one object, which must succeed."""
        told = self.call(f"{kind}/set", create={"k": value})
        assert told.get("created"), (kind, told)
        made: Json = told["created"]["k"]
        return made

    def upload(self, octets: bytes) -> str:
        """Upload; return the blob's id."""
        answer = self.client.post(f"/jmap/upload/{self.account_id}", content=octets)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["blobId"])


@contextmanager
def _page(cage: Cage) -> Iterator[Caller]:
    """A page of the webmail in a browser."""
    origin = f"https://localhost:{cage.product.port('https')}"
    fields = {
        "origin": origin,
        "sec-fetch-site": "same-origin",
        "user-agent": cage.named("agent"),
    }
    with httpx.Client(base_url=origin, verify=cage.tls(), headers=fields, trust_env=False) as it:
        yield Caller(cage, it)


def take_over(cage: Cage) -> str:
    """Sign in for the first time: a password of one's own, a second factor, an app password.

    Returns:
        A backup code.
    """
    with _page(cage) as page:
        page.post("/sign-in", address=WHO, password=cage.password)
        cage.password = f"{cage.named('own')} is a password of her own"
        code = page.post("/take-over", password=cage.password)["recovery_code"]
        page.renew()
        page.post("/recovery-code/confirm", 204, skipped=False)
        offered = page.post("/factors/totp")
        seed = offered["secret"].replace(" ", "")
        now = pyotp.TOTP(seed).now()
        backup = page.post("/factors/totp/confirm", code=now)["backup_codes"]
        made = page.post(
            *("/app-passwords", 201),
            label=cage.named("app"),
            scopes=["imap", "smtp", "jmap", "sieve"],
        )
        cage.app_password = made["secret"]
        cage.keep_secret(code, seed, made["secret"], *backup)
        _misbehave(cage, page)
    return str(backup[0])


def _misbehave(cage: Cage, page: Caller) -> None:
    """Say what is refused, with canaries in it."""
    page.post("/sign-in/start", address=f"{cage.named('start')}@example.test")
    nobody = f"{cage.named('nobody')}@example.test"
    page.post("/sign-in", 401, address=nobody, password=cage.named("guess"))
    page.post("/password", 403, old=cage.named("old"), new=cage.named("new") + " and long enough")
    page.post(f"/{cage.named('path')}", 404)
    for path in ("/api/account/history?x=", "/jmap/download/", "/"):
        page.client.get(path + cage.named("query"), headers={"x-more": cage.named("field")})
    octets = f'{{"{cage.named("json")}'.encode()
    broken = page.client.post("/jmap", content=octets, headers={"content-type": "application/json"})
    assert broken.status_code == 400


def keep_house(cage: Cage) -> None:
    """Use JMAP for everything it is for, with an app password."""
    origin = f"https://localhost:{cage.product.port('api')}"
    credential = (WHO, cage.app_password)
    with httpx.Client(
        base_url=origin, verify=cage.tls(), auth=credential, trust_env=False, timeout=30
    ) as client:
        program = Caller(cage, client)
        program.begin()
        _write(program)
        _look_up(program)
        told = program.call(f"Email/{cage.named('method')}", ids=[cage.named("id")])
        assert told["type"] == "unknownMethod"
        wrong = httpx.post(
            f"{origin}/jmap", auth=(WHO, cage.named("wrong")), verify=cage.tls(), json={}
        )
        assert wrong.status_code == 401


def _write(program: Caller) -> None:
    cage, named = program.cage, program.cage.named
    mailbox = program.make("Mailbox", name=named("jmapbox"))["id"]
    uploaded = program.upload(letter(cage, 200_000))
    imported = {"blobId": uploaded, "mailboxIds": {mailbox: True}, "keywords": {named("kw"): True}}
    assert program.call("Email/import", emails={"k": imported})["created"]
    attached = {"blobId": program.upload(named("upload").encode()), "name": named("filename")}
    email = program.make(
        "Email",
        mailboxIds={mailbox: True},
        keywords={named("keyword"): True},
        **{"from": [{"name": named("from"), "email": WHO}]},
        to=[{"name": named("to"), "email": f"{named('local')}@elsewhere.test"}],
        subject=named("subject"),
        textBody=[{"partId": "t"}],
        bodyValues={"t": {"value": named("body") + "\n" + "x" * 100_000}},
        attachments=[attached],
    )
    book = program.make("AddressBook", name=named("book"))["id"]
    program.make("ContactCard", addressBookIds={book: True}, notes={"n": {"note": named("note")}})
    identity = program.call("Identity/get", ids=None)["list"][0]["id"]
    sent = program.make(
        "EmailSubmission",
        identityId=identity,
        emailId=email["id"],
        envelope={
            "mailFrom": {"email": WHO, "parameters": {"HOLDFOR": "600"}},
            "rcptTo": [{"email": f"{named('rcpt')}@elsewhere.test"}],
        },
    )
    assert sent["undoStatus"] == "pending"
    script = program.upload(f'if header "x" "{named("rule")}" {{ discard; }}'.encode())
    program.make("SieveScript", name=named("script"), blobId=script)
    parsed = program.call("Email/parse", blobIds=[uploaded], properties=["subject"])
    assert cage.word in json.dumps(parsed)


def _look_up(program: Caller) -> None:
    """Search and read, so that whatever is kept to do it faster is there."""
    word = program.cage.word
    found = program.call("Email/query", filter={"text": f"{word}subject"}, calculateTotal=True)
    assert found["total"] > 2
    snippets = program.call(
        "SearchSnippet/get", filter={"text": f"{word}subject"}, emailIds=found["ids"]
    )
    assert word in json.dumps(snippets)
    got = program.call("Email/get", ids=found["ids"], fetchAllBodyValues=True)
    assert word in json.dumps(got["list"])
    program.call("ContactCard/query", filter={"text": word})


def settle_in(cage: Cage, code: str) -> None:
    """Do what only the webmail's own session may: identities, vacation, preferences, pictures."""
    with _page(cage) as page:
        page.post("/sign-in", address=WHO, password=cage.password)
        page.post("/sign-in/factor", factor={"kind": "backup", "code": code})
        page.begin()
        named = cage.named
        page.make("Identity", name=named("identity"), email=WHO, textSignature=named("signature"))
        vacation = {"isEnabled": True, "subject": named("away"), "textBody": named("vacation")}
        assert page.call("VacationResponse/set", update={"singleton": vacation})["updated"]
        page.make("Preference", name="labels", value=[{"name": named("label")}])
        ids = page.call("Email/query", limit=1)["ids"]
        for url in (f"https://{named('host')}.test/{named('picture')}", named("nourl")):
            page.client.post("/api/mail/remote-image", json={"email_id": ids[0], "url": url})
        page.client.post("/api/mail/unsubscribe", json={"email_id": ids[0], "by": "one_click"})
        page.post("/sign-out", 204)


def keep_scripts(cage: Cage) -> None:
    """Keep rules over ManageSieve (RFC 5804), good ones and broken ones."""
    port = cage.product.port("managesieve")
    client = managesieve.MANAGESIEVE("127.0.0.1", port, use_tls=True, tls_verify=False)
    wrapped = client.sock.sslobj  # which the client itself does not close
    assert client.login("", WHO, cage.app_password) == managesieve.OK
    name = cage.named("rules")
    text = f'require "fileinto"; if header "a" "{cage.named("told")}" {{ fileinto "Junk"; }}'
    assert client.putscript(name, text) == managesieve.OK
    assert client.setactive(name) == managesieve.OK
    assert client.putscript(cage.named("broken"), cage.named("nonsense")) == managesieve.NO
    assert client.getscript(cage.named("unknown"))[0] == managesieve.NO
    assert client.logout() == managesieve.OK
    wrapped.close()
    plain = base64.b64encode(f"\0{WHO}\0{cage.named('secret')}".encode()).decode()
    again = managesieve.MANAGESIEVE("127.0.0.1", port, use_tls=True, tls_verify=False)
    wrapped = again.sock.sslobj
    assert again.login("PLAIN", WHO, plain) == managesieve.NO
    again.logout()
    wrapped.close()
