"""Somebody else's JMAP client reads mail over TLS: jmapc."""

import asyncio
from pathlib import Path

import jmapc
from jmapc.methods import (
    EmailGet,
    EmailGetResponse,
    EmailQuery,
    EmailQueryResponse,
    MailboxGet,
    MailboxGetResponse,
    SearchSnippetGet,
    SearchSnippetGetResponse,
    ThreadGet,
    ThreadGetResponse,
)

from tests.support.web import WebServer, web_server

LOGIN = "noor@example.test"
LETTER = (
    b"From: Bob <bob@else.test>\r\nTo: noor@example.test\r\nSubject: Plan\r\n"
    b"Message-ID: <plan@else.test>\r\n\r\nSour cherry strudel.\r\n"
)


def _client(server: WebServer) -> jmapc.Client:
    host = server.origin("api").removeprefix("https://")
    client = jmapc.Client.create_with_password(host, LOGIN, server.secret)
    client.requests_session.verify = str(server.serving.settings.tls.certificate)
    client.requests_session.trust_env = False
    return client


def _read(server: WebServer) -> None:
    client = _client(server)
    results = client.request(MailboxGet(ids=None))
    assert isinstance(results, MailboxGetResponse)
    inbox = next(each for each in results.data if each.role == "inbox")
    assert inbox.total_emails == 1
    query, got, threads, snippets = client.request(
        [
            EmailQuery(filter=jmapc.EmailQueryFilterCondition(in_mailbox=inbox.id, body="cherry")),
            EmailGet(ids=jmapc.Ref("/ids"), fetch_text_body_values=True),
            ThreadGet(ids=jmapc.Ref("/list/*/threadId")),
            SearchSnippetGet(
                ids=jmapc.Ref("/ids", method=0),
                filter=jmapc.EmailQueryFilterCondition(body="cherry"),
            ),
        ]
    )
    assert isinstance(query.response, EmailQueryResponse)
    assert isinstance(got.response, EmailGetResponse)
    (email,) = got.response.data
    assert email.subject == "Plan"
    assert query.response.ids == [email.id]
    assert email.mail_from is not None
    assert email.mail_from[0].email == "bob@else.test"
    assert email.text_body is not None
    assert email.body_values is not None
    assert email.body_values[str(email.text_body[0].part_id)].value == "Sour cherry strudel.\n"
    assert isinstance(threads.response, ThreadGetResponse)
    assert threads.response.data[0].email_ids == [email.id]
    assert isinstance(snippets.response, SearchSnippetGetResponse)
    assert snippets.response.data[0].preview == "Sour <mark>cherry</mark> strudel."


async def test_jmapc_finds_and_reads_a_message(tmp_path: Path) -> None:
    async with web_server(tmp_path) as server:
        async with server.client("api", auth=(LOGIN, server.secret), timeout=20) as client:
            session = (await client.get("/.well-known/jmap")).json()
            account_id = session["primaryAccounts"]["urn:ietf:params:jmap:mail"]
            blob = (await client.post(f"/jmap/upload/{account_id}", content=LETTER)).json()
            using = ["urn:ietf:params:jmap:core", "urn:ietf:params:jmap:mail"]
            inbox = ["Mailbox/query", {"accountId": account_id, "filter": {"role": "inbox"}}, "0"]
            found = await client.post("/jmap", json={"using": using, "methodCalls": [inbox]})
            mailbox = found.json()["methodResponses"][0][1]["ids"][0]
            email = {"blobId": blob["blobId"], "mailboxIds": {mailbox: True}}
            call = ["Email/import", {"accountId": account_id, "emails": {"k": email}}, "0"]
            await client.post("/jmap", json={"using": using, "methodCalls": [call]})
        await asyncio.to_thread(_read, server)
