"""A day with each of the Python clients: imaplib, IMAPClient and aioimaplib."""

import asyncio
import imaplib
import smtplib
from datetime import UTC, datetime

import pytest
from aioimaplib import aioimaplib
from imapclient import DELETED, FLAGGED, SEEN

from tests.support.mail_clients import HOST, SENDER, User, letter

LETTERS = [letter(f"Letter {number}", f"Word{number} in it.\r\n") for number in range(3)]


def imaplib_day(user: User, client: imaplib.IMAP4) -> None:
    """Do what a mail program does in a day."""
    user.deliver(*LETTERS)
    assert client.select("INBOX") == ("OK", [b"3"])
    one, two, three = client.uid("SEARCH", "ALL")[1][0].decode().split()
    _, found = client.uid("FETCH", "1:*", "(FLAGS BODY.PEEK[])")
    bodies = [item[1] for item in found if isinstance(item, tuple)]
    assert [body.endswith(sent) for body, sent in zip(bodies, LETTERS, strict=True)] == [True] * 3
    assert client.uid("STORE", one, "+FLAGS", r"(\Flagged $Important)")[0] == "OK"
    assert client.uid("SEARCH", "KEYWORD", "$Important")[1] == [one.encode()]
    assert client.uid("SEARCH", "TEXT", "word1")[1] == [two.encode()]
    assert client.create("Work/2026")[0] == "OK"
    assert client.subscribe("Work/2026")[0] == "OK"
    assert client.uid("COPY", one, "Work/2026")[0] == "OK"
    assert client.uid("MOVE", two, "Work/2026")[0] == "OK"
    status = client.status("Work/2026", "(MESSAGES UNSEEN UIDNEXT)")[1][0]
    assert status == b"Work/2026 (MESSAGES 2 UNSEEN 2 UIDNEXT 3)"
    answer, said = client.append("Work/2026", r"(\Seen)", "", LETTERS[2])
    assert answer == "OK"
    assert said[0].startswith(b"[APPENDUID ")
    assert client.uid("STORE", three, "+FLAGS.SILENT", r"\Deleted")[0] == "OK"
    assert client.expunge() == ("OK", [b"2", b"2"])  # the first is MOVE's, kept by imaplib
    assert client.uid("SEARCH", "ALL")[1] == [one.encode()]
    assert client.unselect()[0] == "OK"
    assert client.rename("Work/2026", "Old")[0] == "OK"
    assert client.delete("Old")[0] == "OK"
    assert client.delete("Old")[0] == "NO"
    assert client.noop()[0] == "OK"


def test_imaplib_over_tls(user: User) -> None:
    with user.imaplib() as client:
        imaplib_day(user, client)


def test_imaplib_over_plain_loopback_and_by_authenticate(user: User) -> None:
    with imaplib.IMAP4(HOST, user.server.port("imap")) as client:
        secret = f"\0{user.address}\0{user.password}".encode()
        assert client.authenticate("PLAIN", lambda _: secret)[0] == "OK"
        imaplib_day(user, client)


def test_a_wrong_password_and_the_account_password_open_nothing(user: User) -> None:
    account_password = str(user.server.found["account_password"])
    for password in ("wrong", account_password):
        client = imaplib.IMAP4_SSL(HOST, user.server.port("imaps"), ssl_context=user.tls)
        with pytest.raises(imaplib.IMAP4.error, match=r"AUTHENTICATIONFAILED|app password"):
            client.login(user.address, password)
        client.logout()


def test_imapclient(user: User) -> None:
    with user.imapclient() as client:
        user.deliver(*LETTERS)
        names = {name: set(flags) for flags, _, name in client.list_folders()}
        assert b"\\Drafts" in names["Drafts"]
        assert client.find_special_folder(b"\\Sent") == "Sent"
        assert client.namespace().personal == (("", "/"),)
        assert client.select_folder("INBOX")[b"EXISTS"] == 3
        found = client.fetch(client.search("UNSEEN"), ["ENVELOPE", "RFC822.SIZE", "INTERNALDATE"])
        assert [found[uid][b"ENVELOPE"].subject for uid in sorted(found)] == [
            b"Letter 0",
            b"Letter 1",
            b"Letter 2",
        ]
        one, two, three = client.search("ALL")
        assert {FLAGGED, b"$Forwarded"} <= set(
            client.add_flags([one], [FLAGGED, "$Forwarded"])[one]
        )
        assert b"$Forwarded" not in client.remove_flags([one], ["$Forwarded"])[one]
        assert SEEN in client.set_flags([two], [SEEN])[two]
        client.create_folder("Zürich & zo")
        assert client.folder_exists("Zürich & zo")
        client.copy([one], "Zürich & zo")
        client.move([two], "Zürich & zo")
        assert client.folder_status("Zürich & zo", ["MESSAGES"])[b"MESSAGES"] == 2
        at = datetime(2026, 3, 2, 9, 0, 0, tzinfo=UTC)
        assert b"APPENDUID" in client.append("Zürich & zo", LETTERS[2], [SEEN], at)
        assert client.search(["FLAGGED"]) == [one]
        assert client.search(["SUBJECT", "letter 2", "NOT", "SEEN"]) == [three]
        assert client.search(["BODY", "Zürich"], "UTF-8") == []
        assert {FLAGGED, DELETED} <= set(client.delete_messages([one, three])[one])
        client.uid_expunge([three])
        assert client.search("ALL") == [one]
        client.select_folder("Zürich & zo", readonly=True)
        assert SEEN in client.fetch([3], ["FLAGS"])[3][b"FLAGS"]


async def test_aioimaplib(user: User) -> None:
    client = aioimaplib.IMAP4_SSL(HOST, user.server.port("imaps"), ssl_context=user.tls)
    await client.wait_hello_from_server()
    assert (await client.login(user.address, user.password)).result == "OK"
    assert (await client.select("INBOX")).result == "OK"
    idle = await client.idle_start(timeout=60)
    await asyncio.to_thread(user.deliver, LETTERS[0])
    pushed = await client.wait_server_push(timeout=30)
    assert b"1 EXISTS" in pushed
    client.idle_done()
    await asyncio.wait_for(idle, 30)
    (uid,) = (await client.uid_search("ALL")).lines[0].decode().split()
    answer = await client.uid("fetch", "1:*", "(FLAGS BODY.PEEK[])")
    assert answer.result == "OK"
    assert any(bytes(line).endswith(LETTERS[0]) for line in answer.lines)
    assert (await client.uid("store", uid, r"+FLAGS.SILENT (\Flagged)")).result == "OK"
    assert (await client.uid_search("FLAGGED")).lines[0] == uid.encode()
    odd = b"Subject: bare\nline feeds\n\nand \r carriage returns\n"
    assert (await client.append(odd, "Archive", r"\Seen")).result == "OK"
    assert (await client.create("Elsewhere")).result == "OK"
    assert (await client.uid("move", uid, "Elsewhere")).result == "OK"
    assert (await client.select("Archive")).result == "OK"
    assert odd in [bytes(one) for one in (await client.fetch("1", "(BODY.PEEK[])")).lines]
    assert (await client.store("1", "+FLAGS", r"(\Deleted)")).result == "OK"
    assert b"1 EXPUNGE" in (await client.expunge()).lines
    assert (await client.logout()).result == "OK"


@pytest.mark.parametrize("listener", ["submission", "submissions"])
def test_smtplib_submits(user: User, other: User, listener: str) -> None:
    port = user.server.port(listener)
    client: smtplib.SMTP
    if listener == "submissions":
        client = smtplib.SMTP_SSL(HOST, port, context=user.tls)
    else:
        client = smtplib.SMTP(HOST, port)
    with client:
        if listener == "submission":
            assert not client.has_extn("auth")
            client.starttls(context=user.tls)
        client.login(user.address, user.password)
        own = letter("Of mine", From=user.address)
        assert client.sendmail(user.address, [other.address], own) == {}
        with pytest.raises(smtplib.SMTPDataError, match="not yours"):
            client.sendmail(user.address, [other.address], LETTERS[0])
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            client.sendmail(user.address, ["stranger@elsewhere.example"], own)
        with pytest.raises((smtplib.SMTPSenderRefused, smtplib.SMTPRecipientsRefused)):
            client.sendmail(SENDER, [other.address], own)
    with other.imapclient() as reader:
        reader.select_folder("INBOX")
        (uid,) = reader.search("ALL")
        assert reader.fetch([uid], ["BODY[]"])[uid][b"BODY[]"].endswith(own)
