"""What one client may do: sign in, and keep its scripts (RFC 5804 §2)."""

import binascii
from base64 import b64decode
from typing import Protocol, assert_never

from mailserver.mail.script_account import ScriptAccount
from mailserver.mail.scripts import Scripts
from mailserver.managesieve.bounds import Shared
from mailserver.managesieve.status import status, words
from mailserver.model.errors import Condition, MailError
from mailserver.model.sealed import Plaintext
from mailserver.protocol.imap import sasl
from mailserver.protocol.imap.lexer import SyntaxFault
from mailserver.protocol.managesieve.command import (
    Authenticate,
    Capability,
    CheckScript,
    Command,
    DeleteScript,
    GetScript,
    HaveSpace,
    ListScripts,
    Logout,
    Noop,
    PutScript,
    RenameScript,
    SetActive,
    StartTls,
    Unauthenticate,
)
from mailserver.protocol.managesieve.response import line, reply, string, tag_code
from mailserver.protocol.sieve import EXTENSIONS, NOTIFY_METHODS
from mailserver.runtime.log import get_logger

VERSION = "1.0"  # RFC 5804 §1.7

log = get_logger("managesieve")


class Link(Protocol):
    """What a session needs of its connection."""

    peer: str

    @property
    def private(self) -> bool:
        """Whether nobody on the way can read a password."""
        ...

    @property
    def can_start_tls(self) -> bool:
        """Whether STARTTLS is still to be had."""
        ...

    def say(self, octets: bytes) -> None:
        """Send octets."""
        ...

    async def hear(self) -> Plaintext | None:
        """Return the client's next string in an exchange; None where it sent something else."""
        ...

    async def start_tls(self) -> bool:
        """Take the connection to TLS; False where it failed and the connection is gone."""
        ...

    def sign_in(self, *, signed_in: bool) -> None:
        """Note whether the client is signed in."""
        ...

    def end(self) -> None:
        """Close once everything said is sent."""
        ...


class Session:
    """The protocol's state on one connection."""

    def __init__(self, link: Link, shared: Shared) -> None:
        """Begin before sign-in."""
        self._link = link
        self._shared = shared
        self._account: ScriptAccount | None = None
        self._failures = 0
        self._bad = 0

    @property
    def signed_in(self) -> bool:
        """Whether somebody is."""
        return self._account is not None

    def greet(self) -> None:
        """Say what can be done here (RFC 5804 §1.7)."""
        self._link.say(self._capabilities() + reply(b"OK", "Zegel is ready"))

    def bye(self, text: str, code: bytes | None = None) -> None:
        """Say goodbye and close."""
        self._link.say(reply(b"BYE", text, code))
        self._link.end()

    def refuse(self, text: str, code: bytes | None = None) -> None:
        """Refuse what is not in the grammar, and close where that comes too often."""
        self._link.say(reply(b"NO", text, code))
        self._bad += 1
        if self._bad >= self._shared.bounds.bad_commands:
            self.bye("too many commands that are none")

    async def close(self) -> None:
        """Give back what the client held."""
        account, self._account = self._account, None
        if account is not None:
            await account.close()

    async def perform(self, command: Command) -> None:
        """Carry out a command and answer it."""
        self._bad = 0
        try:
            await self._perform(command)
        except MailError as error:
            said = status(error.condition)
            text = words(error, self._shared.help_url)
            if said.kind == b"BYE":
                self.bye(text, said.code)
            else:
                self._link.say(reply(said.kind, text, said.code))

    async def _perform(self, command: Command) -> None:
        match command:
            case Capability():
                self._link.say(self._capabilities() + reply(b"OK"))
            case Noop(tag):
                self._link.say(reply(b"OK", "done", None if tag is None else tag_code(tag)))
            case Logout():
                self._link.say(reply(b"OK", "until next time"))
                self._link.end()
            case StartTls():
                await self._start_tls()
            case Authenticate(mechanism, initial):
                await self._authenticate(mechanism, initial)
            case Unauthenticate():
                await self._unauthenticate()
            case _ if self._account is None:
                self._link.say(reply(b"NO", "sign in first"))
            case _:
                await self._keep(command, self._account.scripts)

    async def _keep(self, command: Command, scripts: Scripts) -> None:
        """Carry out what is about scripts."""
        match command:
            case HaveSpace(name, size):
                await scripts.has_space(name, size)
                self._done()
            case PutScript(name, content):
                self._done(await scripts.put(name, content))
            case CheckScript(content):
                self._done(await scripts.check(content))
            case ListScripts():
                listed = [
                    line(one.name, end=b"ACTIVE" if one.active else b"")
                    for one in await scripts.listing()
                ]
                self._link.say(b"".join(listed) + reply(b"OK"))
            case SetActive(name):
                await scripts.activate(name or None)
                self._done()
            case GetScript(name):
                content = await scripts.get(name)
                octets = content.reveal()
                self._link.say(b"{%d}\r\n" % len(octets) + octets + b"\r\n" + reply(b"OK"))
            case DeleteScript(name):
                await scripts.delete(name)
                self._done()
            case RenameScript(old, new):
                await scripts.rename(old, new)
                self._done()
            case Authenticate() | StartTls() | Logout() | Capability() | Noop() | Unauthenticate():
                raise RuntimeError("this command is carried out elsewhere")
            case _:
                assert_never(command)

    def _done(self, warnings: list[str] | None = None) -> None:
        if warnings:
            self._link.say(reply(b"OK", "\n".join(warnings), b"WARNINGS"))
        else:
            self._link.say(reply(b"OK"))

    # --- signing in

    async def _start_tls(self) -> None:
        if not self._link.can_start_tls:
            self._link.say(reply(b"NO", "there is no STARTTLS here"))
            return
        self._link.say(reply(b"OK", "begin TLS"))
        if await self._link.start_tls():
            self.greet()  # RFC 5804 §2.2: what was said in the clear is forgotten

    async def _authenticate(self, mechanism: str, initial: Plaintext | None) -> None:
        if self._account is not None:
            self._link.say(reply(b"NO", "you are signed in already"))
            return
        if not self._link.private:
            self._link.say(reply(b"NO", "start TLS before you sign in", b"ENCRYPT-NEEDED"))
            return
        if mechanism != sasl.PLAIN:
            self._link.say(reply(b"NO", "there is no such mechanism here"))
            return
        if initial is None:
            self._link.say(string(b"") + b"\r\n")
            initial = await self._link.hear()
        credentials = None if initial is None else _credentials(initial)
        if credentials is None:
            self._link.say(reply(b"NO", "this is not a PLAIN message"))
            return
        if credentials.authorize_as not in ("", credentials.username):
            self._link.say(reply(b"NO", "nobody may act for somebody else here"))
            return
        await self._sign_in(credentials)

    async def _sign_in(self, credentials: sasl.Credentials) -> None:
        try:
            account = await self._shared.sign_in(
                credentials.username, credentials.password, self._link.peer
            )
        except MailError as error:
            self._failures += 1
            code = status(error.condition).code
            self._link.say(reply(b"NO", words(error, self._shared.help_url), code))
            if self._failures >= self._shared.bounds.failures:
                self.bye("too many failed sign-ins")
            return
        self._account = account
        account.on_end(lambda _: self.bye("your access ended", status(Condition.LOCKED).code))
        self._link.sign_in(signed_in=True)
        self._link.say(reply(b"OK", "signed in"))

    async def _unauthenticate(self) -> None:
        if self._account is None:
            self._link.say(reply(b"NO", "you are not signed in"))
            return
        await self.close()
        self._link.sign_in(signed_in=False)
        self._link.say(reply(b"OK"))

    def _capabilities(self) -> bytes:
        """Write what can be done here, as things stand (RFC 5804 §1.7)."""
        can_sign_in = self._link.private and self._account is None
        lines = [
            line("IMPLEMENTATION", "Zegel"),
            line("SASL", sasl.PLAIN if can_sign_in else ""),
            line("SIEVE", " ".join(EXTENSIONS)),
            line("NOTIFY", " ".join(NOTIFY_METHODS)),
            line("MAXREDIRECTS", str(self._shared.redirects)),
            line("LANGUAGE", "en"),
            line("UNAUTHENTICATE"),
        ]
        if self._link.can_start_tls:
            lines.append(line("STARTTLS"))
        if self._account is not None:
            lines.append(line("OWNER", self._account.address))
        return b"".join([*lines, line("VERSION", VERSION)])


def _credentials(message: Plaintext) -> sasl.Credentials | None:
    try:
        octets = b64decode(message.reveal(), validate=True)
        return sasl.plain(Plaintext(octets))
    except (binascii.Error, SyntaxFault):
        return None
