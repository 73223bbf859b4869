"""What JMAP writes is sealed or guarded before it touches a disk (T-CANARY, PRIVACY §2)."""

import sqlite3
from pathlib import Path

from mailserver.crypto.context import Origin
from tests.support.jmap_calls import Client, hall_in, person
from tests.support.scanner import Scanner, sqlite_values

WORD = "kanarievogel4711"


async def _write(client: Client) -> None:
    """Put the word into everything that JMAP takes."""
    drafts = await client.mailbox("drafts")
    made = await client.call(
        "Email/set",
        create={
            "k": {
                "mailboxIds": {drafts: True},
                "keywords": {f"x{WORD}": True},
                "from": [{"name": WORD, "email": "ann@example.test"}],
                "to": [{"name": WORD, "email": f"{WORD}@elsewhere.test"}],
                "subject": WORD,
                "textBody": [{"partId": "t"}],
                "bodyValues": {"t": {"value": f"{WORD}\n" * 10_000}},
            }
        },
    )
    email = made["created"]["k"]
    identity = await client.call(
        "Identity/set",
        create={"k": {"name": WORD, "email": "ann@example.test", "textSignature": WORD}},
    )
    held = {
        "mailFrom": {"email": "ann@example.test", "parameters": {"HOLDFOR": "600"}},
        "rcptTo": [{"email": f"{WORD}@elsewhere.test"}],
    }
    create = {
        "k": {
            "identityId": identity["created"]["k"]["id"],
            "emailId": email["id"],
            "envelope": held,
        }
    }
    sent = await client.call("EmailSubmission/set", create=create)
    assert sent["created"]["k"]["undoStatus"] == "pending"
    book = await client.call("AddressBook/set", create={"k": {"name": WORD}})
    books = {book["created"]["k"]["id"]: True}
    card = {"addressBookIds": books, "notes": {"n": {"note": WORD}}}
    assert (await client.call("ContactCard/set", create={"k": card}))["created"]
    update = {"singleton": {"isEnabled": True, "subject": WORD, "textBody": WORD}}
    assert (await client.call("VacationResponse/set", update=update))["updated"]
    imported = {"blobId": email["blobId"], "mailboxIds": {drafts: True}}
    assert (await client.call("Email/import", emails={"k": imported}))["created"]


async def test_nothing_that_jmap_writes_can_be_read_on_disk(tmp_path: Path) -> None:
    async with hall_in(tmp_path, relay__enabled=True) as hall, person(hall) as client:
        await _write(client)
    scanner = Scanner(WORD.encode())
    assert scanner.tree(tmp_path) == set()
    database = tmp_path / "data" / "zegel.sqlite3"
    assert scanner.values(sqlite_values(database)) == set()
    with sqlite3.connect(database) as connection:
        origins = connection.execute(
            "SELECT DISTINCT k.origin, k.epoch FROM records r"
            " JOIN epochs k ON k.account_id = r.account_id AND k.epoch = r.epoch"
        ).fetchall()
    connection.close()
    assert {origin for origin, _ in origins} == {int(Origin.OWNER)}
    (tmp_path / "planted").write_bytes(WORD.encode())
    assert scanner.tree(tmp_path) != set()
