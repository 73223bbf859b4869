"""The letter with the certificate of an erasure, to an address that its receiver named."""

import secrets
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from mailserver.model.address import Address

SUBJECT = "Erased · Gewist · Gelöscht · Effacé"
# Nobody knows in which language its receiver reads: what was set lay in the account.
_TEXT = """\
{address} has been erased, as you asked. The signed certificate is attached.

{address} is gewist, zoals u hebt gevraagd. Het ondertekende bewijs is bijgevoegd.

{address} wurde gelöscht, wie von Ihnen gewünscht. Die signierte Bescheinigung liegt bei.

{address} a été effacé, comme vous l'avez demandé. L'attestation signée est jointe.
"""


def letter(erased: Address, to: Address, certificate: str, at: datetime) -> bytes:
    """Write the letter, with the certificate as a file; CRLF."""
    message = EmailMessage(policy=SMTP)
    message["From"] = f"postmaster@{erased.domain}"
    message["To"] = str(to)
    message["Subject"] = SUBJECT
    message["Date"] = format_datetime(at)
    message["Message-ID"] = f"<{secrets.token_hex(16)}@{erased.domain}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(_TEXT.format(address=erased))
    message.add_attachment(
        certificate.encode(), maintype="application", subtype="json", filename="erasure.json"
    )
    return message.as_bytes()
