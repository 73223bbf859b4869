"""Mail that leaves because of mail that came: sent on, passed on to a group, answered.

All of it goes through the queue, the part for our own people too, so that it is durable before the
sender hears `250` and none of it is lost. What is sent on keeps its author; its reverse-path is
rewritten (SRS), since the author's domain does not know us, and it is sealed (ARC) with what we
found when it came, since our changes may break what its author signed.
"""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from mailserver.mail.destination import Addressee
from mailserver.mail.incoming import Incoming
from mailserver.mail.outgoing import Origin, Outgoing, Parcel
from mailserver.mail.sieve import Answer, Decision
from mailserver.mail.signing import Signing
from mailserver.mailauth import srs
from mailserver.model.address import Address
from mailserver.model.envelope import Envelope, Notify, Onward
from mailserver.model.errors import Condition, Refused
from mailserver.model.sealed import Plaintext
from mailserver.protocol.mime.headers import header_fields, unfold
from mailserver.protocol.mime.scan import header_only
from mailserver.runtime.clock import Clock
from mailserver.runtime.log import get_logger
from mailserver.vault.guard import InstanceGuard

log = get_logger("mail")

MARK = b"delivered-to"
"""Names each address of ours that sent a message on; the second time is a loop (RFC 9228)."""

Reaches = Callable[[str], Awaitable[bool]]
"""Says whether mail for a domain goes anywhere from here: it is ours, or this server relays."""


async def everywhere(_domain: str) -> bool:
    """Reach every domain."""
    return True


class Forwarding:
    """Sends mail on, and answers it."""

    def __init__(
        self,
        outgoing: Outgoing,
        signing: Signing,
        instance: InstanceGuard,
        bounce_keys: Sequence[bytes | bytearray],
        clock: Clock,
        *,
        reaches: Reaches = everywhere,
    ) -> None:
        """Hand everything to `outgoing`.

        Args:
            outgoing: what sends it.
            signing: seals what others wrote.
            instance: guards what no account of ours sends.
            bounce_keys: of rewritten reverse-paths; the first makes them, all are understood.
            clock: dates reverse-paths.
            reaches: where mail goes to from here; a server without a relay serves its own people.
        """
        self._outgoing = outgoing
        self._signing = signing
        self._bounce_keys = [bytes(key) for key in bounce_keys]
        self._instance = instance
        self._clock = clock
        self._reaches = reaches

    async def redirect(
        self, message: Incoming, by: Address, holder: Addressee, decision: Decision
    ) -> None:
        """Send a message on as its reader's filter says (RFC 5228 §4.2), durably.

        Raises:
            Refused: MAIL_LOOP, it was sent on by this address before.
            Transient: the queue does not take it now.
        """
        origin = Origin(holder.identity.account, holder.guard)
        for onward in decision.redirects:
            edited = onward.octets.reveal() if onward.octets is not None else None
            await self._send_on(message, by, origin, [onward.target], edited)

    async def pass_on(self, message: Incoming, by: Address, to: Sequence[Address]) -> None:
        """Send a message on to those whom the address `by` stands for, durably.

        Whom this server does not write to is reported to the author by the queue; where it does not
        write to the author either, they are left out and the operator's log says so.

        Raises:
            Refused: RELAY_DENIED, that is all of them; MAIL_LOOP, as `redirect`.
            Transient: the queue does not take it now.
        """
        reached = [each for each in to if await self._reaches(each.domain)]
        if not reached:
            raise Refused(
                Condition.RELAY_DENIED,
                "this address stands for people at other servers, and mail to them is not sent",
            )
        is_told = message.sender is not None and await self._reaches(message.sender.domain)
        if len(reached) < len(to) and not is_told:
            log.warning("members elsewhere left out", count=len(to) - len(reached))
        onto = to if is_told else reached
        await self._send_on(message, by, Origin(None, self._instance), onto, None)

    def bounce_goes_to(self, address: Address) -> Address | None:
        """Return whose bounces come to an address of ours; None where it is no such address.

        Raises:
            Refused: NOT_PERMITTED, EXPIRED: we did not make it, or too long ago.
        """
        if not srs.is_ours(address):
            return None
        now = self._clock.now()
        for key in self._bounce_keys[:-1]:
            with suppress(Refused):
                return srs.reverse(address, key=key, now=now)
        return srs.reverse(address, key=self._bounce_keys[-1], now=now)

    async def answer(self, holder: Addressee, answers: Sequence[Answer]) -> None:
        """Send a reader's automatic answers, with the null reverse-path (RFC 3834 §3.3).

        What would go where this server sends nothing is not written.

        Raises:
            Transient: the queue does not take them now.
        """
        for answer in answers:
            if not await self._reaches(answer.recipient.domain):
                continue
            octets = answer.message.reveal()
            utf8 = not octets[: header_only(octets).header_end].isascii()
            await self._outgoing.enqueue(
                Parcel(
                    Origin(holder.identity.account, holder.guard),
                    Envelope(None, smtputf8=utf8),
                    answer.message,
                    [Onward(answer.recipient, Notify.NEVER)],
                )
            )

    async def _send_on(
        self,
        message: Incoming,
        by: Address,
        origin: Origin,
        to: Sequence[Address],
        edited: bytes | None,
    ) -> None:
        content = edited if edited is not None else message.octets.reveal()
        if _came_by(content, by):
            raise Refused(Condition.MAIL_LOOP, "this message was here before: a mail loop")
        mark = b"Delivered-To: " + str(by).encode() + b"\r\n"
        top = b"" if edited is not None else message.findings + message.received
        octets = b"".join((mark, top, content))
        sealed = await self._sealed(message, by, octets)
        await self._outgoing.enqueue(
            Parcel(
                origin,
                message.asked.envelope(self._reverse_path(message.sender, by)),
                Plaintext(sealed + octets),
                [Onward(address) for address in to],
            )
        )

    async def _sealed(self, message: Incoming, by: Address, octets: bytes) -> bytes:
        if message.verdict is None:
            return b""
        return await self._signing.seal(
            by.domain, octets, results=message.findings, chain=message.verdict.arc
        )

    def _reverse_path(self, sender: Address | None, by: Address) -> Address | None:
        """Return an address of ours that leads back to the sender."""
        if sender is None:
            return None
        key, now = self._bounce_keys[0], self._clock.now()
        return srs.forward(sender, ours=by.domain, key=key, now=now)


def _came_by(content: bytes, by: Address) -> bool:
    """Say whether a message was sent on by this very address before."""
    for name, value, _ in header_fields(content[: header_only(content).header_end]):
        if name == MARK and unfold(value).strip().lower() == str(by).lower().encode():
            return True
    return False
