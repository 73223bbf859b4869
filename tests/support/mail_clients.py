"""Accounts of a running server in the hands of other people's Python clients."""

import imaplib
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from imapclient import IMAPClient

from tests.support.corpus import Letter, letters
from tests.support.server import Server

HOST = "localhost"  # as the certificate has it
SENDER = "sender@elsewhere.example"
PATIENCE_SECONDS = 30
KEPT = ("INBOX", "Drafts", "Sent", "Junk", "Trash", "Archive")


@dataclass(frozen=True)
class User:
    """Somebody with an account on a running server."""

    server: Server
    address: str
    password: str

    @property
    def ca_file(self) -> str:
        """Return the file whose certificate the server's TLS is verified by."""
        return str(self.server.found["ca_file"])

    @property
    def tls(self) -> ssl.SSLContext:
        """Return a context that trusts this server and no other."""
        return ssl.create_default_context(cafile=self.ca_file)

    def imapclient(self) -> IMAPClient:
        """Return an IMAPClient that is signed in over TLS; a context manager that signs out."""
        client = IMAPClient(
            HOST, self.server.port("imaps"), ssl_context=self.tls, timeout=PATIENCE_SECONDS
        )
        client.login(self.address, self.password)
        return client

    def imaplib(self) -> imaplib.IMAP4_SSL:
        """Return an imaplib client that is signed in over TLS; a context manager."""
        client = imaplib.IMAP4_SSL(
            HOST, self.server.port("imaps"), ssl_context=self.tls, timeout=PATIENCE_SECONDS
        )
        client.login(self.address, self.password)
        return client

    @contextmanager
    def mx(self) -> Iterator[smtplib.SMTP]:
        """Connect to the MX as another server does."""
        with smtplib.SMTP(HOST, self.server.port("mx"), timeout=PATIENCE_SECONDS) as client:
            client.starttls(context=self.tls)
            yield client

    @contextmanager
    def lmtp(self) -> Iterator[smtplib.LMTP]:
        """Connect to LMTP as a server on the same machine does."""
        client = smtplib.LMTP(HOST, self.server.port("lmtp"), timeout=PATIENCE_SECONDS)
        try:
            yield client
        finally:
            client.close()

    def deliver(self, *messages: bytes) -> None:
        """Deliver messages to this account by the MX."""
        with self.mx() as mx:
            for message in messages:
                mx.sendmail(SENDER, [self.address], message)

    def wipe(self) -> None:
        """Bring the account back to what it was when it was new, as far as a client can."""
        with self.imapclient() as client:
            found = [name for _, _, name in client.list_folders()]
            for name in sorted(found, key=len, reverse=True):
                if name not in KEPT:
                    client.delete_folder(name)
                elif client.folder_status(name, ["MESSAGES"])[b"MESSAGES"]:
                    client.select_folder(name)
                    client.delete_messages(client.search("ALL"))
                    client.expunge()
                    client.unselect_folder()
            for name in set(KEPT) - set(found):
                client.create_folder(name)
            for _, _, name in client.list_sub_folders():
                if name not in KEPT:
                    client.unsubscribe_folder(name)


@dataclass(frozen=True)
class Shelf:
    """An account with the corpus in its INBOX, as it is."""

    owner: User
    by_uid: dict[int, Letter]


def fill(owner: User) -> Shelf:
    """Append the corpus to somebody's INBOX."""
    with owner.imapclient() as client:
        for start in range(0, len(letters()), 50):
            client.multiappend("INBOX", [one.octets for one in letters()[start : start + 50]])
        client.select_folder("INBOX", readonly=True)
        uids = sorted(client.search("ALL"))
    return Shelf(owner, dict(zip(uids, letters(), strict=True)))


def letter(subject: str = "Seal", body: str = "Words.\r\n", **fields: str) -> bytes:
    """Write a small message; `fields` are further header fields, `_` for `-`."""
    head = {"From": f"Bob <{SENDER}>", "To": "alice@example.org", "Subject": subject}
    head |= {"Date": "Mon, 2 Mar 2026 09:00:00 +0000"}
    head |= {name.replace("_", "-"): value for name, value in fields.items()}
    lines = [f"{name}: {value}" for name, value in head.items()]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()
