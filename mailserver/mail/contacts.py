"""An owner's contacts as files of other address books, in and out (GDPR Art. 20).

A card is the owner's own record (`mail.records`): what comes in is only read here, and kept by
whoever has looked at it; what goes out is every card, as vCard 4.0.
"""

from mailserver.mail.account import Account
from mailserver.model.record import RecordKind
from mailserver.model.sealed import Plaintext
from mailserver.protocol.vcard.decode import Decoded, decode
from mailserver.protocol.vcard.encode import encode
from mailserver.runtime.offload import Offload

FILE_OCTETS = 10 * 1024 * 1024
"""Of a file of cards; pictures make up most of one."""

__all__ = ["FILE_OCTETS", "Decoded", "read_cards", "written_cards"]


async def read_cards(octets: Plaintext, offload: Offload) -> Decoded:
    """Read a file of vCards 2.1, 3.0 or 4.0; whatever it is, nothing is kept of it here.

    Raises:
        Transient: BUSY.
    """
    return await offload(decode, octets.reveal())


async def written_cards(account: Account, offload: Offload) -> Plaintext:
    """Write every card of an account, in the order in which they were made.

    Raises:
        Transient: BUSY.

    Source: RFC 6350; GDPR Art. 20.
    """
    _, cards = await account.records.all(RecordKind.CARD)
    kept = [cards[number] for number in sorted(cards)]
    return Plaintext(await offload(lambda: b"".join(map(encode, kept))))
