"""One client's session: who it is, what is selected, and how every command ends (RFC 9051 §3).

A session never has two commands in it at once (see the package's theory), so nothing is locked.
What a command says is collected by the link and leaves in whole responses: an error in the middle
of a command cuts no response in half.
"""

import secrets
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Protocol

from mailserver.imap.bounds import Shared
from mailserver.imap.status import status_of, words
from mailserver.imap.updates import announcement
from mailserver.imap.uploads import Uploads
from mailserver.imap.view import View
from mailserver.mail.account import Account
from mailserver.mail.feed import Watch
from mailserver.model.errors import Absent, Condition, Locked, MailError
from mailserver.model.sealed import Plaintext
from mailserver.protocol.imap.machine import Machine
from mailserver.protocol.imap.numset import Ranges
from mailserver.protocol.imap.response import tagged, untagged
from mailserver.runtime.log import get_logger

log = get_logger("imap")


class Link(Protocol):
    """What a session needs of its connection."""

    machine: Machine
    peer: str
    """The client's IP address."""

    @property
    def private(self) -> bool:
        """Whether nobody on the way can read a password: TLS, or loopback."""
        ...

    @property
    def can_start_tls(self) -> bool:
        """Whether STARTTLS is still to be had."""
        ...

    def say(self, *pieces: bytes) -> None:
        """Queue whole responses, in however many pieces."""
        ...

    async def relieve(self) -> None:
        """Send what is queued if it is much, and wait while the client does not read."""
        ...

    async def start_tls(self) -> None:
        """Take the connection to TLS."""
        ...

    def push(self) -> None:
        """Tell news soon, for the client is idling."""
        ...

    def end(self) -> None:
        """Close once everything said is sent."""
        ...


@dataclass(slots=True)
class Exchange:
    """An AUTHENTICATE exchange under way: its tag, and what the client has said so far."""

    tag: bytes
    mechanism: str
    username: Plaintext | None = None


class Session:
    """The protocol's state on one connection."""

    __slots__ = (
        "account",
        "bad_commands",
        "condstore",
        "failures",
        "idle_tag",
        "link",
        "sasl",
        "saved",
        "shared",
        "uploads",
        "view",
        "watch",
    )

    def __init__(self, link: Link, shared: Shared) -> None:
        """Begin before sign-in."""
        self.link = link
        self.shared = shared
        self.account: Account | None = None
        self.view: View | None = None
        self.watch: Watch | None = None
        self.condstore = False
        """RFC 7162 §3.1: the client knows of MODSEQs, from its first word of them to the end."""
        self.idle_tag: bytes | None = None
        self.sasl: Exchange | None = None
        self.saved: Ranges = ()
        """RFC 5182: what `$` stands for, in UIDs."""
        self.uploads: Uploads | None = None
        self.failures = 0
        self.bad_commands = 0
        """One after the other; the machine's own count runs ahead of what was answered."""

    @property
    def jmap_url(self) -> str:
        """Where the account is to be had by JMAP with the same app password; else empty."""
        scopes = None if self.account is None else self.account.scopes
        return self.shared.jmap_url if scopes is not None and "jmap" in scopes else ""

    # --- how commands end

    def ok(self, tag: bytes, text: bytes, code: bytes = b"") -> None:
        """Say that the command succeeded; `code` goes in brackets."""
        self.bad_commands = 0
        self.link.say(tagged(tag, b"OK", text, code))

    def no(self, tag: bytes, text: bytes, code: bytes = b"") -> None:
        """Say that the command failed."""
        self.bad_commands = 0
        self.link.say(tagged(tag, b"NO", text, code))

    def bad(self, tag: bytes | None, text: bytes) -> None:
        """Say that the command made no sense; `tag` is None where there was none to read."""
        self.link.say(tagged(tag, b"BAD", text) if tag else untagged(b"BAD", text))
        self.bad_commands += 1
        if self.bad_commands >= self.shared.bounds.bad_commands:
            self.bye(b"too many commands that make no sense")

    def bye(self, text: bytes, code: bytes = b"") -> None:
        """Say why, and close."""
        self.link.say(untagged(b"BYE", text, code))
        self.link.end()

    def refuse(self, tag: bytes, error: MailError) -> None:
        """Say `error` as the end of the command, or of the session."""
        told = status_of(error)
        code, text = told.code or b"", words(error, self.shared.help_url).encode("utf-8", "replace")
        if told.kind == b"BYE":
            self.bye(text, code)
        elif told.kind == b"NO":
            self.no(tag, text, code)
        else:
            self.bad(tag, text)

    def apologise(self, tag: bytes, error: Exception) -> None:
        """Say that we are at fault, and log where, under a number that both ends can name."""
        incident = secrets.token_hex(4)
        log.error("incident", incident=incident, protocol="imap", exc_info=error)
        self.no(tag, b"we made a mistake; incident " + incident.encode(), b"SERVERBUG")

    async def complete(
        self, tag: bytes, text: bytes, code: bytes = b"", *, expunges: bool = True
    ) -> None:
        """Tell the news of the selected mailbox, then OK (RFC 9051 §5.2)."""
        await self.tell(expunges=expunges)
        self.ok(tag, text, code)

    def finish(self, tag: bytes, text: bytes) -> Coroutine[None, None, None] | None:
        """Do as `complete` does, on the spot where nothing has to be read for it."""
        view = self.gather()
        if view is not None and view.stale:
            return self.complete(tag, text)
        if view is not None:
            self.say_news(view, expunges=True)
        self.ok(tag, text)
        return None

    def withdraw(self, _why: object) -> None:
        """Be told that the account was taken away: revoked, locked or expired (PRIVACY §6)."""
        self.bye(b"access was withdrawn", b"UNAVAILABLE")

    # --- the selected mailbox

    def gather(self) -> View | None:
        """Take in what happened since the last time; returns the view, if a mailbox is selected."""
        if self.view is not None and self.watch is not None:
            changes = self.watch.take()
            if changes is None:
                self.view.stale = True
            else:
                for change in changes:
                    self.view.note(change)
        return self.view

    async def tell(self, *, expunges: bool) -> None:
        """Say the news of the selected mailbox; expunges only where the command allows them."""
        view = self.gather()
        if view is None:
            return
        if view.stale:
            await self._resync(view)
        self.say_news(view, expunges=expunges)

    async def tell_idle(self) -> None:
        """Do as `tell` in IDLE, where no command is there to fail: what cannot be told ends it."""
        try:
            await self.tell(expunges=True)
        except MailError as error:
            self.bye(words(error).encode("utf-8", "replace"), status_of(error).code or b"")

    def say_news(self, view: View, *, expunges: bool) -> None:
        """Say what `view` has gathered."""
        if view.has_news and (said := announcement(view, expunges=expunges, modseq=self.condstore)):
            self.link.say(said)

    async def _resync(self, view: View) -> None:
        if self.account is None:
            return
        try:
            fresh = await self.account.mailboxes.open(view.mailbox_id, writable=view.writable)
        except Absent as gone:
            # RFC 2180 §3.3: nothing the client holds means anything now.
            raise Locked(Condition.LOCKED, "the selected mailbox was deleted") from gone
        changed, _ = await self.account.messages.changed_since(view.mailbox_id, view.modseq)
        view.resync(fresh, changed)

    def deselect(self) -> None:
        """Leave the selected mailbox, if there is one."""
        self.view = None
        self.saved = ()
        if self.watch is not None:
            self.watch.close()
            self.watch = None

    def wake(self) -> None:
        """Be told that something happened in the account."""
        if self.idle_tag is not None:
            self.link.push()

    async def close(self) -> None:
        """Give back the account and what was reserved; the connection is gone."""
        self.deselect()
        if self.uploads is not None:
            self.uploads.drop()
            self.uploads = None
        if self.account is not None:
            account, self.account = self.account, None
            await account.close()
