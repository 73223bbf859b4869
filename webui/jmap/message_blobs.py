"""Blob ids of whole messages, and the octets behind them (RFC 8620 §6)."""

from mailserver.model.errors import Absent, Condition
from mailserver.model.ids import EmailId
from mailserver.model.sealed import Plaintext
from webui.jmap import ids
from webui.jmap.context import Context

_LETTER = "B"


def of_email(email_id: EmailId) -> str:
    """Write the blob id of an email's message."""
    return f"{_LETTER}{email_id}"


async def octets_of(context: Context, blob_id: str) -> Plaintext:
    """Return what is behind a blob id.

    Raises:
        Absent: NO_SUCH_MESSAGE.
        Corrupt: DAMAGED.
    """
    number = ids.email("M" + blob_id.removeprefix(_LETTER))
    if number is None or not blob_id.startswith(_LETTER):
        raise Absent(Condition.NO_SUCH_MESSAGE, "there is no such blob")
    return await context.account.emails.content(number)
