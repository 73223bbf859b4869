"""Leaving a list for its reader, when he says so: by one POST, or by a letter.

Mail can be forged, and a click must not make us ask what a stranger made up. So the fields that
name the way out must be covered by a DKIM signature that holds (RFC 8058 §4). Whether the button is
shown is told from the message as it lies here: from what we found on arrival, for to look a key up
would tell the sender that the message was opened. At the click everything is verified again, as
the message may have come another way than through our own MX.

Which lists somebody leaves is nobody's business: neither log nor audit names one.

Source: RFC 8058, RFC 2369, RFC 6376; PRIVACY §9.
"""

import asyncio
import secrets
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum

from mailserver.mail.incoming import Incoming
from mailserver.mail.submission import Submission, Submitter
from mailserver.mailauth.authentication_results import passed_signatures
from mailserver.mailauth.dkim import FIELD as SIGNATURE_FIELD
from mailserver.mailauth.dkim import MOST_SIGNATURES, DkimResult, DkimSignature, verify
from mailserver.mailauth.dkim_canon import Letter as Signed
from mailserver.mailauth.dkim_fields import parse_dkim_signature
from mailserver.model.address import Address
from mailserver.model.errors import PeerFault
from mailserver.model.sealed import Plaintext
from mailserver.model.web_url import WebUrl
from mailserver.protocol.mime import fields
from mailserver.protocol.mime.addresses import addresses
from mailserver.protocol.mime.compose import Outline, compose
from mailserver.protocol.mime.headers import Field, header_fields, unfold
from mailserver.protocol.mime.list_unsubscribe import (
    FIELD,
    ONE_CLICK,
    POST_FIELD,
    Letter,
    ways,
)
from mailserver.protocol.mime.scan import header_only
from mailserver.protocol.smtp.trace import date_time, received_from_user
from mailserver.runtime.clock import Clock
from mailserver.runtime.log import get_logger
from mailserver.runtime.offload import Offload
from mailserver.runtime.resolver import Resolver
from mailserver.runtime.web_client import WebClient, WebError

POST_DEADLINE = timedelta(seconds=15)
KEY_SECONDS = (
    8.0  # to look keys up; PRIVACY §9 lets a reader wait for the whole no longer than half a minute
)
FORM = "application/x-www-form-urlencoded"
_LIST = frozenset({FIELD.decode()})
_BOTH = _LIST | {POST_FIELD.decode()}

log = get_logger("mail")


class Way(Enum):
    """How to leave."""

    ONE_CLICK = "one_click"
    MAIL = "mail"


class Result(Enum):
    """What became of it."""

    UNSUBSCRIBED = "unsubscribed"
    """The list's server took the click."""
    SENT = "sent"
    """The letter is under way."""
    DECLINED = "declined"
    """The list's server answered, and not with success."""
    UNREACHABLE = "unreachable"
    UNSIGNED = "unsigned"
    """No signature that holds covers the fields, or none can be verified any more."""
    NOT_OFFERED = "not_offered"


@dataclass(frozen=True, slots=True)
class OneClick:
    """A POST that would do."""

    host: str
    """Whom it goes to."""
    signed_by: str
    """The domain that answers for it."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What a message offers, as far as it can be told without asking anybody."""

    one_click: OneClick | None
    letter: Letter | None
    vouched: bool
    """Whether a signature covers the letter's address, so that it may be sent without a look."""
    page: str
    """A page for people; empty where there is none."""


class Unsubscribing:
    """Leaves lists."""

    def __init__(
        self,
        web: WebClient,
        resolver: Resolver,
        clock: Clock,
        offload: Offload,
        authserv_id: str,
    ) -> None:
        """Post by `web`; keys are looked up by `resolver`.

        Args:
            web: asks servers.
            resolver: asked for DKIM keys at a click, never before.
            clock: decides about expired signatures.
            offload: where large bodies are hashed.
            authserv_id: by what name our findings on arrival are signed.
        """
        self._web = web
        self._resolver = resolver
        self._clock = clock
        self._offload = offload
        self._authserv_id = authserv_id

    def offer(self, message: Plaintext) -> Offer:
        """Say how to leave the list that `message` came by; nobody is asked for that."""
        octets = message.reveal()
        found = ways(_header(octets))
        passed = passed_signatures(octets, self._authserv_id)
        url = _https(found.post)
        by = _covering(octets, _BOTH, passed) if url is not None else ""
        return Offer(
            one_click=OneClick(url.host, by) if url is not None and by else None,
            letter=found.letter,
            vouched=found.letter is not None and bool(_covering(octets, _LIST, passed)),
            page=found.page,
        )

    async def post(self, message: Plaintext) -> Result:
        """Leave by one click. Source: RFC 8058 §3.2."""
        octets = message.reveal()
        url = _https(ways(_header(octets)).post)
        if url is None:
            return Result.NOT_OFFERED
        if not await self._is_covered(octets, _BOTH):
            return Result.UNSIGNED
        try:
            # RFC 8058 §3.2 would rather have multipart/form-data; this is what all of them read.
            answer = await self._web.post(url, ONE_CLICK.encode(), FORM, deadline=POST_DEADLINE)
        except WebError as error:
            log.info("list not left", trouble=error.trouble.value)
            return Result.UNREACHABLE
        # A redirection is none that a server may answer with (RFC 8058 §3.1), and no success.
        result = Result.UNSUBSCRIBED if 200 <= answer.status < 300 else Result.DECLINED
        log.info("list asked to let go", result=result.value)
        return result

    async def write(
        self, message: Plaintext, submitter: Submitter, submission: Submission
    ) -> Result:
        """Leave by the letter that the list asks for, in the name that its mail came to.

        Raises:
            MailError: as `Submission.recipient` and `Submission.submit`.
        """
        octets = message.reveal()
        header = _header(octets)
        letter = ways(header).letter
        if letter is None:
            return Result.NOT_OFFERED
        try:
            to = Address.parse(letter.to)
        except PeerFault:
            return Result.NOT_OFFERED
        if not await self._is_covered(octets, _LIST):
            return Result.UNSIGNED
        sender = _reader(header, submitter)
        now = self._clock.now()
        received = received_from_user("HTTPS", token=secrets.token_hex(8), at=now)
        written = Plaintext(_written(letter, sender, to, date_time(now)))
        incoming = Incoming(written, sender, received)
        (outcome,) = await submission.submit(submitter, incoming, [await submission.recipient(to)])
        if outcome is not None:
            raise outcome
        return Result.SENT

    async def _is_covered(self, octets: bytes, names: frozenset[str]) -> bool:
        """Say whether a signature that holds now covers those fields."""
        try:
            async with asyncio.timeout(KEY_SECONDS):
                signatures = await verify(
                    self._resolver, octets, now=self._clock.now(), offload=self._offload
                )
        except TimeoutError:
            return False
        return any(_holds(signature, names) for signature in signatures)


def _holds(signature: DkimSignature, names: frozenset[str]) -> bool:
    return signature.result is DkimResult.PASS and names <= signature.covers


def _covering(octets: bytes, names: frozenset[str], passed: frozenset[str]) -> str:
    """Return the domain of the first signature that passed and covers the fields; empty if none."""
    if not passed:
        return ""
    signed = Signed(octets)
    for field in signed.named(SIGNATURE_FIELD)[:MOST_SIGNATURES]:
        try:
            signature = parse_dkim_signature(field.value)
        except PeerFault:
            continue
        held = any(signature.text.startswith(tag) for tag in passed)
        if held and names <= signed.covered(signature.names):
            return signature.domain
    return ""


def _header(octets: bytes) -> list[Field]:
    return header_fields(octets[: header_only(octets).header_end])


def _https(text: str) -> WebUrl | None:
    try:
        url = WebUrl.parse(text)
    except PeerFault:
        return None
    return url if url.scheme == "https" else None


def _reader(header: list[Field], submitter: Submitter) -> Address:
    """Return the address of the reader's that the list knows: the first the message names."""
    for name, value, _ in header:
        if name not in (b"delivered-to", b"to", b"cc"):
            continue
        for named in addresses(unfold(value)):
            if not named.local or not named.domain:
                continue
            try:
                address = Address.parse(b"@".join((named.local, named.domain)).decode())
            except (PeerFault, UnicodeDecodeError):
                continue
            if submitter.owns(address):
                return address
    return submitter.address


def _written(letter: Letter, sender: Address, to: Address, date: str) -> bytes:
    lines = [
        fields.addresses("From", [fields.Named("", str(sender))]),
        fields.addresses("To", [fields.Named("", str(to))]),
        fields.text("Subject", letter.subject or "unsubscribe"),
        fields.raw("Date", date),
    ]
    body = (letter.body or "unsubscribe\n").replace("\n", "\r\n").encode("utf-8", "replace")
    return compose(lines, Outline("text/plain", body, charset="utf-8"))
