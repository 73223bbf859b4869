"""What is asked of another server's IMAP, in order: sign in, list, open, fetch, delete.

Nothing here changes the other server but `delete`: mailboxes are opened with EXAMINE and messages
read with BODY.PEEK, so that bringing mail over leaves no trace where it came from.
"""

import base64
import re
from array import array
from collections.abc import AsyncIterator
from dataclasses import dataclass

from aioimaplib.aioimaplib import quoted

from mailserver.model.errors import Absent, Condition, PeerFault, Refused
from mailserver.model.sealed import Plaintext
from mailserver.transfer.imap import Answer, Wire
from mailserver.transfer.imap_reader import Response
from mailserver.transfer.imap_values import (
    Fetched,
    Listed,
    Value,
    fetched,
    listed,
    numbers,
    read_name,
    values,
)
from mailserver.transfer.reach import Declined

PARTIAL_MESSAGES = 1_000  # of which a server told a part and owes the rest
_VALIDITY = re.compile(rb"\[UIDVALIDITY (\d{1,10})\]", re.IGNORECASE)
_EXISTS = re.compile(rb"\* (\d{1,10}) EXISTS$", re.IGNORECASE)
_FETCH = re.compile(rb"\* \d{1,10} FETCH \(", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Namespaces:
    """Where names begin (RFC 2342): one's own, and other people's."""

    own: tuple[str, ...] = ("",)
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Opened:
    """A mailbox as EXAMINE or SELECT told."""

    messages: int
    uid_validity: int


class Session:
    """A user signed in at another server."""

    def __init__(self, wire: Wire) -> None:
        """Speak over `wire`."""
        self._wire = wire
        self.capabilities: frozenset[str] = frozenset()

    async def sign_in(self, user: str, password: Plaintext) -> None:
        """Sign in, unless the server took us for somebody already.

        Raises:
            Refused: AUTHENTICATION_FAILED, or the server wants a way to sign in that we have not.
        """
        await self._ask_capabilities()
        if not self._wire.signed_in:
            answer = await self._authenticate(user.encode(), password.reveal())
            if not answer.ok:
                raise Refused(
                    Condition.AUTHENTICATION_FAILED,
                    "the other server does not take this user name and password",
                )
            self._wire.enter()
            await self._ask_capabilities()

    async def _authenticate(self, user: bytes, password: bytes) -> Answer:
        """Sign in with SASL PLAIN (RFC 4616), else LOGIN, as a mechanism or as the command.

        A secret is never part of a command's words, which an error might quote.
        """
        if "AUTH=PLAIN" in self.capabilities:
            secret = base64.b64encode(b"\0" + user + b"\0" + password)
            return await self._wire.ask("AUTHENTICATE", "PLAIN", replies=[secret])
        if "AUTH=LOGIN" in self.capabilities:
            answers = [base64.b64encode(user), base64.b64encode(password)]
            return await self._wire.ask("AUTHENTICATE", "LOGIN", replies=answers)
        if "LOGINDISABLED" in self.capabilities:
            raise Declined("the other server takes no password over this connection")
        replies = [user + b" {%d}" % len(password), password]
        return await self._wire.ask("LOGIN", f"{{{len(user)}}}", replies=replies)

    async def _ask_capabilities(self) -> None:
        answer = await self._wire.ask("CAPABILITY")
        words = [word for each in answer.untagged for word in values(each)]
        self.capabilities = frozenset(
            word.decode("latin-1").upper() for word in words if isinstance(word, bytes)
        )
        if not {"IMAP4REV1", "IMAP4REV2"} & self.capabilities:
            raise PeerFault(Condition.BAD_SYNTAX, "the other server speaks no IMAP4rev1")

    @property
    def is_gmail(self) -> bool:
        """Whether messages have labels, and one mailbox that holds them all."""
        return "X-GM-EXT-1" in self.capabilities

    async def mailboxes(self) -> tuple[list[Listed], frozenset[bytes]]:
        """List all mailboxes, and the raw names of those subscribed."""
        if {"LIST-EXTENDED", "SPECIAL-USE"} <= self.capabilities:
            words = ('""', '"*"', "RETURN (SUBSCRIBED SPECIAL-USE)")
            found = _mailboxes(await self._wire.ask("LIST", *words))
            subscribed = [each for each in found if "\\subscribed" in each.attributes]
        else:
            found = _mailboxes(await self._wire.ask("LIST", '""', '"*"'))
            subscribed = _mailboxes(await self._wire.ask("LSUB", '""', '"*"'))
        return found, frozenset(each.raw for each in subscribed)

    async def namespaces(self) -> Namespaces:
        """Return where names begin; where the server does not tell, at their beginning."""
        if "NAMESPACE" not in self.capabilities:
            return Namespaces()
        answer = await self._wire.ask("NAMESPACE")
        for response in answer.untagged:
            told = values(response)
            if len(told) == 4 and told[0] == b"NAMESPACE":
                others = (*_prefixes(told[2]), *_prefixes(told[3]))
                return Namespaces(_prefixes(told[1]) or ("",), others)
        return Namespaces()

    async def open(self, mailbox: Listed, *, writable: bool = False) -> Opened:
        """Open a mailbox: EXAMINE, or SELECT where it is to be changed.

        Raises:
            Absent: NO_SUCH_MAILBOX, the server does not open it.
        """
        name = quoted(mailbox.raw.decode("latin-1"))
        answer = await self._wire.ask("SELECT" if writable else "EXAMINE", name)
        if not answer.ok:
            raise Absent(Condition.NO_SUCH_MAILBOX, "the other server does not open it")
        self._wire.enter(selected=True)
        lines = [response.line for response in answer.untagged]
        validities = [found for line in lines if (found := _VALIDITY.search(line))]
        exist = [found for line in lines if (found := _EXISTS.match(line))]
        if not validities or not exist:
            raise PeerFault(Condition.BAD_SYNTAX, "the other server numbers no messages")
        return Opened(int(exist[-1].group(1)), int(validities[-1].group(1)))

    async def uids_after(self, uid: int) -> "array[int]":
        """Return the UIDs above `uid`, ascending."""
        answer = await self._wire.ask("SEARCH", f"UID {uid + 1}:*", prefix="UID")
        if not answer.ok:
            raise Declined("the other server does not search")
        found: set[int] = set()
        for response in answer.untagged:
            if response.line[:8].upper() == b"* SEARCH":
                found.update(numbers(values(response)[1:]))
        # `*` is the last message even where that is below the first number (RFC 9051 §9 seq-range)
        return array("I", sorted(each for each in found if uid < each <= 0xFFFF_FFFF))

    async def sizes(self, uids: str) -> dict[int, int]:
        """Return the sizes in octets of messages by UID, as the server counts them."""
        answer = await self._wire.ask("FETCH", f"{uids} (UID RFC822.SIZE)", prefix="UID")
        told = [found for found in map(_fetched, answer.untagged) if found is not None]
        return {each.uid: each.size_octets for each in told if each.size_octets is not None}

    async def fetch(self, uids: str, *, labels: bool = False) -> AsyncIterator[Fetched]:
        """Yield messages whole: octets, flags, date; in the order in which they come.

        A message that is gone is left out, as is one that the server cannot read.

        Raises:
            Declined: not all that the server has was told.
            ConnectionLost, PeerFault: there is no more to be had.
        """
        items = "(UID FLAGS INTERNALDATE BODY.PEEK[])"
        if labels:
            items = items.replace("FLAGS", "FLAGS X-GM-LABELS")
        partial: dict[int, Fetched] = {}
        async for response in self._wire.stream("FETCH", f"{uids} {items}", prefix="UID"):
            part = _fetched(response)
            if part is None:
                continue
            whole = _joined(partial.pop(part.uid, None), part)
            if whole.complete:
                yield whole
            else:
                partial[part.uid] = whole
                if len(partial) > PARTIAL_MESSAGES or _octets(partial) > self.partial_octets:
                    raise PeerFault(Condition.TOO_LARGE, "the other server tells no message whole")

    partial_octets = 256 << 20
    """What may be held of messages that were told in part."""

    async def delete(self, uids: str) -> None:
        """Remove messages for good where the server can remove them alone, else mark them.

        Without UIDPLUS an EXPUNGE would take whatever else is marked (RFC 4315 §1).

        Raises:
            Declined: the server does not let us.
        """
        answer = await self._wire.ask("STORE", f"{uids} +FLAGS.SILENT (\\Deleted)", prefix="UID")
        if answer.ok and "UIDPLUS" in self.capabilities:
            answer = await self._wire.ask("EXPUNGE", uids, prefix="UID")
        if not answer.ok:
            raise Declined("the other server lets no message be deleted")

    async def close(self) -> None:
        """Sign out."""
        await self._wire.close()


def _fetched(response: Response) -> Fetched | None:
    return fetched(response) if _FETCH.match(response.line) else None


def _joined(before: Fetched | None, now: Fetched) -> Fetched:
    """Put together what came of one message in two responses (RFC 9051 §7.5.2 allows it)."""
    if before is None:
        return now
    for name in ("octets", "oversized", "internaldate", "size_octets", "labels"):
        if getattr(now, name) is None:
            setattr(now, name, getattr(before, name))
    if now.flags is None:
        now.flags, now.keywords = before.flags, before.keywords
    now.undated = now.undated or before.undated
    return now


def _octets(partial: dict[int, Fetched]) -> int:
    return sum(len(each.octets or b"") for each in partial.values())


def _mailboxes(answer: Answer) -> list[Listed]:
    if not answer.ok:
        raise Declined("the other server does not list its mailboxes")
    found: dict[bytes, Listed] = {}
    for response in answer.untagged:
        if response.line[:7].upper() in (b"* LIST ", b"* LSUB "):
            one = listed(response)
            if one is not None:
                found[one.raw] = one
    return list(found.values())


def _prefixes(told: Value) -> tuple[str, ...]:
    """Read one kind of namespace: `(("INBOX." ".") …)` or NIL."""
    if not isinstance(told, list):
        return ()
    firsts = [each[0] for each in told if isinstance(each, list) and each]
    return tuple(read_name(first) for first in firsts if isinstance(first, bytes))
