"""A program of other people's (jmapc) reads, sends and searches over the API listener."""

import asyncio
from pathlib import Path

import pytest
from jmapc import (
    Address,
    Client,
    Email,
    EmailAddress,
    EmailBodyPart,
    EmailBodyValue,
    EmailQueryFilterCondition,
    EmailSubmission,
    Envelope,
    Ref,
)
from jmapc.methods import (
    EmailGet,
    EmailGetResponse,
    EmailQuery,
    EmailSet,
    EmailSetResponse,
    EmailSubmissionSet,
    EmailSubmissionSetResponse,
    IdentityGet,
    IdentityGetResponse,
    MailboxGet,
    MailboxGetResponse,
)

from tests.support.web import web_server

ME = "noor@example.test"


def _mailboxes(client: Client) -> dict[str, str]:
    got = client.request(MailboxGet(ids=None))
    assert isinstance(got, MailboxGetResponse), got
    return {str(box.role): str(box.id) for box in got.data if box.role}


def _sent(client: Client, boxes: dict[str, str]) -> str:
    """Write a draft, submit it, and file it in Sent; return its id."""
    identities = client.request(IdentityGet(ids=None))
    assert isinstance(identities, IdentityGetResponse), identities
    draft = Email(
        mail_from=[EmailAddress(name="Noor", email=ME)],
        to=[EmailAddress(name="Noor", email=ME)],
        subject="Grüße aus Utrecht",
        keywords={"$draft": True},
        mailbox_ids={boxes["drafts"]: True},
        body_values={"body": EmailBodyValue(value="Das Fahrrad ist rot.")},
        text_body=[EmailBodyPart(part_id="body", type="text/plain")],
    )
    results = client.request(
        [
            EmailSet(create={"draft": draft}),
            EmailSubmissionSet(
                create={
                    "send": EmailSubmission(
                        email_id="#draft",
                        identity_id=identities.data[0].id,
                        envelope=Envelope(mail_from=Address(email=ME), rcpt_to=[Address(email=ME)]),
                    )
                },
                on_success_update_email={
                    "#send": {
                        "keywords/$draft": None,
                        f"mailboxIds/{boxes['drafts']}": None,
                        f"mailboxIds/{boxes['sent']}": True,
                    }
                },
            ),
        ]
    )
    made, submitted = results[0].response, results[1].response
    assert isinstance(made, EmailSetResponse), made
    assert isinstance(submitted, EmailSubmissionSetResponse), submitted
    assert submitted.created, submitted
    assert made.created is not None
    email = made.created["draft"]
    assert email is not None
    return str(email.id)


def _found(client: Client, inbox: str) -> list[Email]:
    results = client.request(
        [
            EmailQuery(filter=EmailQueryFilterCondition(in_mailbox=inbox, text="fahrrad")),
            EmailGet(ids=Ref("/ids"), fetch_text_body_values=True),
        ]
    )
    got = results[1].response
    assert isinstance(got, EmailGetResponse), got
    return list(got.data)


def _round_trip(host: str, secret: str, authority: str) -> None:
    client = Client.create_with_password(host, ME, secret)
    client.requests_session.verify = authority
    client.requests_session.trust_env = False
    boxes = _mailboxes(client)
    sent = _sent(client, boxes)
    got = client.request(EmailGet(ids=[sent], properties=["mailboxIds", "keywords"]))
    assert isinstance(got, EmailGetResponse), got
    assert got.data[0].mailbox_ids == {boxes["sent"]: True}
    (came,) = _found(client, boxes["inbox"])
    assert came.subject == "Grüße aus Utrecht"
    assert came.body_values is not None
    assert next(iter(came.body_values.values())).value == "Das Fahrrad ist rot."


@pytest.mark.long
async def test_jmapc_reads_sends_and_searches(tmp_path: Path) -> None:
    async with web_server(tmp_path) as server:
        host = server.origin("api").removeprefix("https://")
        authority = str(server.serving.settings.tls.certificate)
        async with asyncio.timeout(60):
            await asyncio.to_thread(_round_trip, host, server.secret, authority)
