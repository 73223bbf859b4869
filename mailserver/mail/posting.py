"""Who wrote a message, where that is proven: groups that not everybody may write to ask."""

from contextlib import suppress

from mailserver.mail.forwarding import MARK
from mailserver.mail.incoming import Incoming
from mailserver.mailauth import srs
from mailserver.mailauth.dmarc import DmarcResult
from mailserver.model.address import Address
from mailserver.model.errors import PeerFault
from mailserver.protocol.mime.headers import header_fields
from mailserver.protocol.mime.scan import header_only


def proven_author(message: Incoming) -> Address | None:
    """Return who wrote a message, or None where that is only claimed.

    From outside it is the author whose domain vouches for the message (DMARC); of our own people,
    the reverse-path, which submission let only its owner use. What a reader's filter sent on is the
    reader's mail but not his words, whatever reverse-path it has.
    """
    verdict = message.verdict
    if verdict is not None:
        if verdict.dmarc.result is not DmarcResult.PASS or verdict.from_fields != 1:
            return None
        with suppress(PeerFault):
            return Address.parse(verdict.from_address)
        return None
    sender = message.sender
    if not message.submitted or sender is None or srs.is_ours(sender):
        return None
    return None if _was_sent_on(message.octets.reveal()) else sender


def _was_sent_on(octets: bytes) -> bool:
    fields = header_fields(octets[: header_only(octets).header_end])
    return any(name == MARK for name, _, _ in fields)
