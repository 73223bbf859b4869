"""AUTH for submission (RFC 4954): PLAIN and LOGIN, inside TLS only, with app passwords.

Who may sign in, how often, and how long a wrong guess takes, is `accounts.login`'s to say; here is
only the exchange. A secret is a `Plaintext` from the moment it is decoded, and no line that may
hold one is logged or repeated to the peer.
"""

import binascii
from base64 import b64decode, b64encode
from collections.abc import Awaitable, Callable

from mailserver.model.errors import Condition, MailError, Refused
from mailserver.model.sealed import Plaintext
from mailserver.protocol.smtp.codes import Code, Detail
from mailserver.protocol.smtp.reply import Rejection, Reply, rejection
from mailserver.smtp import status
from mailserver.smtp.connection import Door
from mailserver.smtp.handler import Handler
from mailserver.smtp.receive import Receiving
from mailserver.smtp.status import bad_sequence

Credentials = tuple[str, Plaintext]
SignIn = Callable[[str, Plaintext, str], Awaitable[Handler]]
"""Given login, secret and the client's IP address, return the handler of the submitter's mail.

Raises Refused: AUTHENTICATION_FAILED, ACCOUNT_PASSWORD_ON_MAIL, TRY_LATER, EXPIRED, SCOPE.
"""

_WELCOME = Reply(Code.AUTHENTICATED, Detail.SECURITY_OTHER, "Authentication successful")
_BEFORE_TLS = frozenset({"EHLO", "HELO", "NOOP", "RSET", "QUIT", "STARTTLS", "HELP"})
_MALFORMED = Reply(Code.ARGUMENT_ERROR, Detail.SYNTAX, "Malformed base64 or credentials")


class SigningIn(Receiving):
    """A session in which somebody has to sign in before MAIL."""

    def __init__(self, door: Door, sign_in: SignIn) -> None:
        """Check credentials with `sign_in`."""
        super().__init__(door, None)
        self._sign_in = sign_in
        self._failed = 0

    @property
    def signed_in(self) -> bool:
        """Whether AUTH succeeded."""
        return self.handler is not None

    def check_allowed(self, verb: str) -> None:
        """Refuse all but the way into TLS while there is none.

        Raises:
            Rejection: STARTTLS comes first (RFC 3207 §4).
        """
        if not self.over_tls and verb not in _BEFORE_TLS:
            raise Rejection(status.TLS_FIRST)

    def extensions(self) -> list[str]:
        """Offer AUTH where it would be taken."""
        offered = super().extensions()
        if self.over_tls and not self.signed_in:
            offered.append("AUTH PLAIN LOGIN")
        return offered

    async def smtp_AUTH(self, arg: str) -> None:
        """Sign in. Source: RFC 4954 §4."""
        if not self.extended:
            raise bad_sequence("EHLO comes first")
        if self.signed_in:
            raise bad_sequence("Signed in already")
        if self.draft is not None:
            raise bad_sequence("Not within a transaction")
        mechanism, _, initial = arg.partition(" ")
        match mechanism.upper():
            case "PLAIN":
                login, secret = await self._plain(initial)
            case "LOGIN":
                login, secret = await self._login(initial)
            case _:
                raise rejection(
                    Code.PARAMETER_NOT_IMPLEMENTED, Detail.INVALID_ARGUMENTS, "Use PLAIN or LOGIN"
                )
        try:
            self.handler = await self._sign_in(login, secret, self.ip)
        except MailError as error:
            self._refuse_sign_in(error)
            return
        self.say(_WELCOME.encode())

    def _refuse_sign_in(self, error: MailError) -> None:
        self.say(status.reply_to(error).encode())
        self.refusals += 1
        self._failed += 1
        if self._failed >= self.policy.failed_sign_ins:
            self.end(status.TOO_MANY_ERRORS)

    async def _plain(self, initial: str) -> Credentials:
        """Read `authzid NUL authcid NUL password`. Source: RFC 4616 §2."""
        message = _decoded(initial) if initial else await self._ask(b"")
        try:
            acting_for, login, secret = message.split(b"\0")
        except ValueError as error:
            raise Rejection(_MALFORMED) from error
        if acting_for not in (b"", login):
            raise Refused(Condition.AUTHENTICATION_FAILED, "Nobody signs in for somebody else")
        return _text(login), Plaintext(secret)

    async def _login(self, initial: str) -> Credentials:
        """Ask for name and password: no RFC has it, some clients have nothing else."""
        login = _decoded(initial) if initial else await self._ask(b"Username:")
        return _text(login), Plaintext(await self._ask(b"Password:"))

    async def _ask(self, challenge: bytes) -> bytes:
        """Send a challenge and return the decoded answer.

        Raises:
            Rejection: it is cancelled (`*`), too long or not base64.
        """
        self.say(b"334 " + b64encode(challenge) + b"\r\n")
        line = await self.read_line()
        self._reset_timeout()
        if line == b"*":
            raise rejection(Code.ARGUMENT_ERROR, Detail.SECURITY_OTHER, "Authentication cancelled")
        return _decoded(line)


def _decoded(text: str | bytes) -> bytes:
    if text in ("=", b"="):
        return b""  # RFC 4954 §4: an initial response that is empty
    try:
        return b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Rejection(_MALFORMED) from error


def _text(octets: bytes) -> str:
    try:
        return octets.decode()
    except UnicodeDecodeError as error:
        raise Rejection(_MALFORMED) from error
